"""Commands about runs: start one, let its plan apply, throw the plan away, cancel."""

from __future__ import annotations

from siscon.domain.blackouts import of_integration, span_at
from siscon.domain.commands import ApprovePlan, CancelRun, DiscardPlan, StartRun
from siscon.domain.errors import UsageError
from siscon.domain.events import EventKind, Level
from siscon.domain.records import Entity
from siscon.domain.runs import ENDED, UNDER_WAY, Lane, Run, RunKind, RunStatus
from siscon.domain.text import plain, utc_words
from siscon.engine.answers import Answer, Circumstances, checked_reason, known_integration, tell
from siscon.store import blackouts, events, leases, run_counts, runs
from siscon.store.database import Connection


async def start_run(c: Connection, command: StartRun, here: Circumstances) -> Answer:
    """Queue an import, or a dry run of one."""
    actor, now_ms = here.actor, here.now_ms
    integration = await known_integration(c, command.integration)
    name = integration.name
    if not integration.enabled:
        raise UsageError(f"{name} is not enabled: set enabled to true in the configuration and start again.")
    known = {entity.value for entity in Entity}
    strange = [plain(one) for one in command.entities if one not in known]
    if strange:
        raise UsageError(f"'{strange[0]}' is no kind of record; there are {', '.join(known)}.")
    for run in await runs.latest(c, integration=name, status=RunStatus.HELD, limit=1):
        raise UsageError(
            f"Run {run.id} of {name} is held for a person: look with 'siscon runs show {run.id}', then "
            f"'siscon runs approve {run.id} --reason WHY' or 'siscon runs discard {run.id} --reason WHY'."
        )
    for run in await runs.active(c):
        if run.integration == name and run.lane is Lane.BULK and run.status is RunStatus.PAUSED:
            raise UsageError(
                f"Run {run.id} of {name} is paused: let it go on with 'siscon runs continue {run.id}', or cancel it."
            )
        if run.integration == name and run.lane is Lane.BULK and run.status in UNDER_WAY:
            raise UsageError(f"Run {run.id} of {name} is already {run.status}: wait for it, or cancel it.")
    if command.dry:
        await _give_up_older_plans(c, name, now_ms=now_ms)
    run_id = await runs.enqueue(
        c,
        integration=name,
        kind=RunKind.IMPORT,
        lane=Lane.BULK,
        entities=tuple(entity for entity in Entity if entity.value in command.entities),
        full=command.full,
        requested_by=actor,
        due_at_ms=None,
        now_ms=now_ms,
        dry=command.dry,
    )
    text = f"run {run_id} of {name} was asked for by {plain(actor)}"
    await events.append(
        c, EventKind.RUN_QUEUED, Level.INFO, text, integration=name, run_id=run_id, at_ms=now_ms
    )
    warning = await _within_a_window(c, name, now_ms)
    return Answer(f"Run {run_id} of {name} waits for its turn.{warning}", f"run {run_id}", run_id)


async def _within_a_window(c: Connection, name: str, now_ms: int) -> str:
    """A warning where schedules are held back, empty where they are not: people may sync all the same."""
    for window in of_integration(await blackouts.all_blackouts(c), name):
        if (span := span_at(window, now_ms)) is not None:
            until = utc_words(span.end_ms)
            return f" Mind the window {plain(window.name)}: until {until} schedules start nothing here."
    return ""


async def _give_up_older_plans(c: Connection, name: str, *, now_ms: int) -> None:
    """A new dry run takes the place of the one before: what that would have done is a day that has passed."""
    for run in await runs.latest(c, integration=name, status=RunStatus.PLANNED):
        said = "a newer dry run took its place"
        await runs.move(c, run.id, RunStatus.CANCELLED, now_ms=now_ms, error_code="superseded", error=said)
        await tell(c, EventKind.RUN_ENDED, f"run {run.id}: {said}", run, now_ms=now_ms)


