"""Says THAT something changed in the database; whoever looks asks the views WHAT."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from siscon.store.database import Database

LEAST_GAP_S = 0.25
"""Changes nearer to each other than this come as one."""


async def changes(db: Database, *, gap_s: float = LEAST_GAP_S, quiet_s: float = 5.0) -> AsyncIterator[bool]:
    """True after each commit by anybody, at most once in ``gap_s``; False after ``quiet_s`` without one."""
    while True:
        changed = await db.changed(timeout_s=quiet_s)
        yield changed
        await asyncio.sleep(gap_s)
