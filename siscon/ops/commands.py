"""Leave a command for the engine, and wait for its answer. Who may ask for what is checked here."""

from __future__ import annotations

import asyncio
import time

from siscon.domain.commands import Command, CommandRow, CommandStatus
from siscon.domain.errors import UsageError
from siscon.domain.roles import Role, role_needed
from siscon.store import commands
from siscon.store.database import Database


def may(command: Command, role: Role) -> bool:
    """Whether a role may ask for a command."""
    return role >= role_needed(command)


async def submit(db: Database, command: Command, *, actor: str, role: Role) -> int:
    """Leave a command in the inbox; its id. Raises ``UsageError`` when the role does not allow it."""
    if not may(command, role):
        raise UsageError(
            f"Your role ({role.name.lower()}) may not do this; it needs {role_needed(command).name.lower()}. "
            "Ask an administrator.",
            code="not_allowed",
        )
    async with db.transaction() as c:
        return await commands.leave(c, command, actor=actor, now_ms=int(time.time() * 1000))


async def wait_for(db: Database, command_id: int, *, timeout_s: float) -> CommandRow:
    """The command once it is answered, or as it stands after ``timeout_s`` (then still pending)."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + timeout_s
    while True:
        async with db.read() as c:
            row = await commands.get(c, command_id)
        if row is None:
            raise UsageError(f"There is no command {command_id}.", code="no_such_command")
        left_s = until_s - loop.time()
        if row.status is not CommandStatus.PENDING or left_s <= 0:
            return row
        await db.changed(timeout_s=min(left_s, 1.0))
