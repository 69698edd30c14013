"""Commands that people left are carried out: effect, audit row and answer in one transaction each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from siscon.domain.commands import (
    ApprovePlan,
    CancelRun,
    CommandRow,
    CommandStatus,
    DiscardPlan,
    PauseIntegration,
    RefreshToken,
    RemoveIntegration,
    ResumeIntegration,
    StartRun,
    StopEngine,
    to_plain,
)
from siscon.domain.errors import UsageError
from siscon.domain.events import EventKind, Level
from siscon.domain.integrations import Integration
from siscon.domain.records import Entity
from siscon.domain.runs import ENDED, UNDER_WAY, Lane, Run, RunKind, RunStatus
from siscon.domain.text import plain
from siscon.engine.bell import Ear
from siscon.store import audit, commands, events, integrations, leases, removal, runs
from siscon.store.database import Connection, Database
from siscon.store.vault import Vault

LOOK_EVERY_S = 2.0


@dataclass(frozen=True, slots=True)
class LiveEngine:
    """What a command may ask of the engine that carries it out. ``integrations`` are those it can run."""

    id: str
    integrations: frozenset[str]
    stop: Callable[[], None]
    renew_token: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came of a command; ``after`` happens once the answer is committed."""

    sentence: str
    target: str
    run_id: int | None = None
    after: Callable[[], None] = field(default=lambda: None)


class _NotOurs(Exception):
    """The command is for another engine, which lives."""


async def carry_out(db: Database, *, vault: Vault, live: LiveEngine | None, now_ms: Callable[[], int]) -> int:
    """Answer every pending command; how many there were.

    Without a living engine (``live`` None) this is a short command that acts by itself: what needs an engine is
    refused with a sentence.
    """
    async with db.read() as c:
        waiting = await commands.pending(c)
    answered = 0
    for row in waiting:
        answered += await _answer(db, row, vault=vault, live=live, now_ms=now_ms())
    return answered


async def attend(
    db: Database, ear: Ear, *, vault: Vault, live: LiveEngine, now_ms: Callable[[], int]
) -> None:
    """Carry out commands as they come, for ever."""
    while True:
        await ear.heard(timeout_s=LOOK_EVERY_S)
        await carry_out(db, vault=vault, live=live, now_ms=now_ms)


async def _answer(
    db: Database, row: CommandRow, *, vault: Vault, live: LiveEngine | None, now_ms: int
) -> bool:
    """One command; a refusal is an answer too. False when somebody else has answered or will."""
    try:
        async with db.transaction() as c:
            if not await _still_waits(c, row):
                return False
            answer = await _effect(c, row, live=live, now_ms=now_ms)
            await _conclude(c, row, answer, CommandStatus.DONE, vault=vault, now_ms=now_ms)
    except _NotOurs:
        return False
    except UsageError as error:
        refusal = _Answer(error.sentence, row.command.kind)
        async with db.transaction() as c:
            if not await _still_waits(c, row):
                return False
            await _conclude(c, row, refusal, CommandStatus.REFUSED, vault=vault, now_ms=now_ms)
        return True
    answer.after()
    return True


async def _still_waits(c: Connection, row: CommandRow) -> bool:
    now = await commands.get(c, row.id)
    return now is not None and now.status is CommandStatus.PENDING


async def _conclude(
    c: Connection, row: CommandRow, answer: _Answer, status: CommandStatus, *, vault: Vault, now_ms: int
) -> None:
    await audit.append(
        c,
        vault,
        actor=row.actor,
        action=row.command.kind if status is CommandStatus.DONE else f"{row.command.kind} refused",
        target=answer.target,
        detail=to_plain(row.command),
        at_ms=now_ms,
    )
    await commands.answer(
        c, row.id, status=status, answer=answer.sentence, run_id=answer.run_id, now_ms=now_ms
    )


async def _effect(c: Connection, row: CommandRow, *, live: LiveEngine | None, now_ms: int) -> _Answer:
    match row.command:
        case StartRun() as command:
            return await _start_run(c, command, actor=row.actor, now_ms=now_ms)
        case CancelRun(run_id):
            return await _cancel_run(c, run_id, actor=row.actor, now_ms=now_ms)
        case ApprovePlan(run_id, reason):
            return await _approve_plan(c, run_id, reason, actor=row.actor, now_ms=now_ms)
        case DiscardPlan(run_id, reason):
            return await _discard_plan(c, run_id, reason, actor=row.actor, now_ms=now_ms)
        case PauseIntegration(name):
            await _integration(c, name)
            await integrations.set_paused(c, name, True)
            return _Answer(f"{name} is paused: its schedule starts nothing until it is resumed.", name)
        case ResumeIntegration(name):
            await _integration(c, name)
            await integrations.set_paused(c, name, False)
            return _Answer(f"{name} goes on by its schedule.", name)
        case RemoveIntegration() as command:
            return await _remove_integration(c, command, live=live, now_ms=now_ms)
        case RefreshToken(name):
            return await _refresh_token(c, name, live=live)
        case StopEngine(engine):
            return await _stop_engine(c, engine, live=live, now_ms=now_ms)


async def _integration(c: Connection, name: str) -> Integration:
    found = await integrations.one(c, name)
    if found is None:
        raise UsageError(
            f"There is no integration '{plain(name)}': 'siscon integrations list' shows those there are."
        )
    return found


