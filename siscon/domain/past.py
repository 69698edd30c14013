"""A moment of the past at which a database is looked at, and how a person names one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from siscon.domain.errors import UsageError
from siscon.domain.text import plain

_TIME_OF_DAY = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?")
_SECONDS = re.compile(r"\d:\d\d:\d\d")


@dataclass(slots=True)
class PastMoment:
    """The moment that is looked at, moved by hand, and the first and the last of which the file tells."""

    at_ms: int
    first_ms: int = 0
    last_ms: int = 0

    def now_ms(self) -> int:
        """What the clock says there."""
        return self.at_ms

    def covers(self, at_ms: int) -> bool:
        """Whether the file tells of a moment."""
        return self.first_ms <= at_ms <= self.last_ms


def moment_of(text: str, past: PastMoment, zone: tzinfo) -> int:
    """The moment that a person means: ``05:12`` of the day that is looked at, or a date with a time (ISO 8601).

    A time of day that the file does not reach on that day is that of the day before. Without seconds the whole
    minute is meant. Raises ``UsageError`` for what is no time, and for one of which the file does not tell.
    """
    told = text.strip()
    try:
        at_ms = _time_of_day(told, past, zone) if _TIME_OF_DAY.fullmatch(told) else _date(told, zone)
    except (ValueError, OverflowError):
        raise UsageError(
            f"'{plain(text)}' is no time. Write 05:12, or 2026-11-20T05:12 with the day.", code="no_time"
        ) from None
    if not past.covers(at_ms):
        at_ms = _nearest(at_ms, past)
    if not past.covers(at_ms):
        first, last = (_shown(one, zone) for one in (past.first_ms, past.last_ms))
        raise UsageError(f"The file tells of {first} to {last}.", code="no_such_moment")
    return at_ms


def _time_of_day(told: str, past: PastMoment, zone: tzinfo) -> int:
    hour, minute, second = (int(one or 0) for one in _parts(told))
    day = datetime.fromtimestamp(past.at_ms / 1000, zone)
    at = day.replace(hour=hour, minute=minute, second=second, microsecond=0)
    if _ms(at) > past.last_ms:
        at -= timedelta(days=1)
    return _whole_minute(at, told)


def _parts(told: str) -> tuple[str | None, ...]:
    found = _TIME_OF_DAY.fullmatch(told)
    return found.groups() if found else ()


def _date(told: str, zone: tzinfo) -> int:
    at = datetime.fromisoformat(told)
    return _whole_minute(at if at.tzinfo else at.replace(tzinfo=zone), told)


def _whole_minute(at: datetime, told: str) -> int:
    """05:12 is looked at from its end: what happened in that minute has happened."""
    return _ms(at) + (0 if _SECONDS.search(told) else 59_999)


def _nearest(at_ms: int, past: PastMoment) -> int:
    """Within the minute in which the file begins or ends, that moment is meant."""
    if past.last_ms < at_ms < past.last_ms + 60_000:
        return past.last_ms
    return past.first_ms if past.first_ms - 60_000 < at_ms < past.first_ms else at_ms


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _shown(at_ms: int, zone: tzinfo) -> str:
    return datetime.fromtimestamp(at_ms / 1000, zone).strftime("%b %d %H:%M")
