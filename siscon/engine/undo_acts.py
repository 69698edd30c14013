"""The command that puts back what a run did."""

from __future__ import annotations

from siscon.domain.commands import UndoRun
from siscon.domain.errors import UsageError
from siscon.domain.events import Level
from siscon.domain.runs import ENDED, Lane, RunKind
from siscon.domain.text import counted, plain, were
from siscon.engine.answers import Answer, Circumstances, checked_reason, queue
from siscon.store import mends, runs, undoing
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
            f"Run {done.id} has made {counted(count, 'change')}, {were(command.expected)} shown: look again."
        )
    run_id = await queue(
        c,
        here,
        integration=done.integration,
        kind=RunKind.UNDO,
        lane=Lane.BULK,
        request={"run_id": done.id, **asked},
        doing=f"undoes run {done.id} of {done.integration}: asked for by {plain(here.actor)}: {plain(reason)}",
        reason=reason,
        level=Level.WARNING,
    )
    if "mend" in done.request:
        await mends.forget(c, done.request["mend"])
    return Answer(
        f"Run {run_id} puts back what run {done.id} did: {counted(count, 'change')}.",
        f"run {done.id}",
        run_id,
    )