async def cancel_run(c: Connection, command: CancelRun, here: Circumstances) -> Answer:
    """End a run, between two steps where it is under way. One that is held is decided on, by whoever may do that."""
    run_id, actor, now_ms = command.run_id, here.actor, here.now_ms
    run = await runs.get(c, run_id)
    if run is None:
        raise UsageError(f"There is no run {run_id}.")
    if run.status in ENDED:
        raise UsageError(f"Run {run_id} has ended already: {run.status}.")
    if run.status is RunStatus.HELD:
        raise UsageError(
            f"Run {run_id} is held for a decision: an administrator lets it apply or throws its plan away "
            f"('siscon runs discard {run_id} --reason WHY')."
        )
    await runs.request_cancel(c, run_id, actor)
    if run.status is RunStatus.RUNNING:
        holder = await leases.holder(c, f"engine:{run.engine}", now_ms=now_ms)
        if holder is not None:
            return Answer(f"Run {run_id} stops after the open batch.", f"run {run_id}", run_id)
        await leases.take_away(c, run.engine or "")
        await runs.move(c, run_id, RunStatus.INTERRUPTED, now_ms=now_ms)
    said = f"cancelled by {plain(actor)}"
    await runs.move(c, run_id, RunStatus.CANCELLED, now_ms=now_ms, error_code="cancelled", error=said)
    await tell(c, EventKind.RUN_ENDED, f"run {run_id} was {said}", run, now_ms=now_ms)
    return Answer(f"Run {run_id} is cancelled.", f"run {run_id}", run_id)


async def waiting_plan(c: Connection, run_id: int, reason: str) -> Run:
    """A run whose plan waits. One that passes no limit may go on without a reason."""
    run = await runs.get(c, run_id)
    if run is None:
        raise UsageError(f"There is no run {run_id}.")
    if run.status not in (RunStatus.HELD, RunStatus.PLANNED):
        raise UsageError(f"Run {run_id} is not held but {run.status}: there is nothing to decide.")
    if run.error_code:
        checked_reason(reason)
    return run


async def approve_plan(c: Connection, command: ApprovePlan, here: Circumstances) -> Answer:
    """Let a plan that waits apply, as it was shown; with ``entities`` only those of it."""
    run_id, reason, actor, now_ms = command.run_id, command.reason, here.actor, here.now_ms
    run = await waiting_plan(c, run_id, reason)
    only = tuple(entity for entity in run.entities if entity.value in command.entities)
    if len(only) < len(set(command.entities)):
        there = ", ".join(entity.value for entity in run.entities)
        raise UsageError(f"The plan of run {run_id} holds {there}, and not all that you named.")
    await runs.approve(c, run_id, actor)
    if only:
        await run_counts.leave_out_all_but(c, run_id, only)
    await runs.move(c, run_id, RunStatus.QUEUED, now_ms=now_ms)
    part = f" for {', '.join(entity.value for entity in only)} alone" if only else ""
    why = f": {plain(reason)}" if reason.strip() else ""
    text = f"the plan of run {run_id} was approved{part} by {plain(actor)}{why}"
    await tell(c, EventKind.RUN_QUEUED, text, run, now_ms=now_ms)
    return Answer(
        f"Run {run_id} goes on and applies the plan as it was shown{part}.", f"run {run_id}", run_id
    )


async def discard_plan(c: Connection, command: DiscardPlan, here: Circumstances) -> Answer:
    """End a run whose plan waits; nothing of it is applied."""
    run_id, reason, actor, now_ms = command.run_id, command.reason, here.actor, here.now_ms
    run = await waiting_plan(c, run_id, reason)
    said = f"plan discarded by {plain(actor)}" + (f": {plain(reason)}" if reason.strip() else "")
    await runs.move(c, run_id, RunStatus.CANCELLED, now_ms=now_ms, error_code="discarded", error=said)
    await tell(c, EventKind.RUN_ENDED, f"run {run_id}: {said}", run, now_ms=now_ms)
    return Answer(f"The plan of run {run_id} is discarded; nothing was changed.", f"run {run_id}", run_id)
