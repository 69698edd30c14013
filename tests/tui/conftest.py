"""Databases for consoles to look at."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from siscon.store.sqlite import open_database
from support.console_data import Names, fill

Filled = Callable[..., Awaitable[Path]]


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Awaitable[Path]]:
    """Filled databases, each made once in a test process."""
    made: dict[str, Path] = {}

    async def template(names: Names, **options: Any) -> Path:
        wanted = repr((names, sorted(options.items())))
        if wanted not in made:
            path = tmp_path_factory.mktemp("template") / "siscon.db"
            db = await open_database(path, synchronous="normal")
            await fill(db, names=names, **options)
            await db.close()
            made[wanted] = path
        return made[wanted]

    return template


@pytest.fixture
def filled(tmp_path: Path, templates: Callable[..., Awaitable[Path]]) -> Filled:
    """Make a filled database; the path to it."""

    async def make(names: Names | None = None, **options: Any) -> Path:
        path = tmp_path / "home" / "siscon.db"
        path.parent.mkdir(mode=0o700, exist_ok=True)
        shutil.copy2(await templates(names or Names(), **options), path)
        return path

    return make


@pytest.fixture
async def empty(tmp_path: Path) -> Path:
    """A database without any row of ours."""
    path = tmp_path / "home" / "siscon.db"
    await (await open_database(path, synchronous="normal")).close()
    return path
