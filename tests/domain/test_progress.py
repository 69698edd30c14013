"""Progress and time left by arithmetic."""

from __future__ import annotations

import pytest

from siscon.domain.progress import per_minute, requests_left, share, time_left
from siscon.domain.records import Entity
from siscon.domain.runs import Counts, Phase


def fetching(**values: object) -> Counts:
    return Counts(Entity.STUDENT, phase=Phase.FETCH, **values)  # type: ignore[arg-type] # a test's shorthand


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        pytest.param(fetching(fetched=4_200, total=10_000, pages=42), 58, id="pages of the size seen"),
        pytest.param(fetching(fetched=100, total=101, pages=1), 1, id="a last short page is a page"),
        pytest.param(fetching(fetched=100, total=None, pages=1), None, id="no total: unknown"),
        pytest.param(Counts(Entity.STUDENT), None, id="not begun: unknown"),
        pytest.param(fetching(fetched=100, total=100, pages=1), 0, id="all there"),
        pytest.param(fetching(fetched=120, total=100, pages=2), 0, id="more than announced"),
        pytest.param(Counts(Entity.STUDENT, done=True), 0, id="done"),
        pytest.param(
            Counts(Entity.STUDENT, phase=Phase.APPLY, total=9, pages=1, fetched=3), 0, id="applying"
        ),
    ],
)
def test_pages_left_follow_from_total_and_page_size(counts: Counts, expected: int | None) -> None:
    assert requests_left(counts) == expected


def test_the_rate_budget_sets_the_pace() -> None:
    counts = [fetching(fetched=4_200, total=10_000, pages=42, requests=42, seconds=4.2)]

    left = time_left(counts, requests_per_minute=60)

    assert (left.requests, left.seconds, left.whole) == (58, 58.0, True)


def test_a_slow_sis_sets_the_pace_when_it_is_slower_than_the_budget() -> None:
    counts = [fetching(fetched=500, total=1_000, pages=5, requests=5, seconds=20.0)]

    assert time_left(counts, requests_per_minute=60).seconds == pytest.approx(20.0)


def test_an_entity_without_total_makes_the_figure_a_lower_bound() -> None:
    counts = [fetching(fetched=500, total=1_000, pages=5), Counts(Entity.COURSE)]

    left = time_left(counts, requests_per_minute=60)

    assert left.seconds == 5.0
    assert left.whole is False


def test_nobody_knows_when_no_total_was_announced() -> None:
    counts = [fetching(fetched=500, total=None, pages=5, requests=5, seconds=5.0)]

    assert time_left(counts, requests_per_minute=60).seconds is None


def test_nothing_is_left_when_everything_is_fetched() -> None:
    assert time_left([Counts(Entity.STUDENT, done=True)], requests_per_minute=0).seconds == 0.0


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        pytest.param(fetching(fetched=25, total=100, pages=1), 0.25, id="fetching"),
        pytest.param(fetching(fetched=25, pages=1), None, id="no total"),
        pytest.param(fetching(fetched=0, total=0, pages=1), 1.0, id="an empty list is whole"),
        pytest.param(Counts(Entity.STUDENT), 0.0, id="not begun"),
        pytest.param(
            Counts(Entity.STUDENT, phase=Phase.APPLY, fetched=10, created=3, failed=2), 0.5, id="apply"
        ),
        pytest.param(Counts(Entity.STUDENT, done=True), 1.0, id="done"),
    ],
)
def test_share_is_that_of_the_present_phase(counts: Counts, expected: float | None) -> None:
    assert share(counts) == expected


def test_requests_per_minute_say_nothing_in_the_first_seconds() -> None:
    assert per_minute(3, started_at_ms=0, now_ms=1_000) is None
    assert per_minute(30, started_at_ms=0, now_ms=30_000) == 60.0
