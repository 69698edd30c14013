"""The database for a screen that opens it by itself, in its own loop, without the rest of the house."""

from __future__ import annotations

from pathlib import Path

from siscon.store import past, sqlite, still
from siscon.store.database import Database


async def open_database(
    path: Path, *, synchronous: str, read_only: bool = False, masked: bool = False
) -> Database:
    """Open it as the engine does, or with ``read_only`` so that nothing can be written through it.
    ``masked`` is for viewers.

    Whoever opens it closes it.
    """
    return await sqlite.open_database(path, synchronous=synchronous, read_only=read_only, masked=masked)


async def open_file(path: Path) -> tuple[Database, int]:
    """Open a database file that must stay as it is, such as a backup; and the last moment of which it tells.

    Whoever opens it closes it. Raises ``DatabaseError``.
    """
    db = await still.open_still(path)
    try:
        async with db.read() as c:
            return db, await past.last_moment_ms(c)
    except BaseException:
        await db.close()
        raise
