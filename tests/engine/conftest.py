"""What every test of the engine starts from: a fresh database on disk with one integration, and a hand-moved clock."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from siscon.store import integrations
from siscon.store.sqlite import SqliteDatabase, open_database
from siscon.store.vault import Vault
from support.clock import HandClock

NAME = "harbor"


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    database = await open_database(tmp_path / "siscon.db", synchronous="normal")
    try:
        async with database.transaction() as c:
            await integrations.activate(
                c, name=NAME, provider="fake", title="Fake SIS", schedule="", requests_per_minute=0, now_ms=1
            )
        yield database
    finally:
        await database.close()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def vault() -> Vault:
    return Vault([bytes(range(32))])
