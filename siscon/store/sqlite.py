"""The SQLite driver: WAL, one writer and two readers, each on a thread of its own, and the change signal.

The door of aiosqlite. A statement costs one trip to its thread; begin, file check and lease check share one.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import TypeVar

import aiosqlite

from siscon.domain.errors import DatabaseError, LeaseLost
from siscon.domain.leases import Lease
from siscon.domain.text import plain
from siscon.store import files, folding, masking, migrate, soundness
from siscon.store.change_signal import STILL, ChangeSignal, address
from siscon.store.database import Connection, Database, Params, Row
from siscon.store.files import is_network_filesystem
from siscon.store.leases import FIND_HOLDER, FIND_LEASE
from siscon.store.sqlite_faults import BUSY_TIMEOUT_S, database_error

__all__ = ["SqliteDatabase", "is_network_filesystem", "open_database", "quick_check"]

READERS = 2
SYNCHRONOUS = ("full", "normal")

# The library tells at debug level what it executes, values and all: nobody's log may hold that.
logging.getLogger("aiosqlite").setLevel(logging.WARNING)

T = TypeVar("T")


class Line:
    """A connection and the thread it lives on; every call is one trip, its errors are those of the house.

    Calls are carried out in the order they were made, so what is posted comes before whatever is called later.
    """

    def __init__(self, connection: aiosqlite.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    def _send(self, future: asyncio.Future[T] | None, work: Callable[[sqlite3.Connection], T]) -> None:
        try:
            connection = self._connection._conn
        except ValueError as error:
            raise DatabaseError(f"{plain(self._path)} has been closed.", code="closed") from error
        if not self._connection._running:
            raise DatabaseError(f"{plain(self._path)} has been closed.", code="closed")
        self._connection._tx.put_nowait((future, lambda: work(connection)))

    async def call(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do ``work`` on the thread; when cancelled, the statement that runs there is interrupted."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._send(future, work)
        try:
            return await future
        except asyncio.CancelledError:
            self.interrupt()
            raise
        except (sqlite3.Error, UnicodeError) as error:
            raise database_error(error, self._path) from error

    async def call_to_the_end(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do ``work`` and wait for its end even when cancelled; the cancellation is raised afterwards."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._send(future, work)
        try:
            return await _to_the_end(future)
        except (sqlite3.Error, UnicodeError) as error:
            raise database_error(error, self._path) from error

    def post(self, work: Callable[[sqlite3.Connection], object]) -> None:
        """Do ``work`` after what runs now, without waiting for it; nobody hears how it went."""
        with suppress(DatabaseError):
            self._send(None, work)

    def interrupt(self) -> None:
        """Stop the statement that runs now. Not before a writer closes: it would leave its journal behind."""
        with suppress(ValueError, sqlite3.Error):
            self._connection._conn.interrupt()

    async def stop(self) -> None:
        """Close the connection and end its thread, also when the wait for it is cancelled."""
        stopped = self._connection.stop()
        if stopped is not None:
            await _to_the_end(stopped)


async def _to_the_end(future: asyncio.Future[T]) -> T:
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        while not future.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([future])
        future.exception()  # looked at; the cancellation weighs more
        raise


class SqliteConnection(Connection):
    """What a block of :meth:`SqliteDatabase.read` or ``transaction`` works with; useless after its end."""

    def __init__(self, line: Line, step: Callable[[sqlite3.Connection], None]) -> None:
        self._line: Line | None = line
        self._step = step

    async def _call(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._line is None:
            raise DatabaseError("A connection was used after the end of its block.", code="closed")
        step = self._step

        def stepped(connection: sqlite3.Connection) -> T:
            step(connection)
            return work(connection)

        return await self._line.call(stepped)

    async def all(self, sql: str, params: Params = ()) -> list[Row]:
        return await self._call(lambda connection: connection.execute(sql, params).fetchall())

    async def one(self, sql: str, params: Params = ()) -> Row | None:
        return await self._call(lambda connection: _first(connection.execute(sql, params)))

    async def run(self, sql: str, params: Params = ()) -> int:
        return await self._call(lambda connection: max(0, connection.execute(sql, params).rowcount))

    async def each(self, statements: Sequence[tuple[str, Params]]) -> list[int]:
        return await self._call(
            lambda connection: [max(0, connection.execute(*one).rowcount) for one in statements]
        )

    async def many(self, sql: str, rows: Iterable[Params]) -> None:
        await self._call(lambda connection: connection.executemany(sql, rows))

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """A part that can be taken back alone. An error after which SQLite has ended everything ends everything."""
        await self.run("SAVEPOINT part")
        try:
            yield
        except BaseException:
            if self._line is not None:
                self._line.post(_take_back)
            raise
        await self.run("RELEASE part")

    def end(self) -> None:
        """Let nobody use it any more."""
        self._line = None


def _first(cursor: sqlite3.Cursor) -> Row | None:
    try:
        row: Row | None = cursor.fetchone()
        return row
    finally:
        cursor.close()


def _join_snapshot(connection: sqlite3.Connection) -> None:
    """A reader's first statement opens the snapshot that the whole block sees."""
    if not connection.in_transaction:
        connection.execute("BEGIN")


