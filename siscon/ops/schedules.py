"""Schedules as people see them: in words, when they come next, what came of the last time, what was missed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from siscon.domain.blackouts import Blackout, Span, of_integration, span_at
from siscon.domain.errors import UsageError
from siscon.domain.fires import Fire, fires
from siscon.domain.integrations import Integration
from siscon.domain.runs import Run
from siscon.domain.schedules import LATE_S, in_words
from siscon.domain.timetables import MAIN, Schedule, Starts, fire_after
from siscon.ops.rows import Row, iso
from siscon.store import blackouts, integrations, runs
from siscon.store import schedules as stored
from siscon.store.database import Connection, Database
from siscon.store.schedules import Armed, Misses

MISSED_WITHIN_MS = 30 * 24 * 3600 * 1000


class Kind(StrEnum):
    """What a schedule starts: an import, one of what changed alone, or a comparison of everything."""

    IMPORT = "import"
    CHANGES = "changes"
    FULL = "full"


class State(StrEnum):
    ON = "on"
    LATE = "late"
    HELD_BACK = "held back"
    PAUSED = "paused"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class ScheduleView:
    """One schedule of one integration; no ``words``: a newer version wrote a line that this one cannot read.

    ``missed`` counts the last 30 days; ``missed_text`` is what was said of the last time. ``held`` is the time of a
    window that holds now, ``windows`` are those that ever do.
    """

    integration: Integration
    schedule: Schedule
    kind: Kind
    words: str
    state: State
    next_at_ms: int | None
    last: Run | None
    missed: int = 0
    missed_text: str = ""
    held: Span | None = None
    windows: tuple[Blackout, ...] = ()

    @property
    def line(self) -> str:
        """Its cron line."""
        return self.schedule.line


async def schedules(db: Database, *, now_ms: int) -> tuple[list[ScheduleView], int]:
    """Every schedule of every integration, and how many integrations have none."""
    async with db.read() as c:
        known = {one.name: one for one in await integrations.all_integrations(c)}
        misses = await stored.misses(c, since_ms=now_ms - MISSED_WITHIN_MS)
        windows = await blackouts.all_blackouts(c)
        armed = [one for one in await stored.all_schedules(c) if one.integration in known]
        compared = {one.integration for one in armed if one.schedule.starts is Starts.FULL}
        views = [
            await _view(
                c,
                known[one.integration],
                one,
                misses.get((one.integration, one.schedule.name), Misses()),
                windows,
                alone=one.integration not in compared,
                now_ms=now_ms,
            )
            for one in armed
        ]
    return views, len(known) - len({one.integration for one in armed})


async def _view(
    c: Connection,
    one: Integration,
    armed: Armed,
    misses: Misses,
    windows: Sequence[Blackout],
    *,
    alone: bool,
    now_ms: int,
) -> ScheduleView:
    schedule = armed.schedule
    run_id = await stored.last_run_id(c, one.name, schedule.name)
    mine = of_integration(windows, one.name)
    held = next((span for window in mine if (span := span_at(window, now_ms)) is not None), None)
    state = _state(one, armed, held, now_ms=now_ms)
    next_at_ms = armed.start_at_ms if armed.start_at_ms is not None else _next_ms(schedule, now_ms)
    return ScheduleView(
        integration=one,
        schedule=schedule,
        kind=_kind(schedule, alone=alone),
        words=_words(schedule.line),
        state=state,
        next_at_ms=None if state in (State.PAUSED, State.OFF) else next_at_ms,
        last=await runs.get(c, run_id) if run_id is not None else None,
        missed=misses.moments,
        missed_text=misses.text,
        held=held,
        windows=mine,
    )


def _kind(schedule: Schedule, *, alone: bool) -> Kind:
    if schedule.starts is Starts.FULL:
        return Kind.FULL
    return Kind.IMPORT if alone else Kind.CHANGES


def _words(line: str) -> str:
    try:
        return in_words(line)
    except UsageError:
        return ""


def _state(one: Integration, armed: Armed, held: Span | None, *, now_ms: int) -> State:
    if not one.enabled or not armed.schedule.enabled:
        return State.OFF
    if one.rests(now_ms):
        return State.PAUSED
    if held is not None:
        return State.HELD_BACK
    start_ms = armed.start_at_ms
    return State.LATE if start_ms is not None and now_ms - start_ms > LATE_S * 1000 else State.ON


def _next_ms(schedule: Schedule, now_ms: int) -> int | None:
    """For an integration that no clock has armed yet."""
    try:
        return fire_after(schedule, now_ms)
    except UsageError:
        return None


def preview(
    schedule: Schedule,
    integration: str = "",
    windows: Sequence[Blackout] = (),
    *,
    now_ms: int,
    count: int = 5,
) -> list[Fire]:
    """The next times of a schedule; raises ``UsageError`` that says what is wrong with its line."""
    return fires(schedule, integration, windows, now_ms, count)


def tried(line: str, zone: ZoneInfo) -> Schedule:
    """A line that stands in no configuration, to be tried out."""
    return Schedule(MAIN, line, zone.key)


async def schedule_rows(db: Database, *, now_ms: int) -> list[Row]:
    """Every schedule as a row."""
    found, _ = await schedules(db, now_ms=now_ms)
    return [schedule_row(one) for one in found]


def schedule_row(one: ScheduleView) -> Row:
    """One schedule."""
    return {
        "integration": one.integration.name,
        "kind": one.kind.value,
        "state": one.state.value,
        "schedule": one.line,
        "words": one.words,
        "next_at": iso(one.next_at_ms),
        "last_run_id": one.last.id if one.last else None,
        "last_status": one.last.status.value if one.last else None,
        "last_at": iso(one.last.due_at_ms) if one.last else None,
        "missed": one.missed,
        "name": one.schedule.name,
        "time_zone": one.schedule.zone,
        "entities": [entity.value for entity in one.schedule.entities],
        "jitter_s": one.schedule.jitter_s,
        "on_missed": one.schedule.missed.value,
        "on_busy": one.schedule.busy.value,
        "paused_until": iso(one.integration.paused_until_ms) if one.state is State.PAUSED else None,
        "held_back_by": one.held.blackout.name if one.held else None,
        "held_back_until": iso(one.held.end_ms) if one.held else None,
    }


def preview_rows(
    schedule: Schedule, integration: str, windows: Sequence[Blackout], *, now_ms: int, count: int
) -> list[Row]:
    """The next times of a schedule as rows."""
    return [
        {
            "at": iso(_ms(one.at)),
            "local": one.at.isoformat(timespec="minutes"),
            "day": f"{one.at:%A}",
            "offset": one.offset,
            "clocks_change_from": one.before or None,
            "starts_at": iso(_ms(one.starts_at)) if one.starts_at is not None else None,
            "held_back_by": one.held_by or None,
        }
        for one in preview(schedule, integration, windows, now_ms=now_ms, count=count)
    ]


def _ms(at: datetime) -> int:
    return int(at.astimezone(UTC).timestamp() * 1000)
