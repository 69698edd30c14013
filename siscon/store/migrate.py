"""Numbered migrations, forward only: each in one transaction, with a copy of the database taken first."""

from __future__ import annotations

import fcntl
import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from siscon._version import __version__
from siscon.domain.errors import DatabaseError
from siscon.domain.text import plain
from siscon.store import soundness
from siscon.store.files import PRIVATE_FILE

APPLICATION_ID = 0x51C0_4E01 & 0x7FFF_FFFF
"""Tells tools such as ``file`` that a SQLite file is one of ours."""

CREATE_HISTORY = """
CREATE TABLE IF NOT EXISTS schema_migrations (
  version INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  checksum TEXT NOT NULL,
  applied_at_ms INTEGER NOT NULL
) STRICT
"""
INSERT_HISTORY = """
INSERT INTO schema_migrations (version, name, checksum, applied_at_ms)
VALUES (:version, :name, :checksum, :applied_at_ms)
"""
COUNT_TABLES = "SELECT count(*) FROM sqlite_schema WHERE type = 'table'"
MAPPING_TABLES = """
SELECT s.name FROM sqlite_schema s JOIN integrations i ON s.name = i.name || '_mappings' WHERE s.type = 'table'
"""
EACH_MAPPING_TABLE = "{mappings}"
"""A statement that names this is carried out once for each integration's table."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file."""

    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def known_migrations() -> list[Migration]:
    """The migrations that this program carries, in order."""
    found = [
        Migration(int(one.name[:4]), one.name.removesuffix(".sql"), one.read_text(encoding="utf-8"))
        for one in files("siscon.store").joinpath("migrations").iterdir()
        if one.name.endswith(".sql")
    ]
    return sorted(found, key=lambda one: one.version)


def version_of(connection: sqlite3.Connection) -> int:
    """The schema version of a database; 0 for an empty one."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


@dataclass(frozen=True, slots=True)
class Found:
    """What a database is, all read at one moment: another process may be filling it."""

    application_id: int
    version: int
    tables: int


def look(connection: sqlite3.Connection) -> Found:
    """Read what a database is, in a snapshot of its own or in the transaction that is open."""
    inside = connection.in_transaction
    if not inside:
        connection.execute("BEGIN")
    try:
        tables = connection.execute(COUNT_TABLES).fetchone()[0]
        application_id = connection.execute("PRAGMA application_id").fetchone()[0]
        return Found(application_id, version_of(connection), tables)
    finally:
        if not inside and connection.in_transaction:
            connection.execute("ROLLBACK")


def check_ours(found: Found, path: Path) -> None:
    """Refuse a database that another program made."""
    if found.application_id != APPLICATION_ID and found.tables:
        raise DatabaseError(
            f"{plain(path)} is a database of another program. Name another `home`.", code="not_ours"
        )


def check_version(found: Found, path: Path, newest: int) -> None:
    """Refuse a database that a newer siscon has written."""
    if found.version > newest:
        copy = path.with_name(f"{path.name}.before-{newest + 1}")
        back = f", or put the copy {plain(copy.name)} in its place" if copy.exists() else ""
        raise DatabaseError(
            f"{plain(path)} has schema {found.version}; this siscon {__version__} knows schemas up to {newest}. "
            f"Nothing was changed. Install the newer siscon again{back}.",
            code="newer_database",
        )


def check(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse, before anything is changed, a database that is not ours or that this program does not know."""
    found = look(connection)
    check_ours(found, path)
    check_version(found, path, known_migrations()[-1].version)


def check_readable(connection: sqlite3.Connection, path: Path) -> int:
    """The schema version of a database that is only looked at; refuses what this program cannot read."""
    found = look(connection)
    check_ours(found, path)
    if found.version == 0:
        raise DatabaseError(f"{plain(path)} holds nothing yet. Start siscon once to fill it.", code="empty")
    if found.version < (newest := known_migrations()[-1].version):
        raise DatabaseError(
            f"{plain(path)} has schema {found.version}, this siscon reads {newest}. Nothing was changed. "
            f"'siscon replay {plain(path)}' looks at it as it is; siscon without --read-only brings it up to date.",
            code="older_database",
        )
    return found.version


