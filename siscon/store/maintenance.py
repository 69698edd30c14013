"""Care for a database file in use, on a connection of its own. All of it waits: to be called in a thread."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from siscon.store.change_signal import address
from siscon.store.sqlite_faults import database_error

WAIT_S = 2.0
LARGE_LOG_BYTES = 64 << 20


def log_bytes(path: Path) -> int:
    """How large the write-ahead log beside a database is."""
    try:
        return path.with_name(f"{path.name}-wal").stat().st_size
    except OSError:
        return 0


def empty_log(path: Path, *, cut: bool = True) -> bool:
    """Bring the log into the database; False while a reader still needs it.

    ``cut``: to nothing, for which writers wait; what was removed is then in no file any more, for pages that were
    freed are overwritten when they are freed. Else nobody waits, and the log is begun anew where it stands.
    """
    way = "TRUNCATE" if cut else "PASSIVE"
    try:
        with closing(
            sqlite3.connect(address(path, "rw"), uri=True, isolation_level=None, timeout=WAIT_S)
        ) as connection:
            busy, frames, done = connection.execute(f"PRAGMA wal_checkpoint({way})").fetchone()
    except sqlite3.Error as error:
        raise database_error(error, path) from error
    return not busy and frames == done


def optimize(path: Path) -> None:
    """Let SQLite look anew at how rows are spread, where that has changed; bounded, it takes well under a second."""
    try:
        with closing(
            sqlite3.connect(address(path, "rw"), uri=True, isolation_level=None, timeout=WAIT_S)
        ) as connection:
            connection.execute("PRAGMA analysis_limit = 400")
            connection.execute("PRAGMA optimize")
    except sqlite3.Error as error:
        raise database_error(error, path) from error
