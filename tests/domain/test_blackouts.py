"""Windows: which moments they hold, and where they leave them."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siscon.domain.blackouts import Blackout, Due, next_span, pushed, span_at

LESSONS = Blackout("lessons", "Europe/Oslo", "07:30", "16:00", days=(1, 2, 3, 4, 5))
NIGHT = Blackout("night", "Europe/Oslo", "22:00", "05:00")


def ms(text: str, zone: str = "Europe/Oslo") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


@pytest.mark.parametrize(
    ("window", "at", "until"),
    [
        (LESSONS, "2027-03-01 07:29", None),
        (LESSONS, "2027-03-01 07:30", "2027-03-01 16:00"),
        (LESSONS, "2027-03-01 16:00", None),
        (LESSONS, "2027-03-06 12:00", None),
        (NIGHT, "2027-03-01 23:00", "2027-03-02 05:00"),
        (NIGHT, "2027-03-02 04:59", "2027-03-02 05:00"),
        (NIGHT, "2027-03-28 02:30", "2027-03-28 05:00"),
        (Blackout("day", "Europe/Oslo", "2027-07-01", "2027-07-01"), "2027-07-01 23:59", "2027-07-02 00:00"),
        (Blackout("days", "Europe/Oslo", "2027-07-01 18:00", "2027-08-15"), "2027-08-15 12:00", "2027-08-16"),
    ],
)
def test_a_window_holds_from_its_begin_to_its_end(window: Blackout, at: str, until: str | None) -> None:
    span = span_at(window, ms(at))
    assert (span.end_ms if span else None) == (ms(until) if until else None)


def test_windows_that_meet_put_a_moment_off_to_the_end_of_the_last() -> None:
    evening = Blackout("evening", "Europe/Oslo", "16:00", "18:00", days=(1,))
    found = pushed(ms("2027-03-01 08:00"), [LESSONS, evening])
    assert (found.at_ms, found.by.blackout.name if found.by else "") == (ms("2027-03-01 18:00"), "evening")


def test_a_window_that_skips_lets_a_moment_fall_also_after_one_that_puts_it_off() -> None:
    evening = Blackout("evening", "Europe/Oslo", "16:00", "18:00", days=(1,), due=Due.SKIP)
    assert pushed(ms("2027-03-01 08:00"), [LESSONS, evening]).at_ms is None


def test_a_time_that_is_over_for_good_never_comes_again() -> None:
    assert next_span(Blackout("past", "UTC", "2020-01-01", "2020-01-02"), ms("2027-01-01")) is None


@given(
    at=st.datetimes(datetime(2026, 1, 1), datetime(2029, 1, 1)), zone=st.sampled_from(["UTC", "Europe/Oslo"])
)
def test_no_moment_is_left_within_a_window(at: datetime, zone: str) -> None:
    windows = [LESSONS, NIGHT, Blackout("noon", zone, "15:30", "17:00", days=(3,))]
    at_ms = int(at.replace(tzinfo=UTC).timestamp() * 1000)
    found = pushed(at_ms, windows).at_ms
    assert found is not None
    assert found >= at_ms
    assert all(span_at(one, found) is None for one in windows)
