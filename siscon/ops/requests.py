"""What people have asked for, with the answers, as plain rows."""

from __future__ import annotations

from collections.abc import AsyncIterator

from siscon.domain.audited import for_audit
from siscon.domain.commands import CommandRow
from siscon.ops.rows import PAGE, Row, iso
from siscon.store import commands
from siscon.store.database import Database

NEWEST = 2**62


async def request_rows(
    db: Database, *, waiting: bool = False, limit: int | None = None
) -> AsyncIterator[Row]:
    """Every request, the newest first; with ``waiting`` those that nobody has carried out yet."""
    left, before_id = limit if limit is not None else NEWEST, NEWEST
    while left > 0:
        size = min(PAGE, left)
        async with db.read() as c:
            found = await commands.page(c, before_id=before_id, limit=size, waiting=waiting)
        for one in found:
            yield request_row(one)
        if not found:
            return
        left -= len(found)
        before_id = found[-1].id


def request_row(one: CommandRow) -> Row:
    """One request; of what was asked no value of a pupil's field is told."""
    return {
        "id": one.id,
        "kind": one.command.kind,
        "actor": one.actor,
        "status": one.status.value,
        "left_at": iso(one.left_at_ms),
        "due_at": iso(one.due_at_ms or None),
        "answered_at": iso(one.answered_at_ms),
        "run_id": one.run_id,
        "answer": one.answer,
        "asked": for_audit(one.command),
    }
