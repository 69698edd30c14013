"""The command that puts back what a run did."""

from __future__ import annotations

from siscon.domain.commands import UndoRun
from siscon.domain.errors import UsageError
from siscon.domain.events import EventKind, Level
from siscon.domain.runs import ENDED, Lane, RunKind
from siscon.domain.text import plain
from siscon.engine.answers import Answer, Circumstances, checked_reason
from siscon.store import events, mends, runs, undoing
from siscon.store.database import Connection


async def undo(c: Connection, command: UndoRun, here: Circumstances) -> Answer:
    """Queue a run that puts back as many changes as were shown."""
    done = await runs.get(c, command.run_id)
    if done is None:
        raise UsageError(f"There is no run {command.run_id}: 'siscon runs list' shows those there are.")
    if done.status not in ENDED:
        raise UsageError(f"Run {done.id} is {done.status}: only what has ended can be undone.")
    reason = checked_reason(command.reason)
    asked = {"entity": command.entity or None, "external_id": command.external_id or None}
    found = await undoing.counts(c, done.id, **asked)
    count = sum(found.values())
    if count == 0:
        raise UsageError(f"Run {done.id} has changed nothing of that: there is nothing to undo.")
    if count != command.expected:
        raise UsageError(
            f"Run {done.id} has made {count} changes, {command.expected} were shown: look again."
        )
    run_id = await runs.enqueue(
        c,
        integration=done.integration,
        kind=RunKind.UNDO,
        lane=Lane.BULK,
        entities=(),
        full=False,
        requested_by=here.actor,
        due_at_ms=None,
        now_ms=here.now_ms,
        request={"run_id": done.id, **asked},
        reason=reason,
    )
    assert run_id is not None, "a run without a due moment is never queued already"
    if "mend" in done.request:
        await mends.forget(c, done.request["mend"])
    text = f"run {run_id} undoes run {done.id} of {done.integration}: asked for by {plain(here.actor)}: {plain(reason)}"
    await events.append(
        c,
        EventKind.RUN_QUEUED,
        Level.WARNING,
        text,
        integration=done.integration,
        run_id=run_id,
        at_ms=here.now_ms,
    )
    return Answer(
        f"Run {run_id} puts back what run {done.id} did: {count} changes.", f"run {done.id}", run_id
    )
