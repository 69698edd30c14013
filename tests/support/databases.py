"""Databases to test against: one factory for each driver; the conformance suite runs over all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from siscon.store import integrations
from siscon.store.database import Connection, Database
from siscon.store.sqlite import open_database

OpenDatabase = Callable[[], AbstractAsyncContextManager[Database]]
"""Opens the test's own database once more, as another process would."""


def sqlite(folder: Path) -> OpenDatabase:
    @asynccontextmanager
    async def opened() -> AsyncIterator[Database]:
        database = await open_database(folder / "home" / "siscon.db", synchronous="normal")
        try:
            yield database
        finally:
            await database.close()

    return opened


DRIVERS: dict[str, Callable[[Path], OpenDatabase]] = {"sqlite": sqlite}


async def activate(c: Connection, *names: str) -> None:
    """Integrations for rows to belong to."""
    for name in names:
        await integrations.activate(
            c, name=name, provider="fake", title=name, schedule="", requests_per_minute=0, now_ms=1
        )
