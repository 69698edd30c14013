"""Commands about chores: what is asked for becomes due, and whoever does the chores does it."""

from __future__ import annotations

from dataclasses import replace

from siscon.domain.commands import Purge, RunChore
from siscon.domain.errors import UsageError
from siscon.domain.text import agreed, counted, plain
from siscon.engine import retention
from siscon.engine.answers import Answer, Circumstances
from siscon.store import chores
from siscon.store.database import Connection


async def run_chore(c: Connection, command: RunChore, here: Circumstances) -> Answer:
    """Let a chore be due now."""
    return await _due_now(c, command.chore, here)


async def purge(c: Connection, command: Purge, here: Circumstances) -> Answer:
    """Let what is too old go now."""
    answer = await _due_now(c, retention.CHORE, here)
    told = f"{counted(command.expected, 'thing')} too old {agreed(command.expected, 'goes', 'go')} now."
    return replace(answer, sentence=told)


async def _due_now(c: Connection, chore: str, here: Circumstances) -> Answer:
    name = plain(chore, limit=60)
    known = await chores.all_chores(c)
    if chore not in known:
        told = ", ".join(known) or "none yet"
        raise UsageError(f"There is no chore '{name}'. Known are: {told}.", code="no_such_chore")
    await chores.set_due(c, chore, here.now_ms)
    return Answer(f"{name} is due now.", f"chore {name}")
