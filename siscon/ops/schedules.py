"""Schedules as people see them: in words, when they come next, what came of the last time, what was missed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from siscon.domain.errors import UsageError
from siscon.domain.fires import Fire, fires
from siscon.domain.integrations import Integration
from siscon.domain.runs import Run
from siscon.domain.schedules import LATE_S, in_words, next_time
from siscon.ops.rows import Row, iso
from siscon.store import events, fired, integrations
from siscon.store.database import Connection, Database

MISSED_WITHIN_MS = 30 * 24 * 3600 * 1000
LOOK_BACK = 40
"""So many scheduled runs are looked through for the last one of each line."""


class Kind(StrEnum):
    """What a line starts: an import, one of what changed alone, or a comparison of everything."""

    IMPORT = "import"
    CHANGES = "changes"
    FULL = "full"


class State(StrEnum):
    ON = "on"
    LATE = "late"
    PAUSED = "paused"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class ScheduleView:
    """One line of one integration. ``words`` are empty where a newer version wrote a line that this one cannot read.

    ``missed`` counts the last 30 days; ``missed_text`` is what was said of the last time.
    """

    integration: Integration
    kind: Kind
    line: str
    words: str
    state: State
    next_at_ms: int | None
    last: Run | None
    missed: int = 0
    missed_text: str = ""


async def schedules(db: Database, zone: ZoneInfo, *, now_ms: int) -> tuple[list[ScheduleView], int]:
    """Every line of every integration, and how many integrations have none."""
    async with db.read() as c:
        known = await integrations.all_integrations(c)
        missed = await fired.missed(c, since_ms=now_ms - MISSED_WITHIN_MS)
        views = [view for one in known for view in await _of(c, one, zone, missed, now_ms=now_ms)]
    return views, sum(1 for one in known if not one.schedule and not one.full_schedule)


async def _of(
    c: Connection,
    one: Integration,
    zone: ZoneInfo,
    missed: dict[tuple[str, bool], fired.Missed],
    *,
    now_ms: int,
) -> list[ScheduleView]:
    lines = (
        (Kind.CHANGES if one.full_schedule else Kind.IMPORT, one.schedule, one.next_due_at_ms),
        (Kind.FULL, one.full_schedule, one.full_due_at_ms),
    )
    ran = await fired.started(c, one.name, limit=LOOK_BACK)
    views = []
    for kind, line, due_ms in lines:
        if not line:
            continue
        told = missed.get((one.name, kind is Kind.FULL), fired.Missed())
        texts = await events.by_ids(c, [told.event_id]) if told.event_id is not None else []
        views.append(
            ScheduleView(
                integration=one,
                kind=kind,
                line=line,
                words=_words(line),
                state=_state(one, due_ms, now_ms=now_ms),
                next_at_ms=due_ms if due_ms is not None else _next_ms(line, zone, now_ms),
                last=_last(ran, kind, line, zone, alone=not (one.schedule and one.full_schedule)),
                missed=told.count,
                missed_text=texts[0].text if texts else "",
            )
        )
    return views


def _words(line: str) -> str:
    try:
        return in_words(line)
    except UsageError:
        return ""


def _state(one: Integration, due_ms: int | None, *, now_ms: int) -> State:
    if not one.enabled:
        return State.OFF
    if one.paused:
        return State.PAUSED
    return State.LATE if due_ms is not None and now_ms - due_ms > LATE_S * 1000 else State.ON


def _next_ms(line: str, zone: ZoneInfo, now_ms: int) -> int | None:
    """For an integration that no clock has armed yet."""
    try:
        at = next_time(line, zone, _moment(now_ms))
    except UsageError:
        return None
    return int(at.timestamp() * 1000) if at else None


def _last(ran: list[Run], kind: Kind, line: str, zone: ZoneInfo, *, alone: bool) -> Run | None:
    """The last run of a line. Of two lines of one integration it is the one that fires at the run's moment.

    What a run compared does not tell: the first import compares everything, whichever line started it.
    """
    if alone:
        return ran[0] if ran else None
    mine = (run for run in ran if run.due_at_ms is not None and _fires_at(line, zone, run.due_at_ms))
    # Where both fire at once the full comparison takes the place of the other.
    return next((run for run in mine if run.full or kind is not Kind.FULL), None)


def _fires_at(line: str, zone: ZoneInfo, at_ms: int) -> bool:
    try:
        found = next_time(line, zone, _moment(at_ms) - timedelta(minutes=1))
    except UsageError:
        return False
    return found is not None and int(found.timestamp() * 1000) == at_ms


def preview(line: str, zone: ZoneInfo, *, now_ms: int, count: int = 5) -> list[Fire]:
    """The next times of a line; raises ``UsageError`` that says what is wrong with it."""
    return fires(line, zone, _moment(now_ms), count)


def _moment(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)


async def schedule_rows(db: Database, zone: ZoneInfo, *, now_ms: int) -> list[Row]:
    """Every schedule as a row."""
    found, _ = await schedules(db, zone, now_ms=now_ms)
    return [
        {
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
        }
        for one in found
    ]


def preview_rows(line: str, zone: ZoneInfo, *, now_ms: int, count: int) -> list[Row]:
    """The next times of a line as rows."""
    return [
        {
            "at": iso(int(one.at.timestamp() * 1000)),
            "local": one.at.isoformat(timespec="minutes"),
            "day": f"{one.at:%A}",
            "offset": one.offset,
            "clocks_change_from": one.before or None,
        }
        for one in preview(line, zone, now_ms=now_ms, count=count)
    ]
