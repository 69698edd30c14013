"""Runs that rest: a person, or a window, lets one stand where it is, and it goes on later with all that it has."""

from __future__ import annotations

from siscon.domain.commands import ContinueRun, PauseRun
from siscon.domain.errors import UsageError
from siscon.domain.events import EventKind, Level
from siscon.domain.runs import Run, RunStatus
from siscon.domain.text import plain, utc_words
from siscon.engine.answers import Answer, Circumstances, tell
from siscon.store import events, leases, runs
from siscon.store.database import Connection


async def pause_run(c: Connection, command: PauseRun, here: Circumstances) -> Answer:
    """Let a run rest: at once where it waits, after the open step where it is under way."""
    run_id, until_ms, now_ms = command.run_id, command.until_ms, here.now_ms
    run = await runs.get(c, run_id)
    if run is None:
        raise UsageError(f"There is no run {run_id}.")
    if run.status not in (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.PAUSED):
        raise UsageError(f"Run {run_id} is {run.status}: only one that is queued or runs can be paused.")
    if run.cancel_requested_by:
        raise UsageError(f"Run {run_id} is being cancelled: there is nothing to pause.")
    if until_ms is not None and until_ms <= now_ms:
        raise UsageError("That moment is over: name one that is to come.")
    await runs.request_pause(c, run_id, here.actor, resume_at_ms=until_ms)
    until = f" until {utc_words(until_ms)}" if until_ms is not None else ""
    if run.status is RunStatus.RUNNING:
        holder = await leases.holder(c, f"engine:{run.engine}", now_ms=now_ms)
        if holder is not None:
            sentence = f"Run {run_id} rests after the open step{until}; it keeps what it has fetched."
            return Answer(sentence, f"run {run_id}", run_id)
        await leases.take_away(c, run.engine or "")
    if run.status is not RunStatus.PAUSED:
        said = f"paused by {plain(here.actor)}{until}"
        await runs.move(c, run_id, RunStatus.PAUSED, now_ms=now_ms, error_code="paused", error=said)
        await tell(c, EventKind.RUN_PAUSED, f"run {run_id} was {said}", run, now_ms=now_ms)
    return Answer(f"Run {run_id} is paused{until}.", f"run {run_id}", run_id)


async def continue_run(c: Connection, command: ContinueRun, here: Circumstances) -> Answer:
    """Let a paused run go on from where it stands."""
    run = await runs.get(c, command.run_id)
    if run is None:
        raise UsageError(f"There is no run {command.run_id}.")
    if run.status is not RunStatus.PAUSED:
        raise UsageError(f"Run {run.id} is not paused but {run.status}.")
    await go_on(c, run, f"run {run.id} was continued by {plain(here.actor)}", now_ms=here.now_ms)
    return Answer(f"Run {run.id} goes on where it stands.", f"run {run.id}", run.id)


async def go_on(c: Connection, run: Run, text: str, *, now_ms: int) -> None:
    """Queue a paused run again."""
    await runs.move(c, run.id, RunStatus.QUEUED, now_ms=now_ms)
    await events.append(
        c, EventKind.RUN_QUEUED, Level.INFO, text, integration=run.integration, run_id=run.id, at_ms=now_ms
    )
