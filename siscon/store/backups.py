"""Copies of a database in use, and what is known of one that lies there. All of it waits: to be called in a thread."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from siscon.domain import backups as naming
from siscon.domain.errors import DatabaseError
from siscon.domain.text import plain
from siscon.store import migrate, soundness
from siscon.store.change_signal import STILL, address
from siscon.store.files import PRIVATE_FILE
from siscon.store.sqlite_faults import database_error

PAGES_A_STEP = 256
BETWEEN_STEPS_S = 0.001
OPCODES_BETWEEN_LOOKS = 5_000
CHUNK_BYTES = 1 << 20
COUNTED = ("students", "staff", "sections", "enrollments", "runs", "changes", "events", "audit")
"""Tables whose rows tell one state of a database from another; a backup of an older schema may lack one."""
COUNT = "SELECT count(*) FROM {table}"
NAMES = "SELECT name FROM sqlite_schema WHERE type = 'table'"
FIRST_SEAL = "SELECT seal FROM audit WHERE seq = 1"
NEWEST_EVENT = "SELECT max(at_ms) FROM events"
BYTES = "SELECT p.page_count * s.page_size FROM pragma_page_count p, pragma_page_size s"
FAULTS_TOLD = 3

Look = Callable[[], None]
"""Called often while something long is done; raises to end it."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a database is and holds, as far as that tells two of them apart."""

    application_id: int
    installation: str
    schema: int
    rows: Mapping[str, int]
    newest_event_ms: int | None


def go_on() -> None:
    """For what nobody wants to end before its time."""


def facts_of(connection: sqlite3.Connection) -> Facts:
    """Read them; inside a transaction all of them belong to one moment."""
    found = migrate.look(connection)
    here = {row[0] for row in connection.execute(NAMES)}
    rows = {
        table: connection.execute(COUNT.format(table=table)).fetchone()[0]
        for table in COUNTED
        if table in here
    }
    newest = connection.execute(NEWEST_EVENT).fetchone()[0] if "events" in here else None
    first = connection.execute(FIRST_SEAL).fetchone() if "audit" in here else None
    installation = naming.installation_id(first[0] if first else None)
    return Facts(found.application_id, installation, found.version, rows, newest)


def size_of(path: Path) -> int:
    """How many bytes a copy of a database in use takes."""
    with _opened(path, "ro") as source:
        return int(source.execute(BYTES).fetchone()[0])


def sight(path: Path) -> Facts:
    """What a database holds that nobody else has open; it is not read from end to end."""
    with _opened(path, "rw") as reader:
        reader.execute("BEGIN")
        return facts_of(reader)


def copy(path: Path, target: Path, *, look: Look = go_on) -> Facts:
    """Copy a database in use as it is at one moment into a new file of its own; what it holds at that moment.

    The snapshot of a reader keeps it one moment, so that writers neither wait nor make the copy begin anew. Raises
    ``DatabaseError``, and what ``look`` raises; then there is no file.
    """
    os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE_FILE))
    try:
        with _opened(path, "ro") as source, _opened(target, "rw") as copied:
            source.execute("BEGIN")
            facts = facts_of(source)

            def step(_status: int, _left: int, _all: int) -> None:
                look()
                time.sleep(BETWEEN_STEPS_S)

            source.backup(copied, pages=PAGES_A_STEP, progress=step)
            copied.execute("PRAGMA journal_mode = DELETE")
        with target.open("rb") as written:
            os.fsync(written.fileno())
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return facts


def examine(path: Path, *, thorough: bool = False, look: Look = go_on) -> Facts:
    """Read a copy that nobody writes to from end to end; what it holds.

    ``thorough``: indexes are compared with their tables, too. Raises ``DatabaseError`` for what is no sound database
    of siscon that this version can read.
    """
    if not path.is_file() or path.is_symlink():
        raise DatabaseError(f"{plain(path)} is not there, or is no file.", code="unusable_place")
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size:
        raise DatabaseError(
            f"{plain(path)} is not whole without {plain(log.name)} beside it: it is no backup but a database that was "
            "in use. 'siscon replay' looks into it.",
            code="not_alone",
        )
    with _opened(path, STILL) as copied:
        found = migrate.look(copied)
        migrate.check_ours(found, path)
        if found.version == 0:
            raise DatabaseError(f"{plain(path)} holds nothing: it is no backup.", code="empty")
        migrate.check_version(found, path, migrate.known_migrations()[-1].version)
        with _ended_by(copied, look):
            faults = soundness.faults(
                copied.execute(soundness.THOROUGH_CHECK if thorough else soundness.CHECK)
            )
            if not faults and copied.execute("PRAGMA foreign_key_check").fetchone() is not None:
                faults = ["rows refer to what is not there"]
            if faults:
                told = plain("; ".join(faults[:FAULTS_TOLD]), limit=200)
                raise DatabaseError(f"{plain(path)} is damaged: {told}.", code="damaged")
            return facts_of(copied)


def check_pages(path: Path, *, look: Look = go_on) -> None:
    """Read a database in use from end to end; raises ``DatabaseError`` with what is wrong."""
    with _opened(path, "ro") as reader, _ended_by(reader, look):
        faults = soundness.faults(reader.execute(soundness.CHECK))
    if faults:
        told = plain("; ".join(faults[:FAULTS_TOLD]), limit=200)
        raise DatabaseError(
            f"{plain(path)} is damaged: {told}. Stop siscon and restore the newest good backup: 'siscon backup list'.",
            code="damaged",
        )


def digest_of(path: Path, *, look: Look = go_on) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            look()
            digest.update(chunk)
    return digest.hexdigest()


@contextmanager
def _opened(path: Path, mode: str) -> Iterator[sqlite3.Connection]:
    try:
        with closing(sqlite3.connect(address(path, mode), uri=True, isolation_level=None)) as connection:
            yield connection
    except sqlite3.Error as error:
        raise database_error(error, path) from error


@contextmanager
def _ended_by(connection: sqlite3.Connection, look: Look) -> Iterator[None]:
    """Let ``look`` end a statement that runs for long; what it raised comes out of the block."""
    raised: list[BaseException] = []

    def ended() -> int:
        try:
            look()
        except BaseException as error:  # noqa: BLE001 - nothing may be raised through SQLite; it is raised below
            raised.append(error)
        return bool(raised)

    connection.set_progress_handler(ended, OPCODES_BETWEEN_LOOKS)
    try:
        yield
    except sqlite3.OperationalError:
        if raised:
            raise raised[0] from None
        raise
    finally:
        connection.set_progress_handler(None, 0)
