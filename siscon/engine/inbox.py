"""Commands that people left are carried out: effect, audit row and answer in one transaction each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from siscon.domain import commands as asked
from siscon.domain.audited import for_audit
from siscon.domain.commands import CommandRow, CommandStatus
from siscon.domain.errors import UsageError
from siscon.domain.roles import Role, refusal, role_needed
from siscon.domain.text import plain
from siscon.engine import (
    account_acts,
    backfill,
    chore_acts,
    conflict_acts,
    dead_acts,
    identity_acts,
    integration_acts,
    notice_acts,
    plan_acts,
    record_acts,
    request_acts,
    resting,
    run_acts,
    undo_acts,
)
from siscon.engine.answers import Answer, Circumstances, LiveEngine, NotOurs
from siscon.engine.bell import Ear
from siscon.engine.judging import Judge
from siscon.store import audit, commands
from siscon.store.database import Connection, Database
from siscon.store.vault import Vault

LOOK_EVERY_S = 2.0

EFFECTS: Mapping[type[asked.Command], Callable[[Connection, Any, Circumstances], Awaitable[Answer]]] = {
    asked.StartRun: run_acts.start_run,
    asked.CancelRun: run_acts.cancel_run,
    asked.ApprovePlan: run_acts.approve_plan,
    asked.DiscardPlan: run_acts.discard_plan,
    asked.SettleConflict: conflict_acts.settle,
    asked.SettleConflicts: conflict_acts.settle_many,
    asked.Remap: plan_acts.remap,
    asked.DeclareRollover: plan_acts.declare_rollover,
    asked.EndRollover: plan_acts.end_rollover,
    asked.EditRecord: record_acts.edit,
    asked.ReleaseEdits: record_acts.release,
    asked.WithdrawRecords: record_acts.withdraw,
    asked.CreateAccounts: account_acts.create,
    asked.SplitRecord: identity_acts.split,
    asked.RetryDead: dead_acts.retry,
    asked.DiscardDead: dead_acts.discard,
    asked.MendDead: dead_acts.mend,
    asked.ForgetMend: dead_acts.forget_mend,
    asked.ForceSync: dead_acts.force_sync,
    asked.FetchRecords: dead_acts.fetch_records,
    asked.UndoRun: undo_acts.undo,
    asked.PauseRun: resting.pause_run,
    asked.ContinueRun: resting.continue_run,
    asked.Backfill: backfill.backfill,
    asked.PauseIntegration: integration_acts.pause,
    asked.ResumeIntegration: integration_acts.resume,
    asked.RemoveIntegration: integration_acts.remove,
    asked.RefreshToken: integration_acts.refresh_token,
    asked.StopEngine: integration_acts.stop_engine,
    asked.TakeBack: request_acts.take_back,
    asked.NoteExport: request_acts.note_export,
    asked.RunChore: chore_acts.run_chore,
    asked.Purge: chore_acts.purge,
    asked.NoteDenial: request_acts.note_denial,
    asked.MuteCause: notice_acts.mute,
    asked.TryChannel: notice_acts.try_channel,
    asked.RetryChannel: notice_acts.retry_channel,
}
"""What carries out each kind of command, inside the transaction of its answer."""


NOTES = (asked.TakeBack, asked.NoteExport, asked.NoteDenial)
"""Commands about what has been done already."""


async def carry_out(
    db: Database,
    *,
    vault: Vault,
    live: LiveEngine | None,
    judge: Judge,
    now_ms: Callable[[], int],
    only: Collection[int] | None = None,
) -> int:
    """Answer every pending command whose time of grace is over, or of them those of ``only``; how many there were.

    Without a living engine (``live`` None) this is a short command that acts by itself: what needs an engine is
    refused with a sentence. Such a command names its own request: what others asked for waits for an engine, but for
    what is done already and only waits for its audit row. ``judge`` says which role an actor has; what it does not
    allow is refused, whoever left it and whatever was checked before.
    """
    async with db.read() as c:
        due = await commands.due(c, now_ms=now_ms())
    waiting = [row for row in due if only is None or row.id in only or isinstance(row.command, NOTES)]
    answered = 0
    for row in waiting:
        answered += await _answer(db, row, vault=vault, live=live, judge=judge, now_ms=now_ms())
    return answered


async def attend(
    db: Database, ear: Ear, *, vault: Vault, live: LiveEngine, judge: Judge, now_ms: Callable[[], int]
) -> None:
    """Carry out commands as they come, those that lie for a while when their time of grace is over, for ever."""
    wait_s = LOOK_EVERY_S
    while True:
        await ear.heard(timeout_s=wait_s)
        await carry_out(db, vault=vault, live=live, judge=judge, now_ms=now_ms)
        async with db.read() as c:
            due_ms = await commands.next_due_ms(c, now_ms=now_ms())
        wait_s = LOOK_EVERY_S if due_ms is None else min(LOOK_EVERY_S, max(0, due_ms - now_ms()) / 1000)


async def _answer(
    db: Database, row: CommandRow, *, vault: Vault, live: LiveEngine | None, judge: Judge, now_ms: int
) -> bool:
    """One command; a refusal is an answer too. False when somebody else has answered or will."""
    role = judge(row.actor)
    told = _Told(vault, row, role, now_ms)
    try:
        async with db.transaction() as c:
            if not await _still_waits(c, row):
                return False
            needed = await _needed(c, row.command)
            if role is None or role < needed:
                await _conclude(c, told, _denial(row, role, needed), CommandStatus.REFUSED, "denied")
                return True
            answer = await _effect(c, row, Circumstances(row.actor, now_ms, vault, live, role))
            await _conclude(c, told, answer, CommandStatus.DONE)
    except NotOurs:
        return False
    except UsageError as error:
        refused = Answer(error.sentence, row.command.kind)
        async with db.transaction() as c:
            if not await _still_waits(c, row):
                return False
            await _conclude(c, told, refused, CommandStatus.REFUSED, "refused")
        return True
    answer.after()
    return True


async def _needed(c: Connection, command: asked.Command) -> Role:
    """The least role that may ask for a command. What still waits is taken back only by who could have asked for it."""
    needed = role_needed(command)
    if isinstance(command, asked.TakeBack):
        target = await commands.get(c, command.request)
        if target is not None and target.status is CommandStatus.PENDING:
            return max(needed, role_needed(target.command))
    return needed


def _denial(row: CommandRow, role: Role | None, needed: Role) -> Answer:
    sentence = refusal(row.command.kind, role, needed, who=[plain(row.actor, limit=80)])
    return Answer(sentence, row.command.kind)


async def _effect(c: Connection, row: CommandRow, here: Circumstances) -> Answer:
    act = EFFECTS.get(type(row.command))
    if act is None:
        raise UsageError(f"This siscon cannot carry out {row.command.kind}.")
    return await act(c, row.command, here)


async def _still_waits(c: Connection, row: CommandRow) -> bool:
    now = await commands.get(c, row.id)
    return now is not None and now.status is CommandStatus.PENDING


@dataclass(frozen=True, slots=True)
class _Told:
    """What the audit says of a command beside its answer."""

    vault: Vault
    row: CommandRow
    role: Role | None
    now_ms: int


async def _conclude(c: Connection, told: _Told, answer: Answer, status: CommandStatus, how: str = "") -> None:
    row, now_ms = told.row, told.now_ms
    await audit.append(
        c,
        told.vault,
        actor=row.actor,
        action=f"{row.command.kind} {how}".rstrip(),
        target=answer.target,
        detail={**for_audit(row.command), "role": told.role.word if told.role else "unknown", **answer.facts},
        at_ms=now_ms,
    )
    await commands.answer(
        c, row.id, status=status, answer=answer.sentence, run_id=answer.run_id, now_ms=now_ms
    )
