"""Commands that change no data: a person takes back what still lies in the inbox, or has an export noted."""

from __future__ import annotations

from siscon.domain.commands import CommandStatus, NoteDenial, NoteExport, TakeBack
from siscon.domain.errors import UsageError
from siscon.domain.text import counted, plain
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


async def note_export(_c: Connection, command: NoteExport, _here: Circumstances) -> Answer:
    """Let the audit say that pupils' data went into a file."""
    what = plain(command.what.replace("_", " "), limit=60)
    return Answer(f"It is noted that {counted(command.rows, 'row')} of {what} went into a file.", what)


async def note_denial(_c: Connection, command: NoteDenial, _here: Circumstances) -> Answer:
    """Let the audit say that somebody asked for what the role does not allow."""
    what = plain(command.what.replace("_", " "), limit=60)
    return Answer(f"It is noted that {what} was not allowed: nothing was done.", what)