def _stay_inside(connection: sqlite3.Connection) -> None:
    """SQLite ends a transaction by itself on some errors; what follows must not be written piece by piece."""
    if not connection.in_transaction:
        raise DatabaseError("The step was rolled back before its end; nothing was kept.", code="rolled_back")


def _take_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK TO part")
        connection.execute("RELEASE part")


def _end(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _commit(connection: sqlite3.Connection) -> None:
    _stay_inside(connection)
    connection.execute("COMMIT")


class SqliteDatabase(Database):
    """A database file that is open. ``version`` is that of its schema."""

    def __init__(
        self,
        path: Path,
        version: int,
        *,
        writer: Line | None,
        readers: list[Line],
        mode: str = "ro",
        masked: bool = False,
    ) -> None:
        self.path = path
        self.version = version
        self._identity = files.identity(path)
        self._writer = writer
        self._readers = readers
        self._closed = False
        self._writing = asyncio.Lock()
        self._free_readers: asyncio.Queue[Line] = asyncio.Queue()
        for reader in readers:
            self._free_readers.put_nowait(reader)
        self._signal = ChangeSignal(path, mode)
        self._still = files.contents(path) if mode == STILL else None
        self._masks = {reader: masking.watcher() for reader in readers} if masked else {}

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Connection]:
        """One snapshot for the whole block. There are two readers: do not open a second one inside the first."""
        if self._still is not None and files.contents(self.path) not in (self._still, None):
            raise DatabaseError(
                f"{plain(self.path)} is being written to since it was opened for looking. Leave, and open it again.",
                code="written_to",
            )
        if self._still is None:
            files.see_that_it_is(self.path, self._identity)
        line = await self._free_readers.get()
        if self._masks:
            await line.call(self._masks[line])
        connection = SqliteConnection(line, _join_snapshot)
        try:
            yield connection
        finally:
            connection.end()
            line.post(_end)
            self._free_readers.put_nowait(line)

    @asynccontextmanager
    async def transaction(self, lease: Lease | None = None) -> AsyncIterator[Connection]:
        """Write, all or nothing; a transaction of n statements costs n + 2 trips."""
        if self._writer is None:
            raise DatabaseError(f"{plain(self.path)} was opened for reading only.", code="read_only")
        async with self._writing:
            connection = SqliteConnection(self._writer, _stay_inside)
            try:
                await self._writer.call(lambda writer: self._begin(writer, lease))
                yield connection
                await self._writer.call_to_the_end(_commit)
            except BaseException:
                self._writer.post(_end)
                raise
            finally:
                connection.end()
        self._signal.ring()

    def _begin(self, connection: sqlite3.Connection, lease: Lease | None) -> None:
        """Begin for writing, see that file and schema are still the same, and that the lease is still ours."""
        files.see_that_it_is(self.path, self._identity)
        connection.execute("BEGIN IMMEDIATE")
        if connection.execute("PRAGMA user_version").fetchone()[0] != self.version:
            raise DatabaseError(
                f"{plain(self.path)} was brought up to date by a newer siscon while it was open, so this one writes "
                "nothing more. End it, and start the newer one.",
                code="newer_database",
            )
        if lease is None:
            return
        shown = {"name": lease.name, "owner": lease.owner, "fence": lease.fence}
        if connection.execute(FIND_LEASE, shown).fetchone() is None:
            now = connection.execute(FIND_HOLDER, {"name": lease.name}).fetchone()
            raise LeaseLost(
                f"{lease.name} is no longer ours" + (f" but {now[0]}'s" if now and now[0] else "")
            )

    async def changed(self, *, timeout_s: float) -> bool:
        return await self._signal.changed(timeout_s=timeout_s)

    async def close(self) -> None:
        """Close everything; the threads end even when this is cancelled. May be called twice."""
        if self._closed:
            return
        self._closed = True
        self._signal.close()
        async with AsyncExitStack() as stack:
            if self._writer is not None:
                stack.push_async_callback(self._writer.stop)
                stack.push_async_callback(_optimize, self._writer)
            for reader in self._readers:
                stack.push_async_callback(reader.stop)
                stack.callback(reader.interrupt)


