"""What people mean by a day, a week, the last hours, in zones whose clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siscon.domain.errors import UsageError
from siscon.domain.periods import Period, Wished, days_of, moment_on, period_of, whole_days

OSLO = ZoneInfo("Europe/Oslo")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
HOUR_MS, DAY_MS = 3_600_000, 86_400_000


def ms(text: str, zone: ZoneInfo = OSLO) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)


NOW = ms("2026-11-26T06:40")


def meant(**told: str) -> Period:
    return period_of(Wished(**told), otherwise="7d", now_ms=NOW, zone=OSLO)


@pytest.mark.parametrize(
    ("told", "since", "until"),
    [
        ({}, "2026-11-19T06:40", "2026-11-26T06:40"),
        ({"last": "12h"}, "2026-11-25T18:40", "2026-11-26T06:40"),
        ({"day": "today"}, "2026-11-26T00:00", "2026-11-27T00:00"),
        ({"day": "yesterday"}, "2026-11-25T00:00", "2026-11-26T00:00"),
        ({"week": "this"}, "2026-11-23T00:00", "2026-11-30T00:00"),
        ({"week": "last"}, "2026-11-16T00:00", "2026-11-23T00:00"),
        ({"week": "2026-11-01"}, "2026-10-26T00:00", "2026-11-02T00:00"),
        ({"since": "18:00"}, "2026-11-25T18:00", "2026-11-26T06:40"),
        ({"since": "2026-11-01", "until": "2026-11-07"}, "2026-11-01T00:00", "2026-11-08T00:00"),
        ({"until": "2026-11-20T12:00"}, "2026-11-13T12:00", "2026-11-20T12:00"),
    ],
    ids=str,
)
def test_a_time_is_what_people_mean_by_it(told: dict[str, str], since: str, until: str) -> None:
    assert meant(**told) == Period(ms(since), ms(until))


def test_an_offset_that_is_written_counts() -> None:
    assert meant(since="2026-11-20T00:00+00:00").from_ms == ms("2026-11-20T01:00")


@pytest.mark.parametrize(
    "told",
    [
        {"last": "soon"},
        {"last": "0d"},
        {"day": "2026-02-30"},
        {"week": "W9"},
        {"since": "tomorrow"},
        {"since": "2026-11-20", "until": "2026-11-10"},
        {"since": "1970-01-01"},
        {"last": "7d", "day": "today"},
        {"since": "0001-01-01"},
    ],
    ids=str,
)
def test_what_is_no_time_is_refused_in_a_sentence(told: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        meant(**told)


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)),
    st.integers(1, 60 * 24),
    st.sampled_from([OSLO, LORD_HOWE, ZoneInfo("UTC"), ZoneInfo("America/Chicago")]),
)
def test_the_days_of_a_time_follow_each_other_without_gap_or_overlap(
    begin: datetime, hours: int, zone: ZoneInfo
) -> None:
    from_ms = int(begin.replace(tzinfo=UTC).timestamp() * 1000)
    period = Period(from_ms, from_ms + hours * HOUR_MS)
    days = days_of(period, zone)

    ends = [one.from_ms for _, one in days] + [days[-1][1].until_ms]
    assert (ends[0], ends[-1]) == (period.from_ms, period.until_ms)
    assert all(one.until_ms == next_ms for (_, one), next_ms in zip(days, ends[1:], strict=True))
    assert [day for day, _ in days] == [days[0][0] + timedelta(days=n) for n in range(len(days))]


def test_a_day_has_as_many_hours_as_the_clocks_of_the_zone_give_it() -> None:
    def hours(day: str, zone: ZoneInfo) -> float:
        [(_, found)] = days_of(Period(ms(day, zone), ms(day, zone) + 1), zone)
        whole = period_of(Wished(day=day), otherwise="7d", now_ms=NOW, zone=zone)
        assert whole.from_ms == found.from_ms
        return (whole.until_ms - whole.from_ms) / HOUR_MS

    assert [hours(day, OSLO) for day in ("2026-03-29", "2026-10-25", "2026-11-01")] == [23, 25, 24]
    assert [hours(day, LORD_HOWE) for day in ("2026-04-05", "2026-10-04")] == [24.5, 23.5]


def test_a_morning_that_clocks_leap_over_comes_as_much_later() -> None:
    assert moment_on(date(2026, 3, 29), time(2, 30), OSLO) == ms("2026-03-29T03:30")


def test_the_last_days_of_a_trend_are_whole_and_as_many_as_said() -> None:
    found = whole_days(meant(last="14d"), OSLO)

    assert len(days_of(found, OSLO)) == 14
    assert found.from_ms == ms("2026-11-13T00:00")
