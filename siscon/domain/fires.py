"""The next times of a schedule as a person needs them: in local time, with the offset, and where clocks change."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from siscon.domain.blackouts import Blackout
from siscon.domain.timetables import Schedule, fire_after, start_of


@dataclass(frozen=True, slots=True)
class Fire:
    """One moment of a schedule. ``before`` is the offset that held until a clock change before it, or empty.

    ``starts_at`` is when its run starts, after jitter and windows; None where the window ``held_by`` lets it fall.
    """

    at: datetime
    before: str = ""
    starts_at: datetime | None = None
    held_by: str = ""

    @property
    def offset(self) -> str:
        """How far local time is from UTC then."""
        return offset_words(self.at)


def fires(
    schedule: Schedule, integration: str, windows: Iterable[Blackout], after_ms: int, count: int
) -> list[Fire]:
    """The next moments of a schedule; raises ``UsageError`` for a line that cannot be read."""
    zone, known = ZoneInfo(schedule.zone), tuple(windows)
    found: list[Fire] = []
    offset = offset_words(_local(after_ms, zone))
    fire_ms = fire_after(schedule, after_ms)
    while fire_ms is not None and len(found) < count:
        start = start_of(schedule, integration, fire_ms, known)
        at = _local(fire_ms, zone)
        starts_at = _local(start.at_ms, zone) if start.at_ms is not None else None
        now = offset_words(at)
        found.append(Fire(at, offset if now != offset else "", starts_at, start.held_by))
        offset, fire_ms = now, fire_after(schedule, fire_ms)
    return found


def offset_words(at: datetime) -> str:
    """The offset of a moment's zone, as ``UTC-06:00``."""
    told = at.isoformat(timespec="minutes")[16:]
    return "UTC" if told == "+00:00" else f"UTC{told}"


def _local(at_ms: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone)