async def _optimize(writer: Line) -> None:
    with suppress(DatabaseError):
        await writer.call(lambda connection: connection.execute("PRAGMA optimize"))


async def connect(path: Path, mode: str) -> Line:
    connection = aiosqlite.connect(
        address(path, mode), uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None, cached_statements=256
    )
    # A connection that nobody closes must not keep the process alive; the journal makes such an end harmless.
    connection._thread.daemon = True
    connection._thread.start()
    opening = asyncio.ensure_future(connection._connect())
    try:
        return Line(await _to_the_end(opening), path)
    except BaseException as error:
        if not opening.cancelled() and opening.exception() is None:
            await Line(connection, path).stop()  # who waited was cancelled meanwhile
        connection._thread.join(BUSY_TIMEOUT_S)  # it ends at once, but must find this loop still open
        if isinstance(error, sqlite3.Error):
            raise database_error(error, path) from error
        raise


def set_up_reader(connection: sqlite3.Connection) -> None:
    connection.row_factory = sqlite3.Row
    folding.teach(connection)
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA query_only = ON")


def _set_up_writer(connection: sqlite3.Connection, path: Path, synchronous: str) -> int:
    connection.row_factory = sqlite3.Row
    folding.teach(connection)
    migrate.check(connection, path)
    _use_wal(connection)
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    for one in ("foreign_keys = ON", "temp_store = MEMORY", "secure_delete = ON", "cache_size = -16000"):
        connection.execute(f"PRAGMA {one}")
    connection.execute("PRAGMA wal_autocheckpoint = 4000")
    connection.execute("PRAGMA journal_size_limit = 67108864")
    return migrate.migrate(connection, path, now_ms=time.time_ns() // 1_000_000)


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch the journal; of two processes that do so at once SQLite refuses one without waiting."""
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if (error.sqlite_errorcode & 0xFF) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


async def open_database(
    path: Path, *, synchronous: str = "full", read_only: bool = False, masked: bool = False
) -> SqliteDatabase:
    """Open, and bring up to date, the database at ``path``; ``read_only``: only look; ``masked``: as a viewer may.

    A database that a newer siscon has written is refused, except for looking at; for that, an older one is.
    """
    if synchronous not in SYNCHRONOUS:
        raise DatabaseError("storage.synchronous must be full or normal.", code="usage")
    async with AsyncExitStack() as opened:
        writer = None
        if not read_only:
            files.prepare(path)
            writer = await connect(path, "rw")
            opened.push_async_callback(writer.stop)
            version = await writer.call(lambda connection: _set_up_writer(connection, path, synchronous))
        readers = []
        for _ in range(READERS):
            reader = await connect(path, "ro" if read_only else "rw")
            opened.push_async_callback(reader.stop)
            await reader.call(set_up_reader)
            readers.append(reader)
        if read_only:
            version = await readers[0].call(lambda connection: migrate.check_readable(connection, path))
        database = SqliteDatabase(path, version, writer=writer, readers=readers, masked=masked)
        opened.pop_all()
    return database


async def quick_check(database: Database) -> list[str]:
    """What SQLite finds wrong in the file, at most 20 sentences; an empty list says that it is sound."""
    try:
        async with database.read() as c:
            found = soundness.faults(await c.all(soundness.CHECK))
    except DatabaseError as error:
        return [error.sentence]
    return found[:20]
