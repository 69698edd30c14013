"""The night is over, the file was kept: what did it look like at the first import?"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from asyncio.subprocess import PIPE, STDOUT
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from stories.conftest import Dawn


async def test_the_night_is_looked_at_again_and_the_file_is_as_before(dawn: Dawn, tmp_path: Path) -> None:
    async with dawn() as here:
        kept = tmp_path / "kept.db"
        await asyncio.to_thread(backup, here.settings.database, kept)
        first = await here.value("SELECT finished_at_ms FROM runs WHERE id = 1")
    before = kept.read_bytes()
    looked = await siscon("show", "runs", "--database", kept, "--at", iso(first), "--text")
    assert "#1" in looked
    assert "#3" not in looked
    assert kept.read_bytes() == before


def backup(source: Path, to: Path) -> None:
    with closing(sqlite3.connect(source)) as opened, closing(sqlite3.connect(to)) as made:
        opened.backup(made)


def iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


async def siscon(*arguments: object) -> str:
    """A command, in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "siscon", *map(str, arguments), stdout=PIPE, stderr=STDOUT
    )
    told, _ = await process.communicate()
    assert process.returncode == 0, told.decode()
    return told.decode()
