"""Cron lines mean what cron means, across both clock changes, and are compared with a scan of every minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from siscon.domain.errors import UsageError
from siscon.domain.schedules import Cron, in_words, next_time, next_times, parse

NEW_YORK = ZoneInfo("America/New_York")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
ZONES = [NEW_YORK, LORD_HOWE, ZoneInfo("UTC"), ZoneInfo("Asia/Kolkata"), ZoneInfo("America/Santiago")]
UTC_ZONE = ZoneInfo("UTC")


def scan(cron: Cron, zone: ZoneInfo, after: datetime, *, days: int) -> list[datetime]:
    """Every moment of a span, found by looking at each minute of it."""
    start = after.astimezone(UTC).replace(second=0, microsecond=0)
    stop = start + timedelta(days=days)
    found: set[datetime] = set()
    minute = start - timedelta(days=2)
    while minute < stop + timedelta(days=2):
        local = minute.replace(tzinfo=None) if not cron.every_hour else minute.astimezone(zone)
        if cron.falls_on(local.date()) and local.hour in cron.hours and local.minute in cron.minutes:
            found.add(minute if cron.every_hour else local.replace(tzinfo=zone).astimezone(UTC))
        minute += timedelta(minutes=1)
    return sorted(one for one in found if after < one < stop)


def test_sunday_is_both_nought_and_seven_and_not_monday():
    after = datetime(2026, 11, 21, tzinfo=UTC)

    for line in ("0 2 * * 0", "0 2 * * 7", "0 2 * * sun"):
        assert [one.strftime("%a %H:%M") for one in next_times(line, UTC_ZONE, after, 2)] == ["Sun 02:00"] * 2


@pytest.mark.parametrize(
    ("line", "weekdays"),
    [
        ("0 0 * * 1-5", (1, 2, 3, 4, 5)),
        ("0 0 * * fri-sun", (0, 5, 6)),
        ("0 0 * * 5-7", (0, 5, 6)),
        ("0 0 * * MON,Wed", (1, 3)),
        ("0 0 * * */2", (0, 2, 4, 6)),
        ("0 0 * * *", (0, 1, 2, 3, 4, 5, 6)),
        ("0 0 * * 0-7", (0, 1, 2, 3, 4, 5, 6)),
    ],
)
def test_week_days_are_read_as_cron_reads_them(line: str, weekdays: tuple[int, ...]):
    assert parse(line).weekdays == weekdays


@pytest.mark.parametrize("line", ["@daily", "@midnight", "@Daily", " 0  0 * * * "])
def test_words_for_a_line_are_known(line: str):
    assert (parse(line).minutes, parse(line).hours, parse(line).any_day) == ((0,), (0,), True)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("", "five fields"),
        ("0 2 * *", "five fields"),
        ("0 2 * * * *", "five fields"),
        ("@reboot", "five fields"),
        ("60 2 * * *", "minute is '60'"),
        ("0 24 * * *", "hour is '24'"),
        ("0 2 0 * *", "day of the month is '0'"),
        ("0 2 * 13 *", "month is '13'"),
        ("0 2 * * 8", "day of the week is '8'"),
        ("0 2 * * funday", "'funday'"),
        ("22-2 2 * * *", "runs backwards"),
        ("5/15 * * * *", "'5-59/15'"),
        ("*/0 * * * *", "above 0"),
        ("*/x * * * *", "above 0"),
        ("0 2 30 2 *", "none of these months"),
        ("0 2 ? * *", "'?'"),
        ("0 2 L * *", "'l'"),
        ("٣ 2 * * *", "minute"),
        ("-1 2 * * *", "minute"),
        (", 2 * * *", "minute"),
    ],
)
def test_a_line_that_is_no_cron_is_refused_with_the_field(line: str, says: str):
    with pytest.raises(UsageError, match="cannot be read") as told:
        parse(line)

    assert says in told.value.sentence


def test_day_or_week_day_matches_when_both_are_given():
    after = datetime(2026, 11, 1, tzinfo=UTC)

    found = next_times("0 0 13 * 5", UTC_ZONE, after, 5)

    assert [one.strftime("%a %d") for one in found] == ["Fri 06", "Fri 13", "Fri 20", "Fri 27", "Fri 04"]


def test_both_must_match_when_one_begins_with_a_star():
    found = next_times("0 0 */2 * 5", UTC_ZONE, datetime(2026, 11, 1, tzinfo=UTC), 2)

    assert [one.strftime("%a %d") for one in found] == ["Fri 13", "Fri 27"]


def test_leap_days_are_found_years_ahead():
    assert next_time("0 0 29 2 *", UTC_ZONE, datetime(2096, 3, 1, tzinfo=UTC)) == datetime(
        2104, 2, 29, tzinfo=UTC
    )
    assert next_time("0 * 29 2 *", UTC_ZONE, datetime(2096, 3, 1, tzinfo=UTC)) == datetime(
        2104, 2, 29, tzinfo=UTC
    )
    assert next_time("0 0 29 2 */7", UTC_ZONE, datetime(2088, 3, 1, tzinfo=UTC)) == datetime(
        2128, 2, 29, tzinfo=UTC
    )


def test_a_daily_time_inside_the_spring_gap_comes_once_that_day():
    found = next_times("30 2 * * *", NEW_YORK, datetime(2027, 3, 13, 12, tzinfo=NEW_YORK), 2)

    assert [one.isoformat() for one in found] == ["2027-03-14T03:30:00-04:00", "2027-03-15T02:30:00-04:00"]


def test_a_daily_time_that_the_autumn_night_has_twice_comes_once():
    found = next_times("30 1 * * *", NEW_YORK, datetime(2026, 10, 31, 12, tzinfo=NEW_YORK), 2)

    assert [one.isoformat() for one in found] == ["2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"]


@pytest.mark.parametrize("day", [datetime(2027, 3, 14), datetime(2026, 11, 1)])
def test_an_hourly_line_runs_every_elapsed_hour(day: datetime):
    found = next_times("0 * * * *", NEW_YORK, day.replace(tzinfo=NEW_YORK), 8)

    steps = {later.astimezone(UTC) - sooner.astimezone(UTC) for sooner, later in pairwise(found)}

    assert steps == {timedelta(hours=1)}


def field(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    pair = st.tuples(number, number).map(lambda two: f"{min(two)}-{max(two)}")
    step = st.integers(1, 20)
    single = st.one_of(
        st.just("*"),
        number.map(str),
        pair,
        st.tuples(pair, step).map(lambda two: f"{two[0]}/{two[1]}"),
        step.map(lambda one: f"*/{one}"),
    )
    return st.lists(single, min_size=1, max_size=2).map(",".join)


LINES = st.tuples(
    field(0, 59), field(0, 23), st.one_of(st.just("*"), field(1, 31)), st.just("*"), field(0, 7)
).map(" ".join)
MOMENTS = st.sampled_from(
    [
        datetime(2026, 10, 31, 13, 7, 30, tzinfo=UTC),
        datetime(2027, 3, 13, 14, 0, tzinfo=UTC),
        datetime(2026, 10, 3, 12, 59, 59, tzinfo=UTC),
        datetime(2027, 4, 3, 3, 0, tzinfo=UTC),
        datetime(2027, 2, 27, 23, 59, tzinfo=UTC),
    ]
)


@given(line=LINES, zone=st.sampled_from(ZONES), after=MOMENTS)
@settings(max_examples=25)
def test_the_next_times_are_those_that_a_scan_of_every_minute_finds(
    line: str, zone: ZoneInfo, after: datetime
):
    cron = parse(line)
    expected = scan(cron, zone, after, days=2)

    found = next_times(cron, zone, after, len(expected))

    assert [one.astimezone(UTC) for one in found] == expected


@given(line=LINES)
@settings(max_examples=200)
def test_every_line_that_can_be_read_has_words(line: str):
    words = in_words(line)

    assert words.isprintable()
    assert words == words.strip()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("0 2 * * *", "every day at 02:00"),
        ("0 2 * * 1-5", "at 02:00 on Monday to Friday"),
        ("30 1 * * 0", "at 01:30 on Sunday"),
        ("0 6,18 * * *", "every day at 06:00 and 18:00"),
        ("*/15 * * * *", "every 15 minutes"),
        ("* * * * *", "every minute"),
        ("@hourly", "every hour at :00"),
        ("*/10 8-16 * * 1-5", "every 10 minutes in the hours 08 to 16 on Monday to Friday"),
        ("0 */6 * * *", "at :00 in the hours 00, 06, 12 and 18"),
        ("0 3 1 * *", "at 03:00 on day 1 of the month"),
        ("0 3 1 * 1", "at 03:00 on day 1 of the month or on Monday"),
        ("0 3 1-31 * 1", "every day at 03:00"),
        ("0 3 31 2 0-6", "every day at 03:00 in February"),
        ("0 3 1 8,9 *", "at 03:00 on day 1 of the month in August and September"),
    ],
)
def test_words_say_what_the_line_means(line: str, words: str):
    assert in_words(line) == words
