"""What a database driver must offer. The rest of the store is written against this alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from siscon.domain.leases import Lease

Params = Mapping[str, Any] | Sequence[Any]


class Row(Protocol):
    """A row that answers to column names and positions."""

    def __getitem__(self, key: str | int) -> Any: ...

    def keys(self) -> list[str]: ...


class Connection(Protocol):
    """A connection inside :meth:`Database.read` or :meth:`Database.transaction`; parameters are ``:name``."""

    async def all(self, sql: str, params: Params = ()) -> list[Row]:
        """Every row of a bounded query."""
        ...

    async def one(self, sql: str, params: Params = ()) -> Row | None:
        """The first row, or None."""
        ...

    async def run(self, sql: str, params: Params = ()) -> int:
        """Execute; the number of rows changed."""
        ...

    async def each(self, statements: Sequence[tuple[str, Params]]) -> list[int]:
        """Execute several statements in one trip; the number of rows that each changed."""
        ...

    async def many(self, sql: str, rows: Iterable[Params]) -> None:
        """Execute once for each of ``rows`` (a list or an iterator), in one trip."""
        ...

    def savepoint(self) -> AbstractAsyncContextManager[None]:
        """A part of a transaction that is taken back alone when its block raises; may be nested."""
        ...


class Database(Protocol):
    """A database that is open.

    ``transaction`` is the only way to write: one at a time per process, begun at once for writing, committed at
    the end of the block, rolled back on every exception and on cancellation. With ``lease`` it first checks that
    the lease is still held under the same fence and raises ``LeaseLost`` otherwise. The network is never awaited
    inside. Raises ``DatabaseError`` for a full, locked, read-only or damaged database.
    """

    def read(self) -> AbstractAsyncContextManager[Connection]: ...

    def transaction(self, lease: Lease | None = None) -> AbstractAsyncContextManager[Connection]: ...

    async def changed(self, *, timeout_s: float) -> bool:
        """Wait until somebody, in this process or another, has committed; False when nobody did in time.

        A commit made since the last call counts, so that none is missed between two calls.
        """
        ...

    async def close(self) -> None: ...
