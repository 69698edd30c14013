"""Windows in which no schedule starts anything: the days of a rollover, or the school hours of every week."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

_HOPS = 64
"""So many windows one after the other may put a moment off; more of them are taken for a wall without a gate."""
_LOOK_AHEAD = timedelta(days=800)


class Due(StrEnum):
    """What becomes of what was due inside: it starts at the end, or not at all."""

    LATER = "later"
    SKIP = "skip"


class UnderWay(StrEnum):
    """What becomes of a scheduled run that is under way at the beginning."""

    FINISH = "finish"
    PAUSE = "pause"


@dataclass(frozen=True, slots=True)
class Blackout:
    """One window. ``begins`` and ``ends`` are both moments (``2027-07-01 18:00``; a date alone is a whole day) or both
    times of day, which then hold for ``days`` (0 = Sunday, all if empty); an end that is not later than its begin is
    on the next day. ``integration`` empty: it holds for all. People are reminded ``remind_h`` hours before it begins
    and before it ends.
    """

    name: str
    zone: str
    begins: str
    ends: str
    days: tuple[int, ...] = ()
    due: Due = Due.LATER
    under_way: UnderWay = UnderWay.FINISH
    integration: str = ""
    remind_h: int = 24

    @property
    def weekly(self) -> bool:
        """Whether it comes again and again."""
        return "-" not in self.begins


@dataclass(frozen=True, slots=True)
class Span:
    """One time that a window holds, the end not included."""

    blackout: Blackout
    begin_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Pushed:
    """A moment after the windows: ``at_ms`` None where one of them lets it fall; ``by`` is the last that held it."""

    at_ms: int | None
    by: Span | None = None


def moment_of(text: str) -> tuple[datetime, bool]:
    """Text as a local moment, and whether it is a date alone; raises ``ValueError``."""
    found = datetime.fromisoformat(text.strip())
    if found.tzinfo is not None:
        raise ValueError(text)
    return found, len(text.strip()) == len("2027-07-01")


def time_of(text: str) -> time:
    """Text as a time of day, ``24:00`` for the end of the day; raises ``ValueError``."""
    hour, colon, minute = text.strip().partition(":")
    if not colon or not (hour.isdigit() and minute.isdigit() and len(minute) == 2):
        raise ValueError(text)
    return time() if (int(hour), int(minute)) == (24, 0) else time(int(hour), int(minute))


def spans(blackout: Blackout, from_ms: int) -> Iterator[Span]:
    """The times of a window that end after a moment, in order; a weekly one for two years ahead."""
    zone = ZoneInfo(blackout.zone)
    for begin, end in _local_spans(blackout, _moment(from_ms).astimezone(zone).date()):
        begin_ms, end_ms = _ms(begin, zone), _ms(end, zone)
        if begin_ms < end_ms and end_ms > from_ms:
            yield Span(blackout, begin_ms, end_ms)


def span_at(blackout: Blackout, at_ms: int) -> Span | None:
    """The time of a window that holds a moment, or None."""
    first = next(spans(blackout, at_ms), None)
    return first if first is not None and first.begin_ms <= at_ms else None


def next_span(blackout: Blackout, after_ms: int) -> Span | None:
    """The time of a window that holds a moment, or else the next one; None when it is over for good."""
    return next(spans(blackout, after_ms), None)


def pushed(at_ms: int, blackouts: Iterable[Blackout]) -> Pushed:
    """Where the windows leave a moment: as it is, at the end of those that hold it, or nowhere."""
    known = tuple(blackouts)
    by: Span | None = None
    for _ in range(_HOPS):
        held = [span for one in known if (span := span_at(one, at_ms)) is not None]
        if not held:
            return Pushed(at_ms, by)
        skipping = next((span for span in held if span.blackout.due is Due.SKIP), None)
        if skipping is not None:
            return Pushed(None, skipping)
        by = max(held, key=lambda span: span.end_ms)
        at_ms = by.end_ms
    return Pushed(None, by)


def of_integration(blackouts: Iterable[Blackout], name: str) -> tuple[Blackout, ...]:
    """The windows that hold for an integration: its own and those of all."""
    return tuple(one for one in blackouts if one.integration in ("", name))


def _local_spans(blackout: Blackout, today: date) -> Iterator[tuple[datetime, datetime]]:
    if not blackout.weekly:
        begin, _ = moment_of(blackout.begins)
        end, whole_day = moment_of(blackout.ends)
        yield begin, end + timedelta(days=1) if whole_day else end
        return
    begins, ends = time_of(blackout.begins), time_of(blackout.ends)
    day, last = today - timedelta(days=2), today + _LOOK_AHEAD
    while day < last:
        if not blackout.days or day.isoweekday() % 7 in blackout.days:
            over = day if ends > begins else day + timedelta(days=1)
            yield datetime.combine(day, begins), datetime.combine(over, ends)
        day += timedelta(days=1)


def _ms(local: datetime, zone: ZoneInfo) -> int:
    return int(local.replace(tzinfo=zone).astimezone(UTC).timestamp() * 1000)


def _moment(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)
