"""The database for a screen that opens it by itself, in its own loop, without the rest of the house."""

from __future__ import annotations

import os
from pathlib import Path

from siscon.domain.errors import UsageError
from siscon.domain.text import plain
from siscon.store import past, sqlite, still
from siscon.store.database import Database
from siscon.store.files import PRIVATE_FOLDER
from siscon.store.os_accounts import UNKNOWN, account_of


def make_home(home: Path) -> None:
    """Make the folder of database, key and logs, for its owner alone.

    Raises ``UsageError`` where it is another account's, which root alone could write into: whatever root made there,
    its owner could not open any more.
    """
    home.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    owner = home.stat().st_uid
    if owner != os.geteuid():
        raise UsageError(
            f"The home {plain(home)} belongs to {account_of(owner)}, and this is {account_of(os.geteuid())}: files "
            f"made here now, that account could not open. {as_owner(owner)}"
        )


def as_owner(uid: int) -> str:
    """How somebody else acts in a home: a sentence."""
    name = account_of(uid).name
    return f"Run siscon as its owner: sudo -u {name if name != UNKNOWN else f'#{uid}'} siscon ..."


async def open_database(
    path: Path, *, synchronous: str, read_only: bool = False, masked: bool = False
) -> Database:
    """Open it as the engine does, or with ``read_only`` so that nothing can be written through it.
    ``masked`` is for viewers.

    Whoever opens it closes it.
    """
    if not read_only:
        make_home(path.parent)
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
