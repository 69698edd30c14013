"""From when until when: what a person means by the last seven days, a day, a week, or two moments, in a zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from siscon.domain.errors import UsageError
from siscon.domain.text import plain

MOST_DAYS = 3_660
"""A longer time is taken for a slip of the pen."""

_UNITS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000}
_SPAN = re.compile(r"([1-9]\d{0,4})([mhdw])")
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True, slots=True)
class Period:
    """From a moment, which belongs to it, until another, which does not."""

    from_ms: int
    until_ms: int

    def holds(self, at_ms: int) -> bool:
        """Whether a moment lies in it."""
        return self.from_ms <= at_ms < self.until_ms


@dataclass(frozen=True, slots=True)
class Wished:
    """A period as it was typed: at most one of ``last``, ``day``, ``week``, or ``since`` with or without ``until``."""

    last: str = ""
    day: str = ""
    week: str = ""
    since: str = ""
    until: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether nothing was said."""
        return not (self.last or self.day or self.week or self.since or self.until)


def period_of(wished: Wished, *, otherwise: str, now_ms: int, zone: tzinfo) -> Period:
    """The period that is meant; ``otherwise`` is a length such as 7d for when nothing was said.

    Days and weeks are those of the zone's clock; a week begins on Monday. Raises ``UsageError``.
    """
    told = [wished.last, wished.day, wished.week, wished.since or wished.until]
    if sum(bool(one) for one in told) > 1:
        raise _bad("One of --last, --day, --week, or --from with --to, not several")
    if wished.day:
        found = _whole_days(_day(wished.day, now_ms, zone), 1, zone)
    elif wished.week:
        day = _week_day(wished.week, now_ms, zone)
        found = _whole_days(day - timedelta(days=day.weekday()), 7, zone)
    elif wished.since or wished.until:
        until_ms = _until(wished.until, now_ms, zone) if wished.until else now_ms
        if wished.since:
            found = Period(_moment(wished.since, now_ms, zone), until_ms)
        else:
            found = Period(until_ms - length_ms(otherwise), until_ms)
    else:
        found = Period(now_ms - length_ms(wished.last or otherwise), now_ms)
    return _checked(found)


def length_ms(text: str) -> int:
    """30m, 12h, 7d, 4w as milliseconds; raises ``UsageError``."""
    found = _SPAN.fullmatch(text.strip().lower())
    if found is None:
        raise _bad(f"'{plain(text, limit=40)}' is no length of time: write 30m, 12h, 7d or 4w")
    return int(found[1]) * _UNITS[found[2]]


def time_of_day(text: str) -> time:
    """06:30 as a time of the clock; raises ``UsageError``."""
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise _bad(f"'{plain(text, limit=40)}' is no time of the day: write 06:30")
    return time(int(found[1]), int(found[2]))


def days_of(period: Period, zone: tzinfo) -> list[tuple[date, Period]]:
    """The days of the zone's clock that a period touches, each cut to it; a day may have 23 or 25 hours."""
    day = _local(period.from_ms, zone).date()
    found = []
    while (whole := _whole_days(day, 1, zone)).from_ms < period.until_ms:
        cut = Period(max(whole.from_ms, period.from_ms), min(whole.until_ms, period.until_ms))
        found.append((day, cut))
        day += timedelta(days=1)
    return found


def whole_days(period: Period, zone: tzinfo) -> Period:
    """The same, begun with a day: fourteen days until now are today and the thirteen before."""
    day = _local(period.from_ms, zone).date() + timedelta(days=1)
    begun = Period(moment_on(day, time(), zone), period.until_ms)
    return (
        begun
        if begun.from_ms < begun.until_ms
        else Period(moment_on(day - timedelta(days=1), time(), zone), period.until_ms)
    )


def moment_on(day: date, at: time, zone: tzinfo) -> int:
    """A time of the clock on a day; where clocks are put forward over it, as much later."""
    return _ms(datetime.combine(day, at, zone))


def _local(at_ms: int, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, zone)


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _whole_days(first: date, days: int, zone: tzinfo) -> Period:
    ends = (datetime.combine(one, time(), zone) for one in (first, first + timedelta(days=days)))
    return Period(*(_ms(one) for one in ends))


def _day(text: str, now_ms: int, zone: tzinfo) -> date:
    today = _local(now_ms, zone).date()
    known = {"today": today, "yesterday": today - timedelta(days=1)}
    if (word := text.strip().lower()) in known:
        return known[word]
    try:
        if _DAY.fullmatch(word):
            return date.fromisoformat(word)
    except ValueError:
        pass
    raise _bad(f"'{plain(text, limit=40)}' is no day: write today, yesterday or one such as 2026-11-20")


def _week_day(text: str, now_ms: int, zone: tzinfo) -> date:
    today = _local(now_ms, zone).date()
    known = {"this": today, "last": today - timedelta(days=7)}
    word = text.strip().lower()
    return known[word] if word in known else _day(text, now_ms, zone)


def _until(text: str, now_ms: int, zone: tzinfo) -> int:
    """A day alone is meant with its evening."""
    told = text.strip().lower()
    if _DAY.fullmatch(told) or told in ("today", "yesterday"):
        return _whole_days(_day(told, now_ms, zone), 1, zone).until_ms
    return _moment(text, now_ms, zone)


def _moment(text: str, now_ms: int, zone: tzinfo) -> int:
    """A date, a date with a time, or a time alone: that of today, or of yesterday where it is still to come."""
    told = text.strip()
    if told.lower() in ("today", "yesterday") or _DAY.fullmatch(told):
        return _whole_days(_day(told, now_ms, zone), 1, zone).from_ms
    if _TIME.fullmatch(told):
        today = _local(now_ms, zone).date()
        at_ms = moment_on(today, time_of_day(told), zone)
        return at_ms if at_ms <= now_ms else moment_on(today - timedelta(days=1), time_of_day(told), zone)
    try:
        at = datetime.fromisoformat(told)
        return _ms(at if at.tzinfo else at.replace(tzinfo=zone))
    except (ValueError, OverflowError):
        raise _bad(
            f"'{plain(text, limit=40)}' is no moment: write 2026-11-20, 2026-11-20T18:00 or 18:00"
        ) from None


def _checked(period: Period) -> Period:
    if period.from_ms >= period.until_ms:
        raise _bad("The time ends before it begins")
    if period.until_ms - period.from_ms > MOST_DAYS * _UNITS["d"]:
        raise _bad(f"A report tells of {MOST_DAYS // 366} years at the most")
    return period


def _bad(why: str) -> UsageError:
    return UsageError(f"{why}.", code="bad_period")
