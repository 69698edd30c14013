"""Opening a database file that must not change, whatever lies beside it and whoever may write in its folder.

Where nobody can be writing, it is read without locks and side files. What a program that died left beside it (a log),
or an older schema, is brought together in a copy, which is gone from the disk once it is open.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack, closing, suppress
from pathlib import Path

from siscon.domain.errors import DatabaseError
from siscon.domain.text import plain
from siscon.store import migrate
from siscon.store.change_signal import STILL, address
from siscon.store.sqlite import READERS, SqliteDatabase, connect, set_up_reader
from siscon.store.sqlite_faults import database_error

SetUp = Callable[[sqlite3.Connection], None]


async def open_still(path: Path, *, set_up: SetUp = lambda _: None) -> SqliteDatabase:
    """Open a database for looking; ``set_up`` is told each reader before it may change nothing any more.

    The file stays as it is, byte by byte. Raises ``DatabaseError`` for what is no database of siscon.
    """
    mode = _mode_of(path)
    if mode is not None and await asyncio.to_thread(_is_current, path, mode):
        return await _open(path, mode, set_up)
    with tempfile.TemporaryDirectory(prefix="siscon-") as folder:
        copy = Path(folder) / "copy.db"
        await asyncio.to_thread(_make_copy, path, mode, copy)
        return await _open(copy, STILL, set_up)


def _mode_of(path: Path) -> str | None:
    """How a file can be opened as it lies there; None: not without writing beside it."""
    if not path.is_file():
        raise DatabaseError(f"{plain(path)} is not there, or is no file.", code="unusable_place")
    log, shared = (path.with_name(path.name + tail) for tail in ("-wal", "-shm"))
    if shared.exists():
        return "ro"  # somebody may be at work in it: as one reader among others
    return None if log.exists() and log.stat().st_size else STILL


def _is_current(path: Path, mode: str) -> bool:
    """Whether the schema is that of this program, or a newer one."""
    try:
        with closing(sqlite3.connect(address(path, mode), uri=True, isolation_level=None)) as connection:
            found = migrate.look(connection)
    except sqlite3.Error as error:
        if mode == "ro":  # the side files cannot be used from here
            return False
        raise database_error(error, path) from error
    migrate.check_ours(found, path)
    return not 0 < found.version < migrate.known_migrations()[-1].version


def _make_copy(path: Path, mode: str | None, copy: Path) -> None:
    """A copy of all that the file and its log hold, brought up to date."""
    try:
        if mode is None or not _copy_as_reader(path, mode, copy):
            shutil.copyfile(path, copy)
            with suppress(FileNotFoundError):
                shutil.copyfile(path.with_name(f"{path.name}-wal"), copy.with_name(f"{copy.name}-wal"))
        with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
            migrate.check_ours(migrate.look(connection), path)
            connection.execute("PRAGMA journal_mode = DELETE")
            found = migrate.look(connection)
            if 0 < found.version < migrate.known_migrations()[-1].version:
                migrate.migrate(connection, copy, now_ms=0)
    except sqlite3.Error as error:
        raise database_error(error, path) from error
    except OSError as error:
        raise DatabaseError(
            f"{plain(path)} could not be copied to be looked at: {error.strerror}. TMPDIR names a folder with room.",
            code="no_copy",
        ) from error


def _copy_as_reader(path: Path, mode: str, copy: Path) -> bool:
    """Copy through SQLite, which knows what others write meanwhile; False where it cannot open the file."""
    try:
        with (
            closing(sqlite3.connect(address(path, mode), uri=True)) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
    except sqlite3.OperationalError:
        copy.unlink(missing_ok=True)
        return False
    return True


async def _open(path: Path, mode: str, set_up: SetUp) -> SqliteDatabase:
    def prepare(connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA temp_store = MEMORY")  # to set it later would take temporary views away
        set_up(connection)
        set_up_reader(connection)

    async with AsyncExitStack() as opened:
        readers = []
        for _ in range(READERS):
            reader = await connect(path, mode)
            opened.push_async_callback(reader.stop)
            readers.append(reader)
        version = await readers[0].call(lambda connection: migrate.check_readable(connection, path))
        for reader in readers:
            await reader.call(prepare)
        database = SqliteDatabase(path, version, writer=None, readers=readers, mode=mode)
        opened.pop_all()
    return database
