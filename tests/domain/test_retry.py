"""Delays, hints, pace and breaker as tables and properties."""

from __future__ import annotations

import bisect
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from siscon.domain.retry import (
    LATE_MOST_MS,
    Breaker,
    after_failure,
    backoff_s,
    breaker_state,
    grace_ms,
    pace_of,
    quota_pause_s,
    reserve,
    retry_after_s,
)

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("7", 7.0),
        (" 1.5 ", 1.5),
        ("0", 0.0),
        ("99999", 900.0),
        ("9" * 5000, 900.0),
        ("-3", None),
        ("inf", None),
        ("soon", None),
        ("7\x1f", None),
        ("", None),
        (None, None),
        ("Sat, 21 Nov 2026 12:00:30 GMT", 30.0),
        ("Sat, 21 Nov 2026 11:00:30 GMT", 0.0),
        ("Sat, 28 Nov 2026 12:00:30 GMT", 900.0),
        ("Sat, 99 Nov 2026 12:00:30 GMT", None),
    ],
)
def test_retry_after_is_read_in_both_forms_and_clamped(header: str | None, expected: float | None) -> None:
    assert retry_after_s(header, now=NOW) == expected


@given(st.text(max_size=60))
def test_retry_after_never_raises_and_stays_in_bounds(header: str) -> None:
    wait = retry_after_s(header, now=NOW)

    assert wait is None or 0 <= wait <= 900


@given(st.integers(1, 10_000), st.floats(0, 0.999))
def test_backoff_stays_under_its_cap(failures: int, luck: float) -> None:
    assert 0 <= backoff_s(failures, luck=luck) < 60


@given(
    requests=st.integers(1, 200),
    per_s=st.sampled_from([0.5, 1.0, 7.3, 60.0]),
    gaps=st.lists(st.one_of(st.just(0), st.integers(0, 3000), st.integers(0, 90_000)), max_size=400),
    reserve_share=st.sampled_from([0.0, 0.05]),
    interval_s=st.sampled_from([0.0, 0.1, 2.0]),
)
def test_no_window_of_any_alignment_holds_more_than_allowed(
    requests: int, per_s: float, gaps: list[int], reserve_share: float, interval_s: float
) -> None:
    pace = pace_of(requests, per_s, reserve=reserve_share, min_interval_s=interval_s)
    assert pace is not None
    asked_ms, tat_ms = 1_700_000_000_000, 0
    sent: list[int] = []
    for gap in gaps:
        asked_ms += gap
        tat_ms, wait_ms = reserve(tat_ms, asked_ms, pace)
        sent.append(asked_ms + wait_ms)
        if gap % 2 or (len(sent) > 30 and sent[-30] > asked_ms):
            asked_ms = max(asked_ms, sent[-1])

    sent.sort()
    for index, start in enumerate(sent):
        assert bisect.bisect_left(sent, start + per_s * 1000) - index <= requests
    assert all(later - sooner >= interval_s * 1000 for sooner, later in pairwise(sent))


@given(
    requests=st.integers(0, 200),
    per_s=st.sampled_from([0.5, 1.0, 7.3, 60.0]),
    late=st.lists(st.floats(0, 1), min_size=30, max_size=300),
    interval_s=st.sampled_from([0.0, 0.1, 2.0]),
)
def test_who_leaves_within_the_grace_after_its_slot_breaks_no_window(
    requests: int, per_s: float, late: list[float], interval_s: float
) -> None:
    pace = pace_of(requests, per_s, min_interval_s=interval_s)
    if pace is None:
        return
    grace = grace_ms(pace, requests, min_interval_s=interval_s)
    tat_ms, now_ms = 0, 1_700_000_000_000
    sent: list[float] = []
    for share in late:
        tat_ms, wait_ms = reserve(tat_ms, now_ms, pace)
        now_ms += wait_ms
        sent.append(now_ms + share * grace)

    sent.sort()
    for index, start in enumerate(sent if requests else []):
        assert bisect.bisect_left(sent, start + per_s * 1000) - index <= requests
    assert all(later - sooner >= interval_s * 1000 for sooner, later in pairwise(sent))
    assert grace <= LATE_MOST_MS


