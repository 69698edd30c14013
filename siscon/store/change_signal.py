"""The change signal of a SQLite file: has anybody, in this process or another, committed?"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from siscon.domain.errors import DatabaseError

POLL_S = 0.05


STILL = "ro&immutable=1"
"""For a file that nobody writes to: nothing is locked, and nothing is laid beside it."""


def address(path: Path, mode: str) -> str:
    """The address of a database file that must exist already; ``mode`` is ``ro``, ``rw`` or :data:`STILL`."""
    return f"{path.resolve().as_uri()}?mode={mode}"


class ChangeSignal:
    """Tells that somebody has committed, from SQLite's own counter: a look takes microseconds and never waits.

    What has been seen is remembered per task, so that two tasks do not take each other's news; tasks that ask for
    the first time (a wait wrapped into a task of its own) share one memory.
    """

    def __init__(self, path: Path, mode: str = "ro") -> None:
        self._connection = sqlite3.connect(address(path, mode), uri=True, timeout=0, isolation_level=None)
        self._bell = asyncio.Event()
        self._closed = False
        self._seen: WeakKeyDictionary[asyncio.Task[Any], int] = WeakKeyDictionary()
        self._version = self._seen_by_new = self._look()

    def _look(self) -> int:
        try:
            return int(self._connection.execute("PRAGMA data_version").fetchone()[0])
        except sqlite3.Error:
            return self._version

    def ring(self) -> None:
        """Wake the waiters of this process at once."""
        self._bell.set()
        self._bell = asyncio.Event()

    async def changed(self, *, timeout_s: float) -> bool:
        """See :meth:`Database.changed`."""
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        deadline = loop.time() + timeout_s
        known = self._seen.get(task) if task else None
        seen = self._seen_by_new if known is None else known
        while not self._closed:
            bell = self._bell
            self._version = self._look()
            if self._version != seen:
                self._remember(task, new=known is None)
                return True
            rest_s = deadline - loop.time()
            if rest_s <= 0:
                self._remember(task, new=known is None)
                return False
            with suppress(TimeoutError):
                async with asyncio.timeout(min(rest_s, POLL_S)):
                    await bell.wait()
        raise DatabaseError("The database has been closed.", code="closed")

    def _remember(self, task: asyncio.Task[Any] | None, *, new: bool) -> None:
        if task is not None:
            self._seen[task] = self._version
        if new:
            self._seen_by_new = self._version

    def close(self) -> None:
        """End every wait; may be called twice."""
        self._closed = True
        self._connection.close()
        self.ring()
