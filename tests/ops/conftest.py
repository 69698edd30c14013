"""A database as a console finds it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from siscon.store.database import Database
from siscon.store.sqlite import open_database
from support.console_data import fill


@pytest.fixture
async def blank(tmp_path: Path) -> AsyncIterator[Database]:
    """A database without any row of ours."""
    db = await open_database(tmp_path / "home" / "siscon.db", synchronous="normal")
    yield db
    await db.close()


@pytest.fixture
async def db(blank: Database) -> Database:
    """A database with a night's work in it."""
    await fill(blank)
    return blank
