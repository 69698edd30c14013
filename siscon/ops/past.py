"""The desk over a file of the past: opens it at a moment, and walks from event to event."""

from __future__ import annotations

from datetime import tzinfo
from pathlib import Path

from siscon.domain.past import PastMoment, moment_of
from siscon.store import past as store
from siscon.store.database import Database


async def open_past(path: Path, past: PastMoment, *, at: str = "", zone: tzinfo) -> Database:
    """Open a file as it was ``at`` a time, else at its last event; raises ``UsageError`` for what is no such time."""
    db = await store.open_past(path, past)
    try:
        if at:
            past.at_ms = moment_of(at, past, zone)
    except BaseException:
        await db.close()
        raise
    return db


async def step(db: Database, past: PastMoment, *, back: bool) -> bool:
    """Go one event on or back; False where there is none."""
    async with db.read() as c:
        find = store.event_before_ms if back else store.next_event_ms
        found = await find(c, past.at_ms)
    if found is None:
        return False
    past.at_ms = found
    return True
