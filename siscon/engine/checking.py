"""The chores that look after the database file: damage is found, statistics are kept, the log stays small."""

from __future__ import annotations

import asyncio
from pathlib import Path

from siscon.engine.aside import aside
from siscon.store import backups, maintenance

CHECK, LOG = "check", "checkpoint"
LOG_EVERY_S = 900.0
MIB = 1 << 20


async def check(database: Path) -> str:
    """Read every page, then let SQLite keep its statistics; raises ``DatabaseError`` for damage."""
    await aside(lambda look: backups.check_pages(database, look=look))
    await asyncio.to_thread(maintenance.optimize, database)
    return f"sound, {backups.size_of(database) / MIB:,.1f} MiB"


async def shorten_log(database: Path) -> str:
    """Let the log be begun anew, so that it grows no larger than what is written between two times; cut a large one."""
    before = maintenance.log_bytes(database)
    if before < maintenance.LARGE_LOG_BYTES:
        whole = await asyncio.to_thread(maintenance.empty_log, database, cut=False)
        return f"{before / MIB:,.1f} MiB, {'brought in' if whole else 'a reader still needs some of it'}"
    if await asyncio.to_thread(maintenance.empty_log, database):
        return f"cut from {before / MIB:,.1f} MiB"
    return f"{before / MIB:,.1f} MiB: a reader still needs it"