def test_a_request_a_second_may_leave_half_a_second_late_and_the_only_one_of_a_minute_never() -> None:
    graces = []
    for requests in (60, 1):
        pace = pace_of(requests, 60.0)
        assert pace is not None
        graces.append(grace_ms(pace, requests))
    assert graces == [LATE_MOST_MS, 0]


def test_a_steady_sender_reaches_nearly_the_allowed_rate() -> None:
    pace = pace_of(60, 60.0)
    assert pace is not None
    now_ms = tat_ms = 0
    for _ in range(520):
        tat_ms, wait_ms = reserve(tat_ms, now_ms, pace)
        now_ms += wait_ms

    assert now_ms < 10.1 * 60_000


def test_a_clock_set_back_by_a_day_does_not_stop_the_pace() -> None:
    pace = pace_of(60, 60.0)
    assert pace is not None
    tat_ms, _ = reserve(0, 1_700_000_000_000, pace)

    _, wait_ms = reserve(tat_ms, 1_700_000_000_000 - 86_400_000, pace)

    assert wait_ms <= pace.spacing_ms


def test_no_limit_means_no_pace() -> None:
    assert pace_of(0, 60.0) is None


def test_the_breaker_opens_at_the_fifth_failure_and_doubles_when_the_probe_fails() -> None:
    breaker = Breaker()
    for _ in range(4):
        breaker = after_failure(breaker, 0, luck=0.0)
    assert breaker_state(breaker, 0) == "closed"

    breaker = after_failure(breaker, 0, luck=0.0)
    assert (breaker_state(breaker, 29_999), breaker_state(breaker, 30_000)) == ("open", "ready")

    breaker = after_failure(breaker, 30_000, luck=0.0)
    assert breaker.open_until_ms == 90_000
    assert after_failure(breaker, 60_000, luck=0.0) == breaker


def test_a_breaker_whose_clock_was_set_back_by_a_day_may_be_tried() -> None:
    assert breaker_state(Breaker(5, 86_400_000), 0) == "ready"


EPOCH = int(NOW.timestamp())


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "30"}, 30.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(EPOCH + 45)}, 45.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str((EPOCH + 45) * 1000)}, 45.0),
        ({"x-ratelimit-remaining": "0.0", "x-ratelimit-reset": str(EPOCH - 5)}, 0.0),
        ({"x-ratelimit-remaining": "1", "x-ratelimit-reset": "30"}, None),
        ({"x-ratelimit-remaining": "0"}, None),
        ({"x-ratelimit-remaining": "none", "x-ratelimit-reset": "soon"}, None),
        ({"ratelimit-remaining": "0", "ratelimit-reset": "99999"}, 900.0),
        ({"ratelimit": "limit=100, remaining=0, reset=5"}, 5.0),
        ({"ratelimit": "limit=100, remaining=3, reset=5"}, None),
        ({"ratelimit": '"default";r=0;t=12'}, 12.0),
        ({"ratelimit": '"hour";r=90;t=1200, "burst";r=0;t=7'}, 7.0),
        ({"ratelimit": "nonsense"}, None),
        ({}, None),
        (
            {
                "x-ratelimit-remaining": "0",
                "x-ratelimit-reset": str(EPOCH + 3_600 + 20),
                "date": "Sat, 21 Nov 2026 13:00:00 GMT",
            },
            20.0,
        ),
    ],
)
def test_a_used_up_allowance_says_until_when(headers: dict[str, str], expected: float | None) -> None:
    assert quota_pause_s(headers, now=NOW) == expected


@given(
    st.dictionaries(st.sampled_from(["ratelimit", "x-ratelimit-remaining", "x-ratelimit-reset"]), st.text())
)
@example({"x-ratelimit-remaining": "0\x1f"})
def test_an_allowance_never_raises_and_stays_in_bounds(headers: dict[str, str]) -> None:
    wait = quota_pause_s(headers, now=NOW)

    assert wait is None or 0 <= wait <= 900
