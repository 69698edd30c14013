"""A database of its own for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from siscon.store.database import Database
from support.databases import DRIVERS, OpenDatabase


@pytest.fixture(params=DRIVERS)
def another(request: pytest.FixtureRequest, tmp_path: Path) -> OpenDatabase:
    return DRIVERS[request.param](tmp_path)


@pytest.fixture
async def db(another: OpenDatabase) -> AsyncIterator[Database]:
    async with another() as database:
        yield database
