"""The chores seen from the desk: when each is due, and what came of the last time."""

from __future__ import annotations

from siscon.domain.chores import ChoreState
from siscon.ops.rows import Row, iso
from siscon.store import chores
from siscon.store.database import Database

FAR_MS = 1 << 53
"""A moment later than this is none: the chore waits until somebody asks for it."""
COLUMNS = ("name", "state", "due_at", "last_at", "last_good_at", "seconds", "told")


async def states(db: Database) -> list[ChoreState]:
    """Every chore that an engine has ever known, by name."""
    async with db.read() as c:
        return list((await chores.all_chores(c)).values())


async def state_of(db: Database, name: str) -> ChoreState | None:
    """One chore; None where no engine has known it yet."""
    return next((one for one in await states(db) if one.name == name), None)


async def chore_rows(db: Database, *, now_ms: int) -> list[Row]:
    """A row for each chore."""
    return [chore_row(one, now_ms=now_ms) for one in await states(db)]


def chore_row(one: ChoreState, *, now_ms: int) -> Row:
    """One chore as it stands."""
    return {
        "name": one.name,
        "state": word_of(one, now_ms=now_ms),
        "due_at": iso(one.due_at_ms) if one.due_at_ms < FAR_MS else None,
        "last_at": iso(one.last_at_ms),
        "last_good_at": iso(one.last_good_at_ms),
        "seconds": None if one.last_took_ms is None else one.last_took_ms / 1000,
        "told": one.last_told,
    }


def word_of(one: ChoreState, *, now_ms: int) -> str:
    """How a chore is: ``failed`` the last time, ``due`` and not done yet, ``ok``, ``new``, or only when ``asked``."""
    if one.last_ok is False:
        return "failed"
    if one.due_at_ms <= now_ms:
        return "due"
    if one.last_ok is None:
        return "new" if one.due_at_ms < FAR_MS else "asked"
    return "ok"
