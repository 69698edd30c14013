"""The rate limit is strict over every window."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from siscon.sandbox.limits import Window
from siscon.sandbox.traffic import Traffic


@pytest.mark.parametrize("seed", range(8))
def test_no_window_of_sixty_seconds_holds_more_than_the_limit(seed: int) -> None:
    rng = random.Random(seed)
    window, now, accepted = Window(20), 0.0, []
    for _ in range(1500):
        now += rng.choice((0.0, 0.1, 0.5, 3.0, rng.random() * 5))
        if window.wait_s(now) == 0:
            accepted.append(now)

    for number, at in enumerate(accepted):
        assert sum(at <= other <= at + 60 for other in accepted[number:]) <= 20


def test_the_announced_wait_is_long_enough_and_hardly_longer() -> None:
    window = Window(3)
    for at in (0.0, 10.0, 20.0):
        assert window.wait_s(at) == 0

    wait = window.wait_s(30.25)

    assert wait == 30
    assert window.wait_s(30.25 + wait) == 0


def test_refused_requests_do_not_lengthen_the_wait() -> None:
    window = Window(1)
    assert window.wait_s(0.0) == 0
    for at in range(1, 60):
        assert window.wait_s(float(at)) > 0
    assert window.wait_s(60.1) == 0


def test_a_pause_between_requests_is_kept() -> None:
    window = Window(100)

    assert window.wait_s(1.0, 500) == 0
    assert window.wait_s(1.2, 500) == 1
    assert window.wait_s(1.5, 500) == 0


def test_traffic_counts_the_busiest_minute() -> None:
    traffic = Traffic()
    for at in (0.0, 1.0, 2.0, 59.0, 61.5, 200.0):
        traffic.count("/a", at)

    told = traffic.as_dict()
    assert (told["requests"], told["tokens"], told["throttled"], told["max_in_60s"]) == (6, 0, 0, 4)
    assert [round(b - a, 3) for a, b in pairwise(told["times"])] == [1.0, 1.0, 57.0, 2.5, 138.5]
    assert traffic.by_path == {"/a": 6}
