"""What becomes of the moments of schedules: which of them queue a run, which are put off, which are only reported.

One transaction looks at all schedules of an integration, so that what it decides and what it queues hold together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from siscon.domain.blackouts import Blackout, of_integration
from siscon.domain.events import EventKind, Level
from siscon.domain.runs import UNDER_WAY, Lane, Run, RunKind, RunStatus
from siscon.domain.schedules import LATE_S
from siscon.domain.text import counted
from siscon.domain.timetables import Busy, Missed, Schedule, Start, Starts, fire_after, fires_from, start_of
from siscon.store import blackouts, events, integrations, runs, schedules
from siscon.store.database import Connection
from siscon.store.schedules import Armed

REQUESTED_BY = "schedule"
LOOKED_THROUGH = 1000
"""So many overdue moments of one schedule are looked at; more are not told apart any more."""
EACH_AT_MOST = 100
"""So many runs may wait to make up for what was missed, where each moment is to have its own."""


@dataclass(frozen=True, slots=True)
class Look:
    """One look at an integration: ``windows`` are those that hold for it."""

    c: Connection
    name: str
    windows: tuple[Blackout, ...]
    now_ms: int

    async def say(self, kind: EventKind, level: Level, text: str, run_id: int | None = None) -> None:
        """Report a fact about the integration."""
        await events.append(
            self.c, kind, level, text, integration=self.name, run_id=run_id, at_ms=self.now_ms
        )

    async def missed(self, schedule: Schedule, moments: int, text: str, run_id: int | None = None) -> None:
        """Report moments that started no run of their own in time, and count them."""
        await self.say(EventKind.SCHEDULE_MISSED, Level.WARNING, text, run_id)
        await schedules.note_miss(
            self.c, self.name, schedule.name, at_ms=self.now_ms, moments=moments, text=text
        )


async def settle_due(
    c: Connection, name: str, timetable: Sequence[Schedule], windows: Sequence[Blackout], *, now_ms: int
) -> int | None:
    """Settle what is due of an integration, arm what comes next; the moment of the next look, None for never."""
    integration = await integrations.one(c, name)
    if integration is None or not integration.enabled:
        return None
    look = Look(c, name, of_integration(windows, name), now_ms)
    rests = integration.rests(now_ms)
    armed = {one.schedule.name: one for one in await schedules.of(c, name)}
    over_ms = None
    if integration.paused and not rests:
        over_ms = integration.paused_until_ms
        await integrations.set_paused(c, name, False)
        await look.say(
            EventKind.INTEGRATION_RESUMED, Level.INFO, f"{name} goes on by its schedules: its pause is over"
        )
    looks = [integration.paused_until_ms] if rests else []
    for schedule in sorted(timetable, key=lambda one: one.starts is not Starts.FULL):
        state = armed.get(schedule.name)
        if state is None or not schedule.enabled:
            continue
        first_ms = await _first_ms(look, schedule, state, rests=rests, over_ms=over_ms)
        if first_ms is not None and not rests:
            first_ms = await _settle(look, schedule, first_ms)
        looks.append(await _arm(look, schedule, state, first_ms))
    return min((one for one in looks if one is not None), default=None)


async def _first_ms(
    look: Look, schedule: Schedule, state: Armed, *, rests: bool, over_ms: int | None
) -> int | None:
    """The first moment not settled yet. One whose start passed during a pause is none, one that is still put off is;
    a clock put back brings it nearer.
    """
    due_ms = state.due_at_ms
    if due_ms is not None and (rests or over_ms is not None):
        start_ms = start_of(schedule, look.name, due_ms, look.windows).settled_ms
        if rests and start_ms <= look.now_ms:
            due_ms = None
        elif over_ms is not None and start_ms < over_ms:
            due_ms = await _unanswered(look, schedule, over_ms - 1)
    coming_ms = await _unanswered(look, schedule, look.now_ms)
    if due_ms is None or coming_ms is None:
        return coming_ms if due_ms is None else due_ms
    return min(due_ms, coming_ms)


async def _unanswered(look: Look, schedule: Schedule, after_ms: int) -> int | None:
    """The first moment later than another that has started no run."""
    fire_ms = fire_after(schedule, after_ms)
    while fire_ms is not None and await schedules.is_answered(look.c, look.name, schedule.name, fire_ms):
        fire_ms = fire_after(schedule, fire_ms)
    return fire_ms


async def _arm(look: Look, schedule: Schedule, state: Armed, first_ms: int | None) -> int | None:
    """Write down the next moment; when to look again. That a window holds its run back is told when it would start."""
    if first_ms is None:
        await schedules.arm(look.c, look.name, schedule.name, None)
        return None
    start = start_of(schedule, look.name, first_ms, look.windows)
    if (start.fire_ms, start.settled_ms, start.held_by) != (
        state.due_at_ms,
        state.start_at_ms,
        state.held_by,
    ):
        await schedules.arm(look.c, look.name, schedule.name, start)
    if start.by is None or start.at_ms is None:
        return start.settled_ms
    if start.fire_ms > look.now_ms:
        return start.fire_ms
    if await blackouts.say(look.c, start.by, f"held {look.name} {schedule.name}"):
        until = _clock_words(schedule, start.at_ms)
        text = f"{_told(look, schedule, [start])}; held back by the window {start.held_by} until {until}"
        await look.say(EventKind.SCHEDULE_HELD_BACK, Level.INFO, text)
    return start.at_ms


async def _settle(look: Look, schedule: Schedule, first_ms: int) -> int | None:
    """Settle every moment whose time has come; the first that is left."""
    overdue: list[Start] = []
    for fire_ms in fires_from(schedule, first_ms):
        start = start_of(schedule, look.name, fire_ms, look.windows)
        if start.settled_ms > look.now_ms or len(overdue) >= LOOKED_THROUGH:
            break
        if not await schedules.is_answered(look.c, look.name, schedule.name, fire_ms):
            overdue.append(start)
    if not overdue:
        return first_ms
    await _start(look, schedule, overdue)
    last_ms = overdue[-1].fire_ms
    if len(overdue) >= LOOKED_THROUGH:
        last_ms = max(last_ms, look.now_ms)
    return await _unanswered(look, schedule, last_ms)


async def _start(look: Look, schedule: Schedule, overdue: Sequence[Start]) -> None:
    """Queue what is to be queued of moments whose time has come."""
    fallen = [one for one in overdue if one.at_ms is None]
    if fallen:
        await _let_fall(look, schedule, fallen)
    wanted = [one for one in overdue if one.at_ms is not None]
    late = [one for one in wanted if look.now_ms - one.settled_ms > LATE_S * 1000]
    if schedule.missed is Missed.SKIP and late:
        wanted = [one for one in wanted if one not in late]
        await look.missed(schedule, len(late), f"{_told(look, schedule, late)} and no clock ran: left out")
    for group in _runs_of(schedule, wanted):
        await _start_one(look, schedule, group, late=group[0] in late)


async def _let_fall(look: Look, schedule: Schedule, fallen: Sequence[Start]) -> None:
    """Report moments that a window lets fall: the first of each of its times, the others are counted."""
    text = f"{_told(look, schedule, fallen)}; left out, as the window {fallen[-1].held_by} wants it"
    by = fallen[-1].by
    if by is not None and await blackouts.say(look.c, by, f"left out {look.name} {schedule.name}"):
        await look.say(EventKind.SCHEDULE_HELD_BACK, Level.INFO, text)
    await schedules.note_miss(
        look.c, look.name, schedule.name, at_ms=look.now_ms, moments=len(fallen), text=text
    )


def _runs_of(schedule: Schedule, wanted: Sequence[Start]) -> list[list[Start]]:
    """The moments that share a run. What a window put off starts once at its end, whatever else holds."""
    if not wanted:
        return []
    if schedule.missed is not Missed.EACH:
        return [list(wanted)]
    groups: list[list[Start]] = []
    for one in wanted:
        if groups and one.held_by and groups[-1][-1].at_ms == one.at_ms:
            groups[-1].append(one)
        else:
            groups.append([one])
    spare = len(groups) - EACH_AT_MOST
    if spare > 0:
        groups = [[one for group in groups[: spare + 1] for one in group], *groups[spare + 1 :]]
    return groups


async def _start_one(look: Look, schedule: Schedule, group: Sequence[Start], *, late: bool) -> None:
    """Queue the run of one moment, or of several that share it; or say why there is none."""
    waiting, busy, instead = await _in_the_way(look, schedule, group[0])
    told = _told(look, schedule, group)
    if len(waiting) >= (EACH_AT_MOST if schedule.missed is Missed.EACH else 1):
        first = waiting[0].id
        text = f"{told}; run {first}, which it started before, still waits for its turn"
        await look.missed(schedule, len(group), text, first)
        return
    if busy is not None and instead is None and schedule.busy is Busy.SKIP:
        await look.missed(schedule, len(group), f"{told}; run {busy.id} was still {busy.status}", busy.id)
        return
    fire_ms = group[0].fire_ms
    if not await schedules.claim(look.c, look.name, schedule.name, fire_ms, now_ms=look.now_ms):
        return
    if instead is not None:
        await schedules.note_run(look.c, look.name, schedule.name, fire_ms, instead.id)
        text = f"{told}; run {instead.id} compares everything and takes its place"
        await look.say(EventKind.RUN_QUEUED, Level.INFO, text, instead.id)
        return
    run_id = await _queue(look, schedule, fire_ms)
    if run_id is None:
        return
    await schedules.note_run(look.c, look.name, schedule.name, fire_ms, run_id)
    beside = f"; it waits for run {busy.id}, which is {busy.status}" if busy is not None else ""
    held_by = group[0].held_by
    if late:
        await look.missed(
            schedule, len(group), f"{told} and no clock ran; run {run_id} makes up for it{beside}", run_id
        )
    elif len(group) > 1 and not held_by:
        text = f"{told}; run {run_id} takes them together{beside}"
        await look.missed(schedule, len(group) - 1, text, run_id)
    elif held_by:
        text = f"{told}, held back by the window {held_by}; run {run_id} starts now{beside}"
        await look.say(EventKind.RUN_QUEUED, Level.INFO, text, run_id)
    else:
        what = ", a full comparison," if schedule.starts is Starts.FULL else ""
        text = f"run {run_id} of {look.name}{what} is due by schedule {schedule.name}{beside}"
        await look.say(EventKind.RUN_QUEUED, Level.INFO, text, run_id)


async def _in_the_way(
    look: Look, schedule: Schedule, start: Start
) -> tuple[list[Run], Run | None, Run | None]:
    """The runs of the same schedule that still wait, any import under way, and the full one that takes its place."""
    waiting: list[Run] = []
    busy = instead = None
    for run in await runs.active(look.c):
        if run.integration != look.name or run.kind is not RunKind.IMPORT:
            continue
        begun = run.attempt > 0 or run.status is not RunStatus.QUEUED
        if run.schedule == schedule.name and not begun:
            waiting.append(run)
        if run.status in UNDER_WAY or run.status is RunStatus.PAUSED:
            busy = busy or run
        covers = not run.entities or (schedule.entities and set(schedule.entities) <= set(run.entities))
        same_moment = run.due_at_ms == start.fire_ms and run.schedule and run.full
        if same_moment and covers and not begun and schedule.starts is not Starts.FULL:
            instead = run
    for run in await runs.latest(look.c, integration=look.name, status=RunStatus.HELD, limit=1):
        busy = busy or run
    return waiting, busy, instead


async def _queue(look: Look, schedule: Schedule, fire_ms: int) -> int | None:
    """None where the moment has its run already: a clock went far ahead and back, and it was forgotten meanwhile."""
    return await runs.enqueue(
        look.c,
        integration=look.name,
        kind=RunKind.IMPORT,
        lane=Lane.BULK,
        entities=schedule.entities,
        full=schedule.starts is Starts.FULL,
        requested_by=REQUESTED_BY,
        due_at_ms=fire_ms,
        now_ms=look.now_ms,
        schedule=schedule.name,
    )


def _told(look: Look, schedule: Schedule, group: Sequence[Start]) -> str:
    """Which schedule was due when."""
    at = _clock_words(schedule, group[0].fire_ms)
    more = f" and {counted(len(group) - 1, 'time')} after that" if len(group) > 1 else ""
    return f"{look.name} was due by schedule {schedule.name} at {at}{more}"


def _clock_words(schedule: Schedule, at_ms: int) -> str:
    """A moment in the zone of a schedule."""
    at = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZoneInfo(schedule.zone))
    return f"{at:%Y-%m-%d %H:%M %Z}"
