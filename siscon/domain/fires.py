"""The next times of a schedule as a person needs them: in local time, with the offset, and where clocks change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from siscon.domain.schedules import Cron, next_times


@dataclass(frozen=True, slots=True)
class Fire:
    """One moment at which a run starts. ``before`` is the offset that held until a clock change before it, or empty."""

    at: datetime
    before: str = ""

    @property
    def offset(self) -> str:
        """How far local time is from UTC then."""
        return offset_words(self.at)


def fires(cron: str | Cron, zone: ZoneInfo, after: datetime, count: int) -> list[Fire]:
    """The next moments of a line; raises ``UsageError`` for one that cannot be read."""
    found: list[Fire] = []
    offset = offset_words(after.astimezone(zone))
    for at in next_times(cron, zone, after, count):
        now = offset_words(at)
        found.append(Fire(at, offset if now != offset else ""))
        offset = now
    return found


def offset_words(at: datetime) -> str:
    """The offset of a moment's zone, as ``UTC-06:00``."""
    told = at.isoformat(timespec="minutes")[16:]
    return "UTC" if told == "+00:00" else f"UTC{told}"
