"""Databases for consoles to look at."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from siscon.store.sqlite import open_database
from support.console_data import Names, fill

Filled = Callable[..., Awaitable[Path]]


@pytest.fixture
def filled(tmp_path: Path) -> Filled:
    """Make a filled database; the path to it."""

    async def make(names: Names | None = None, **options: Any) -> Path:
        path = tmp_path / "home" / "siscon.db"
        db = await open_database(path, synchronous="normal")
        await fill(db, names=names or Names(), **options)
        await db.close()
        return path

    return make


@pytest.fixture
async def empty(tmp_path: Path) -> Path:
    """A database without any row of ours."""
    path = tmp_path / "home" / "siscon.db"
    await (await open_database(path, synchronous="normal")).close()
    return path
