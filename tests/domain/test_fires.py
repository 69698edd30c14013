"""The next times of a schedule, told with their offset and where the clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siscon.domain.errors import UsageError
from siscon.domain.fires import fires, offset_words
from siscon.domain.timetables import Schedule


def ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def told(line: str, zone: str, after: datetime, count: int = 5) -> list[tuple[str, str, str]]:
    found = fires(Schedule("main", line, zone), "north", (), ms(after), count)
    return [(f"{one.at:%m-%d %H:%M}", one.offset, one.before) for one in found]


def test_a_clock_change_is_told_once_at_the_first_time_after_it() -> None:
    assert told("0 2 * * 0", "America/Chicago", datetime(2026, 10, 20, tzinfo=UTC), 4) == [
        ("10-25 02:00", "UTC-05:00", ""),
        ("11-01 02:00", "UTC-06:00", "UTC-05:00"),
        ("11-08 02:00", "UTC-06:00", ""),
        ("11-15 02:00", "UTC-06:00", ""),
    ]


def test_a_time_in_the_gap_of_spring_comes_later_by_as_much_as_the_gap_is_wide() -> None:
    assert told("30 2 * * *", "America/Chicago", datetime(2027, 3, 13, 12, tzinfo=UTC), 2) == [
        ("03-14 03:30", "UTC-05:00", "UTC-06:00"),
        ("03-15 02:30", "UTC-05:00", ""),
    ]


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("UTC", "UTC"),
        ("Asia/Kathmandu", "UTC+05:45"),
        ("America/St_Johns", "UTC-03:30"),
        ("Europe/Oslo", "UTC+01:00"),
    ],
)
def test_an_offset_is_told_in_hours_and_minutes(zone: str, words: str) -> None:
    assert offset_words(datetime(2026, 1, 5, 4, tzinfo=ZoneInfo(zone))) == words


def test_a_line_that_cannot_be_read_is_refused_with_its_field() -> None:
    with pytest.raises(UsageError, match="hour"):
        fires(Schedule("main", "0 25 * * *", "America/Chicago"), "north", (), 0, 5)


@given(
    start=st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)),
    zone=st.sampled_from(["America/Chicago", "Europe/Oslo", "Australia/Lord_Howe", "UTC"]),
    line=st.sampled_from(["*/15 * * * *", "30 2 * * *", "0 0 1 * *", "0 5 * * 1-5"]),
)
def test_offsets_hold_from_one_told_change_to_the_next(start: datetime, zone: str, line: str) -> None:
    after = start.replace(tzinfo=UTC)
    found = fires(Schedule("main", line, zone), "north", (), ms(after), 6)
    offset = offset_words(after.astimezone(ZoneInfo(zone)))
    before = after
    for one in found:
        assert one.at > before
        assert (one.before == offset) if one.offset != offset else one.before == ""
        offset, before = one.offset, one.at
    assert len(found) == 6
    assert timedelta(0) < found[-1].at - after
