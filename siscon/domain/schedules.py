"""What a cron line means: five fields read as cron reads them, the next times in a zone, and the line in words."""

from __future__ import annotations

import calendar
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from siscon.domain.errors import UsageError

LATE_S = 300
"""A fire later than this is reported as missed; it still runs once."""

_ALIASES: Mapping[str, str] = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_FIELDS: tuple[tuple[str, int, int, Mapping[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of the month", 1, 31, {}),
    ("month", 1, 12, {name: at for at, name in enumerate(_MONTHS, 1)}),
    ("day of the week", 0, 7, {name: at for at, name in enumerate(_WEEKDAYS)}),
)
_LONGEST_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_HORIZON = timedelta(days=366 * 41)
"""29 February on a given day of the week comes at least once in 40 years."""


@dataclass(frozen=True, slots=True)
class Cron:
    """A parsed line. Values are sorted; week days count from 0 = Sunday.

    ``any_day`` and ``any_weekday`` say that the field begins with ``*``: only when neither does, a date matches
    that fits one of the two. ``every_hour`` says that the hour is no fixed one: such a line follows elapsed time
    across a clock change, every other runs once for each of its times on a local date.
    """

    text: str
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]
    any_day: bool
    any_weekday: bool
    every_hour: bool

    def falls_on(self, day: date) -> bool:
        """Whether the line fires on a local date at all."""
        if day.month not in self.months:
            return False
        by_day = day.day in self.days
        by_weekday = day.isoweekday() % 7 in self.weekdays
        return (by_day and by_weekday) if self.any_day or self.any_weekday else (by_day or by_weekday)


def parse(line: str) -> Cron:
    """Read a cron line; raises ``UsageError`` that names the field and what would be right."""
    text = " ".join(line.split())
    fields = _ALIASES.get(text.lower(), text).split()
    if len(fields) != len(_FIELDS):
        raise _bad(
            line, "a schedule has five fields (minute hour day month weekday) or is @daily or the like"
        )
    values = [_values(line, field, *told) for field, told in zip(fields, _FIELDS, strict=True)]
    minutes, hours, days, months, weekdays = values
    any_day, any_weekday = fields[2].startswith("*"), fields[4].startswith("*")
    if any_weekday and not any(days[0] <= _LONGEST_MONTH[month - 1] for month in months):
        raise _bad(line, "that day comes in none of these months")
    every_hour = len(hours) > 1 and (fields[1].startswith("*") or len(hours) == 24)
    return Cron(text, minutes, hours, days, months, weekdays, any_day, any_weekday, every_hour)


def next_times(cron: str | Cron, zone: tzinfo, after: datetime, n: int) -> list[datetime]:
    """The next ``n`` moments later than ``after`` (aware), in the zone's local time.

    Where clocks are put forward, a fixed time inside the gap comes once, as much later as the gap is wide; where
    they are put back, a fixed time comes once, the first time. An hourly line runs every elapsed hour.
    """
    line = cron if isinstance(cron, Cron) else parse(cron)
    moments = _elapsed(line, zone, after) if line.every_hour else _fixed(line, zone, after)
    found: list[datetime] = []
    while len(found) < n and (moment := next(moments, None)) is not None:
        found.append(moment.astimezone(zone))
    return found


def next_time(cron: str | Cron, zone: tzinfo, after: datetime) -> datetime | None:
    """The next moment later than ``after``, or None when there is none in the years to come."""
    return next(iter(next_times(cron, zone, after, 1)), None)


def in_words(cron: str | Cron) -> str:
    """The line as a person would say it: "at 02:00 on Monday to Friday"."""
    line = cron if isinstance(cron, Cron) else parse(cron)
    told = _time_words(line)
    dates = _date_words(line)
    if dates:
        told = f"{told} {dates}"
    elif not line.every_hour:
        told = f"every day {told}"
    if len(line.months) < 12:
        told = f"{told} in {_listing([calendar.month_name[one] for one in line.months])}"
    return told


def _bad(line: str, why: str) -> UsageError:
    return UsageError(f"The schedule '{line[:60]}' cannot be read: {why}.", code="bad_schedule")


def _values(
    line: str, field: str, name: str, low: int, high: int, names: Mapping[str, int]
) -> tuple[int, ...]:
    """The values of one field: lists of single values, ranges and ``*``, each of the last two with a step."""
    found: set[int] = set()
    for part in field.lower().split(","):
        span, slash, step = part.partition("/")
        if slash and not (step.isascii() and step.isdigit() and int(step) > 0):
            raise _bad(line, f"the step '/{step}' of the {name} must be a number above 0")
        if span == "*":
            first, last = low, (6 if names and high == 7 else high)
        else:
            first, last = _span(line, span, name, low, high, names)
            if slash and "-" not in span:
                raise _bad(line, f"a step of the {name} needs a range: '{span}-{high}/{step}'")
        found.update(range(first, last + 1, int(step or 1)))
    if high == 7:
        found = {value % 7 for value in found}
    return tuple(sorted(found))


def _span(line: str, span: str, name: str, low: int, high: int, names: Mapping[str, int]) -> tuple[int, int]:
    first_text, dash, last_text = span.partition("-")
    first = _number(line, first_text, name, low, high, names)
    last = _number(line, last_text, name, low, high, names) if dash else first
    if dash and high == 7 and last == 0 and first > 0:
        last = 7
    if last < first:
        raise _bad(line, f"the range '{span}' of the {name} runs backwards")
    return first, last


def _number(line: str, text: str, name: str, low: int, high: int, names: Mapping[str, int]) -> int:
    if text in names:
        return names[text]
    if text.isascii() and text.isdigit() and low <= int(text) <= high:
        return int(text)
    raise _bad(line, f"the {name} is '{text[:20]}' and must lie between {low} and {high}")


def _elapsed(line: Cron, zone: tzinfo, after: datetime) -> Iterator[datetime]:
    """Moments of a line without a fixed hour: walk real time, leap over what cannot match."""
    moment = after.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
    end = moment + _HORIZON
    while moment < end:
        local = moment.astimezone(zone)
        if not line.falls_on(local.date()):
            morrow = datetime.combine(local.date() + timedelta(days=1), time(), zone)
            moment = max(morrow.astimezone(UTC), moment + timedelta(minutes=1))
            continue
        later = [minute for minute in line.minutes if minute >= local.minute]
        if local.hour not in line.hours or not later:
            moment += timedelta(minutes=60 - local.minute)
        elif later[0] > local.minute:
            moment += timedelta(minutes=later[0] - local.minute)
        else:
            yield moment
            moment += timedelta(minutes=1)


def _fixed(line: Cron, zone: tzinfo, after: datetime) -> Iterator[datetime]:
    """Moments of a line with fixed hours: walk local dates. A gap may carry a time past those of the next date."""
    start = after.astimezone(UTC)
    day = start.astimezone(zone).date() - timedelta(days=2)
    end = day + _HORIZON
    waiting: set[datetime] = set()
    while day < end:
        if line.falls_on(day):
            waiting.update(_moments_of(line, zone, day))
        sure = datetime.combine(day - timedelta(days=1), time(), UTC)
        for moment in sorted(one for one in waiting if one < sure):
            waiting.discard(moment)
            if moment > start:
                yield moment
        day += timedelta(days=1)


def _moments_of(line: Cron, zone: tzinfo, day: date) -> Iterator[datetime]:
    for hour in line.hours:
        for minute in line.minutes:
            yield datetime.combine(day, time(hour, minute), zone).astimezone(UTC)


def _time_words(line: Cron) -> str:
    minutes, hours = line.minutes, line.hours
    step = minutes[1] - minutes[0] if len(minutes) > 1 else 0
    even = step and 60 % step == 0 and minutes == tuple(range(minutes[0], 60, step)) and minutes[0] < step
    if even and minutes[0] == 0:
        often = "every minute" if step == 1 else f"every {step} minutes"
        return (
            often
            if len(hours) == 24
            else f"{often} in the hours {_spans([f'{one:02}' for one in hours], hours)}"
        )
    past = _listing([f":{one:02}" for one in minutes])
    if len(hours) == 24:
        return f"every hour at {past}"
    if line.every_hour or len(minutes) * len(hours) > 6:
        return f"at {past} in the hours {_spans([f'{one:02}' for one in hours], hours)}"
    return f"at {_listing([f'{hour:02}:{minute:02}' for hour in hours for minute in minutes])}"


def _date_words(line: Cron) -> str:
    days = (
        ""
        if len(line.days) == 31
        else f"day {_spans([str(one) for one in line.days], line.days)} of the month"
    )
    if not (line.any_day or line.any_weekday) and (len(line.days) == 31 or len(line.weekdays) == 7):
        return ""  # one of the two is enough, and one always fits
    week = tuple(sorted(line.weekdays, key=lambda one: (one - 1) % 7))
    names = [calendar.day_name[(one - 1) % 7] for one in week]
    weekdays = "" if len(week) == 7 else _spans(names, tuple((one - 1) % 7 for one in week))
    if days and weekdays:
        joint = "if it is" if line.any_day or line.any_weekday else "or on"
        return f"on {days} {joint} {weekdays}"
    return f"on {days or weekdays}" if days or weekdays else ""


def _spans(names: list[str], values: tuple[int, ...]) -> str:
    """Names with runs of three and more neighbours told as "a to b"."""
    told: list[str] = []
    start = 0
    for at in range(1, len(values) + 1):
        if at < len(values) and values[at] == values[at - 1] + 1:
            continue
        told += [f"{names[start]} to {names[at - 1]}"] if at - start > 2 else names[start:at]
        start = at
    return _listing(told)


def _listing(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]