async def _remove_integration(
    c: Connection, command: RemoveIntegration, *, live: LiveEngine | None, now_ms: int
) -> _Answer:
    name = (await _integration(c, command.integration)).name
    if live is not None and name in live.integrations:
        raise UsageError(
            f"The engine that is alive works with {name}: take {name} out of the configuration, end the engine with "
            "'siscon stop', then remove it."
        )
    held = await runs.latest(c, integration=name, status=RunStatus.HELD, limit=1)
    for run in (*(one for one in await runs.active(c) if one.integration == name), *held):
        raise UsageError(f"Run {run.id} of {name} is {run.status}: cancel it or decide on it first.")
    found = await removal.counts(c, name)
    if found["mappings"] != command.mappings:
        raise UsageError(
            f"{name} has {found['mappings']} mappings by now, {command.mappings} were exported: begin again."
        )
    gone = await removal.remove(c, name, now_ms=now_ms)
    told = ", ".join(f"{n} {what.replace('_', ' ')}" for what, n in gone.items())
    text = f"{name} was removed: {told}"
    await events.append(c, EventKind.INTEGRATION_REMOVED, Level.WARNING, text, integration=name, at_ms=now_ms)
    return _Answer(f"{name} is removed: {told}. The roster stays.", name)


async def _start_run(c: Connection, command: StartRun, *, actor: str, now_ms: int) -> _Answer:
    integration = await _integration(c, command.integration)
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
        if run.integration == name and run.lane is Lane.BULK and run.status in UNDER_WAY:
            raise UsageError(f"Run {run.id} of {name} is already {run.status}: wait for it, or cancel it.")
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
    )
    text = f"run {run_id} of {name} was asked for by {plain(actor)}"
    await events.append(
        c, EventKind.RUN_QUEUED, Level.INFO, text, integration=name, run_id=run_id, at_ms=now_ms
    )
    return _Answer(f"Run {run_id} of {name} waits for its turn.", f"run {run_id}", run_id)


async def _cancel_run(c: Connection, run_id: int, *, actor: str, now_ms: int) -> _Answer:
    run = await runs.get(c, run_id)
    if run is None:
        raise UsageError(f"There is no run {run_id}.")
    if run.status in ENDED:
        raise UsageError(f"Run {run_id} has ended already: {run.status}.")
    await runs.request_cancel(c, run_id, actor)
    if run.status is RunStatus.RUNNING:
        holder = await leases.holder(c, f"engine:{run.engine}", now_ms=now_ms)
        if holder is not None:
            return _Answer(f"Run {run_id} stops after the open batch.", f"run {run_id}", run_id)
        await leases.take_away(c, run.engine or "")
        await runs.move(c, run_id, RunStatus.INTERRUPTED, now_ms=now_ms)
    said = f"cancelled by {plain(actor)}"
    await runs.move(c, run_id, RunStatus.CANCELLED, now_ms=now_ms, error_code="cancelled", error=said)
    await _tell(c, EventKind.RUN_ENDED, f"run {run_id} was {said}", run, now_ms=now_ms)
    return _Answer(f"Run {run_id} is cancelled.", f"run {run_id}", run_id)


async def _held(c: Connection, run_id: int, reason: str) -> Run:
    run = await runs.get(c, run_id)
    if run is None:
        raise UsageError(f"There is no run {run_id}.")
    if run.status is not RunStatus.HELD:
        raise UsageError(f"Run {run_id} is not held but {run.status}: there is nothing to decide.")
    if not reason.strip():
        raise UsageError("Say why, with --reason: it stands in the audit beside your name.")
    return run


async def _approve_plan(c: Connection, run_id: int, reason: str, *, actor: str, now_ms: int) -> _Answer:
    run = await _held(c, run_id, reason)
    await runs.approve(c, run_id, actor)
    await runs.move(c, run_id, RunStatus.QUEUED, now_ms=now_ms)
    text = f"the plan of run {run_id} was approved by {plain(actor)}: {plain(reason)}"
    await _tell(c, EventKind.RUN_QUEUED, text, run, now_ms=now_ms)
    return _Answer(f"Run {run_id} goes on and applies the plan as it was shown.", f"run {run_id}", run_id)


async def _discard_plan(c: Connection, run_id: int, reason: str, *, actor: str, now_ms: int) -> _Answer:
    run = await _held(c, run_id, reason)
    said = f"plan discarded by {plain(actor)}: {plain(reason)}"
    await runs.move(c, run_id, RunStatus.CANCELLED, now_ms=now_ms, error_code="discarded", error=said)
    await _tell(c, EventKind.RUN_ENDED, f"run {run_id}: {said}", run, now_ms=now_ms)
    return _Answer(f"The plan of run {run_id} is discarded; nothing was changed.", f"run {run_id}", run_id)


async def _tell(c: Connection, kind: EventKind, text: str, run: Run, *, now_ms: int) -> None:
    await events.append(c, kind, Level.INFO, text, integration=run.integration, run_id=run.id, at_ms=now_ms)


async def _refresh_token(c: Connection, name: str, *, live: LiveEngine | None) -> _Answer:
    await _integration(c, name)
    if live is None:
        raise UsageError("No engine is alive that could renew the token: start one with 'siscon serve'.")
    if name not in live.integrations:
        raise UsageError(
            f"{name} is not in this engine's configuration, or its provider could not be loaded."
        )
    return _Answer(f"A new token for {name} is being asked for.", name, after=lambda: live.renew_token(name))


async def _stop_engine(c: Connection, engine: str, *, live: LiveEngine | None, now_ms: int) -> _Answer:
    if live is not None and engine == live.id:
        return _Answer(f"Engine {engine} stops after the open batch.", engine, after=live.stop)
    if await leases.holder(c, f"engine:{engine}", now_ms=now_ms) is not None:
        raise _NotOurs
    raise UsageError(f"There is no living engine '{plain(engine)}'.")
