"""The schedules of an integration: what each starts, and when, once jitter and windows have had their say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256
from zoneinfo import ZoneInfo

from siscon.domain.blackouts import Blackout, Span, pushed
from siscon.domain.records import Entity
from siscon.domain.schedules import Cron, next_time, parse

MAIN, FULL = "main", "full"
"""The names of the schedules that ``schedule`` and ``full_schedule`` are the short form of."""


class Starts(StrEnum):
    """What a schedule starts: an import as the integration is set, or a comparison of everything."""

    CHANGES = "changes"
    FULL = "full"


class Missed(StrEnum):
    """What becomes of moments that passed while no clock ran: nothing, one run for all, one for each."""

    SKIP = "skip"
    ONCE = "once"
    EACH = "each"


class Busy(StrEnum):
    """What becomes of a moment at which a run of the integration is under way: its run waits, or is left out."""

    WAIT = "wait"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Schedule:
    """One schedule; ``entities`` empty: all that the integration imports."""

    name: str
    line: str
    zone: str
    starts: Starts = Starts.CHANGES
    entities: tuple[Entity, ...] = ()
    jitter_s: int = 0
    missed: Missed = Missed.ONCE
    busy: Busy = Busy.WAIT
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Start:
    """One moment of a schedule (``fire_ms``) and when its run starts: None where a window (``by``) lets it fall."""

    fire_ms: int
    at_ms: int | None
    by: Span | None = None

    @property
    def held_by(self) -> str:
        """The window that puts it off, or lets it fall; empty for none."""
        return self.by.blackout.name if self.by is not None else ""

    @property
    def settled_ms(self) -> int:
        """From when on it can be decided what becomes of it."""
        return self.fire_ms if self.at_ms is None else self.at_ms


def fire_after(schedule: Schedule, after_ms: int) -> int | None:
    """The first moment of a schedule later than another; raises ``UsageError`` where its line cannot be read."""
    found = next_time(_parsed(schedule.line), ZoneInfo(schedule.zone), _moment(after_ms))
    return None if found is None else int(found.timestamp() * 1000)


def fires_from(schedule: Schedule, first_ms: int) -> Iterator[int]:
    """A moment of a schedule and all that follow it."""
    at_ms: int | None = first_ms
    while at_ms is not None:
        yield at_ms
        at_ms = fire_after(schedule, at_ms)


def start_of(schedule: Schedule, integration: str, fire_ms: int, blackouts: Iterable[Blackout]) -> Start:
    """When the run of a moment starts: jitter first, then whatever windows there are."""
    found = pushed(fire_ms + jitter_ms(schedule, integration, fire_ms), blackouts)
    return Start(fire_ms, found.at_ms, found.by)


def jitter_ms(schedule: Schedule, integration: str, fire_ms: int) -> int:
    """How much later than its moment a run starts, in whole seconds.

    It is made from names and moment, so that every clock, and the preview, comes to the same. It never reaches half
    the way to the next moment.
    """
    if not schedule.jitter_s:
        return 0
    next_ms = fire_after(schedule, fire_ms)
    most_s = schedule.jitter_s
    if next_ms is not None:
        most_s = min(most_s, (next_ms - fire_ms) // 2000)
    digest = sha256(f"{integration}\0{schedule.name}\0{fire_ms}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % (most_s + 1) * 1000


@lru_cache(maxsize=512)
def _parsed(line: str) -> Cron:
    return parse(line)


def _moment(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)
