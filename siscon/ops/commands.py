"""Leave a command for the engine, wait for its answer, take it back. Who may ask for what is checked here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress

from siscon.domain.commands import Command, CommandRow, CommandStatus, NoteDenial, TakeBack
from siscon.domain.errors import NOT_ALLOWED, DatabaseError, UsageError
from siscon.domain.roles import Role, refusal, role_needed
from siscon.store import commands
from siscon.store.database import Database

LOOK_EVERY_S = 1.0
READ_ONLY = "This console is read-only: nothing can be changed from here. Open one without --read-only."


def may(command: Command, role: Role) -> bool:
    """Whether a role may ask for a command."""
    return role >= role_needed(command)


async def _check(
    db: Database, asked: Sequence[Command], *, actor: str, role: Role, read_only: bool, now_ms: int
) -> None:
    """Raise ``UsageError`` where one may only look, or where the role does not reach; that is noted for the audit."""
    if read_only:
        raise UsageError(READ_ONLY, code="read_only")
    for command in asked:
        if not may(command, role):
            await _deny(db, command.kind, role_needed(command), actor=actor, role=role, now_ms=now_ms)


async def need(db: Database, what: str, needed: Role, *, actor: str, role: Role) -> None:
    """Raise ``UsageError`` where a role does not reach for what is done without a command; that is noted."""
    if role < needed:
        await _deny(db, what, needed, actor=actor, role=role, now_ms=_wall_ms())


async def note_denial(db: Database, what: str, *, actor: str, role: Role, now_ms: int) -> None:
    """Have the audit say that somebody asked for what the role does not allow."""
    with suppress(DatabaseError):  # who cannot write here cannot change anything either
        async with db.transaction() as c:
            await commands.leave(c, NoteDenial(what, role.word), actor=actor, now_ms=now_ms)


async def _deny(db: Database, what: str, needed: Role, *, actor: str, role: Role, now_ms: int) -> None:
    await note_denial(db, what, actor=actor, role=role, now_ms=now_ms)
    raise UsageError(refusal(what, role, needed), code=NOT_ALLOWED)


async def submit(
    db: Database,
    command: Command,
    *,
    actor: str,
    role: Role,
    read_only: bool = False,
    grace_ms: int = 0,
    now_ms: int | None = None,
) -> int:
    """Leave a command in the inbox; its id. For ``grace_ms`` it lies there, and nobody carries it out.

    Raises ``UsageError`` when the role does not allow it, and always where one may only look.
    """
    [id_] = await submit_all(
        db, [command], actor=actor, role=role, read_only=read_only, grace_ms=grace_ms, now_ms=now_ms
    )
    return id_


async def submit_all(
    db: Database,
    asked: Sequence[Command],
    *,
    actor: str,
    role: Role,
    read_only: bool = False,
    grace_ms: int = 0,
    now_ms: int | None = None,
) -> list[int]:
    """Leave several commands that belong together, all or none; their ids. Otherwise as :func:`submit`."""
    at_ms = _wall_ms() if now_ms is None else now_ms
    await _check(db, asked, actor=actor, role=role, read_only=read_only, now_ms=at_ms)
    async with db.transaction() as c:
        return [
            await commands.leave(c, command, actor=actor, now_ms=at_ms, grace_ms=grace_ms)
            for command in asked
        ]


async def take_back(
    db: Database,
    command_id: int,
    *,
    actor: str,
    role: Role,
    read_only: bool = False,
    now_ms: int | None = None,
) -> CommandRow:
    """Let a command that nobody has carried out yet wait no more; the row as it is now.

    It holds at once, whether an engine is alive or not; a command left in the same transaction has the audit say so.
    Raises ``UsageError`` when there is none, when it is too late, and as :func:`submit` does.
    """
    at_ms = _wall_ms() if now_ms is None else now_ms
    async with db.read() as c:
        row = await commands.get(c, command_id)
    told = [TakeBack(command_id), *([row.command] if row else [])]
    await _check(db, told, actor=actor, role=role, read_only=read_only, now_ms=at_ms)
    async with db.transaction() as c:
        row = await commands.get(c, command_id)
        if row is None:
            raise UsageError(f"There is no request {command_id}.", code="no_such_command")
        if row.status is not CommandStatus.PENDING:
            raise UsageError(f"Too late: request {command_id} was answered. {row.answer}", code="too_late")
        await commands.take_back(c, command_id, actor=actor, now_ms=at_ms)
        await commands.leave(c, TakeBack(command_id), actor=actor, now_ms=at_ms)
        now = await commands.get(c, command_id)
    assert now is not None, "it was there in the same transaction"
    return now


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


async def wait_for(db: Database, command_id: int, *, timeout_s: float) -> CommandRow:
    """The command once it is answered, or as it stands after ``timeout_s`` (then still pending).

    A round counts for ``LOOK_EVERY_S`` at most: while the machine stood still nobody could have answered.
    """
    loop, left_s = asyncio.get_running_loop(), timeout_s
    while True:
        begun_s = loop.time()
        async with db.read() as c:
            row = await commands.get(c, command_id)
        if row is None:
            raise UsageError(f"There is no command {command_id}.", code="no_such_command")
        if row.status is not CommandStatus.PENDING or left_s <= 0:
            return row
        await db.changed(timeout_s=min(left_s, LOOK_EVERY_S))
        left_s -= min(loop.time() - begun_s, LOOK_EVERY_S)
