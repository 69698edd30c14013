"""Commands about chores: what is asked for becomes due, and whoever does the chores does it."""

from __future__ import annotations

from siscon.domain.commands import RunChore
from siscon.domain.errors import UsageError
from siscon.domain.text import plain
from siscon.engine.answers import Answer, Circumstances
from siscon.store import chores
from siscon.store.database import Connection


async def run_chore(c: Connection, command: RunChore, here: Circumstances) -> Answer:
    """Let a chore be due now."""
    name = plain(command.chore, limit=60)
    known = await chores.all_chores(c)
    if command.chore not in known:
        told = ", ".join(known) or "none yet"
        raise UsageError(f"There is no chore '{name}'. Known are: {told}.", code="no_such_chore")
    await chores.set_due(c, command.chore, here.now_ms)
    return Answer(f"{name} is due now.", f"chore {name}")
