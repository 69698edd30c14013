"""Commands about commands: a person takes back what still lies in the inbox."""

from __future__ import annotations

from siscon.domain.commands import CommandStatus, TakeBack
from siscon.domain.errors import UsageError
from siscon.engine.answers import Answer, Circumstances
from siscon.store import commands
from siscon.store.database import Connection


async def take_back(c: Connection, command: TakeBack, here: Circumstances) -> Answer:
    """Let the audit say that a request was taken back.

    The desk has done so already, at the moment it was asked: an engine that starts late would carry the older
    request out first.
    """
    row = await commands.get(c, command.request)
    if row is None:
        raise UsageError(f"There is no request {command.request}.")
    if row.status is CommandStatus.PENDING:
        await commands.take_back(c, row.id, actor=here.actor, now_ms=here.now_ms)
    elif row.status is not CommandStatus.TAKEN_BACK:
        raise UsageError(f"Request {row.id} had been answered: {row.answer}")
    return Answer(f"Request {row.id} was taken back: nothing of it was done.", f"request {row.id}")