def migrate(
    connection: sqlite3.Connection, path: Path, *, now_ms: int, migrations: list[Migration] | None = None
) -> int:
    """Bring a database up to date and return its version; several processes may do so at once.

    Expects a connection outside any transaction. A database that already holds tables is copied first.
    """
    todo = known_migrations() if migrations is None else migrations
    newest = todo[-1].version
    found = look(connection)
    check_ours(found, path)
    check_version(found, path, newest)
    if found.version == newest:
        return newest
    if found.tables:
        _copy(connection, path, found.version + 1)
    # A table that is made anew would take the rows that refer to it along; the references are checked at the end.
    enforced = connection.execute("PRAGMA foreign_keys").fetchone()[0]
    connection.execute("PRAGMA foreign_keys = OFF")
    try:
        _migrate_in_one(connection, path, todo, now_ms=now_ms)
    finally:
        connection.execute(f"PRAGMA foreign_keys = {enforced}")
    return newest


def _migrate_in_one(
    connection: sqlite3.Connection, path: Path, todo: list[Migration], *, now_ms: int
) -> None:
    newest = todo[-1].version
    connection.execute("BEGIN IMMEDIATE")
    try:
        found = look(connection)  # another process may have been faster
        check_version(found, path, newest)
        _apply(connection, [one for one in todo if one.version > found.version], now_ms=now_ms)
        _check_references(connection, path)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _apply(connection: sqlite3.Connection, migrations: list[Migration], *, now_ms: int) -> None:
    connection.execute(CREATE_HISTORY)
    for one in migrations:
        for statement in statements(one.sql):
            for told in _for_each_mapping_table(connection, statement):
                connection.execute(told)
        row = {"version": one.version, "name": one.name, "checksum": one.checksum, "applied_at_ms": now_ms}
        connection.execute(INSERT_HISTORY, row)
        connection.execute(f"PRAGMA user_version = {one.version}")
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def _check_references(connection: sqlite3.Connection, path: Path) -> None:
    if connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
        raise DatabaseError(
            f"{plain(path)} could not be upgraded: rows refer to what is not there. It was left as it is. Run "
            "`siscon doctor`.",
            code="damaged",
        )


def _for_each_mapping_table(connection: sqlite3.Connection, statement: str) -> list[str]:
    if EACH_MAPPING_TABLE not in statement:
        return [statement]
    return [statement.replace(EACH_MAPPING_TABLE, row[0]) for row in connection.execute(MAPPING_TABLES)]


def statements(sql: str) -> Iterator[str]:
    """The statements of a script one by one; the library's own way of running scripts would commit first."""
    waiting = ""
    for line in sql.splitlines(keepends=True):
        waiting += line
        if line.rstrip().endswith(";") and sqlite3.complete_statement(waiting):
            yield waiting
            waiting = ""
    if any(line.strip() and not line.lstrip().startswith("--") for line in waiting.splitlines()):
        raise DatabaseError("A migration ends in the middle of a statement.", code="broken_migration")


def _copy(connection: sqlite3.Connection, path: Path, version: int) -> None:
    """Write a checked copy beside the database, for the way back; an older copy of the same name is replaced."""
    target = path.with_name(f"{path.name}.before-{version}")
    unfinished = path.with_name(f"{target.name}.{os.getpid()}.part")
    lock = None
    try:
        _clear_unfinished(target)
        lock = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, PRIVATE_FILE)
        fcntl.flock(lock, fcntl.LOCK_EX)
        connection.execute("VACUUM INTO :target", {"target": str(unfinished)})
        with closing(sqlite3.connect(unfinished, isolation_level=None)) as copy:
            faults = soundness.faults(copy.execute(soundness.CHECK))
        if faults:
            raise DatabaseError(
                f"{plain(path)} could not be copied soundly before its upgrade, so it was left as it is. Run "
                "`siscon doctor`.",
                code="damaged",
            )
        with unfinished.open("rb") as written:
            os.fsync(written.fileno())
        unfinished.replace(target)
    except OSError as error:
        raise DatabaseError(
            f"{plain(path)} could not be copied before its upgrade: {error.strerror}. Free space or give the "
            "right to write, then start again.",
            code="no_copy",
        ) from error
    finally:
        unfinished.unlink(missing_ok=True)
        if lock is not None:
            os.close(lock)


def _clear_unfinished(target: Path) -> None:
    """Remove what copies that were killed have left: a service that is killed again and again would fill the disk."""
    for left in target.parent.glob(f"{target.name}.*.part"):
        # Gone meanwhile, or another process is at it.
        with suppress(FileNotFoundError, BlockingIOError), left.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            left.unlink()
            left.with_name(f"{left.name}-journal").unlink(missing_ok=True)
