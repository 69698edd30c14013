"""Copies of a database in use: as of one moment, whole, private; and what is wrong with one is found."""

from __future__ import annotations

import shutil
import sqlite3
import stat
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from siscon.domain.errors import Cancelled, DatabaseError
from siscon.store import backups
from siscon.store.sqlite import SqliteDatabase, open_database

ROWS = 4000


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    database = await open_database(tmp_path / "home" / "siscon.db", synchronous="normal")
    await tell(database, ROWS)
    try:
        yield database
    finally:
        await database.close()


async def tell(db: SqliteDatabase, count: int) -> None:
    async with db.transaction() as c:
        rows = [(at_ms, "x" * 400) for at_ms in range(count)]
        await c.many("INSERT INTO events (at_ms, kind, level, text) VALUES (?, 'page note', 'info', ?)", rows)


async def test_a_copy_holds_one_moment_whatever_is_written_meanwhile(db: SqliteDatabase, tmp_path: Path):
    target = tmp_path / "copy.db"
    steps = 0

    with closing(sqlite3.connect(db.path, isolation_level=None)) as other:

        def write() -> None:
            nonlocal steps
            steps += 1
            other.execute(
                "INSERT INTO events (at_ms, kind, level, text) VALUES (1, 'page note', 'info', 'later')"
            )

        meant = backups.copy(db.path, target, look=write)

    assert steps > 1
    assert meant.rows["events"] == ROWS
    assert backups.examine(target, thorough=True) == meant
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert {one.name for one in tmp_path.iterdir()} == {"home", "copy.db"}
    async with db.read() as c:
        row = await c.one("SELECT count(*) AS n FROM events")
    assert row is not None
    assert row["n"] == ROWS + steps


async def test_a_copy_that_is_given_up_leaves_no_file(db: SqliteDatabase, tmp_path: Path):
    def leave() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        backups.copy(db.path, tmp_path / "copy.db", look=leave)

    assert not (tmp_path / "copy.db").exists()


async def test_a_copy_never_follows_or_replaces_what_is_there(db: SqliteDatabase, tmp_path: Path):
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "link.db").symlink_to(tmp_path / "mine.txt")
    for name in ("mine.txt", "link.db"):
        with pytest.raises(FileExistsError):
            backups.copy(db.path, tmp_path / name)

    assert (tmp_path / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("at", [0.1, 0.5, 0.9])
async def test_bytes_that_went_bad_are_found(db: SqliteDatabase, tmp_path: Path, at: float):
    target = tmp_path / "copy.db"
    backups.copy(db.path, target)
    size = target.stat().st_size
    with target.open("r+b") as file:
        file.seek(int(size * at) // 4096 * 4096)
        file.write(b"\xa5" * 512)

    with pytest.raises(DatabaseError) as refused:
        backups.examine(target)
    assert refused.value.code == "damaged"


async def test_a_copy_that_was_cut_off_is_found(db: SqliteDatabase, tmp_path: Path):
    target = tmp_path / "copy.db"
    backups.copy(db.path, target)
    with target.open("r+b") as file:
        file.truncate(target.stat().st_size // 2)

    with pytest.raises(DatabaseError):
        backups.examine(target)


async def test_what_is_no_backup_is_refused_with_a_sentence(db: SqliteDatabase, tmp_path: Path):
    (tmp_path / "text.db").write_text("a shopping list " * 100)
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE a (x)")
    (tmp_path / "empty.db").touch()
    backups.copy(db.path, tmp_path / "newer.db")
    with closing(sqlite3.connect(tmp_path / "newer.db", isolation_level=None)) as newer:
        newer.execute("PRAGMA user_version = 999")
    found = {}
    for name in ("text.db", "other.db", "empty.db", "newer.db", "none.db"):
        with pytest.raises(DatabaseError) as refused:
            backups.examine(tmp_path / name)
        found[name] = refused.value.code

    assert found == {
        "text.db": "damaged",
        "other.db": "not_ours",
        "empty.db": "empty",
        "newer.db": "newer_database",
        "none.db": "unusable_place",
    }


async def test_a_database_in_use_is_read_from_end_to_end(db: SqliteDatabase, tmp_path: Path):
    backups.check_pages(db.path)
    await db.close()
    broken = tmp_path / "broken" / "siscon.db"
    broken.parent.mkdir()
    shutil.copyfile(db.path, broken)
    with broken.open("r+b") as file:
        file.seek(broken.stat().st_size // 2 // 4096 * 4096)
        file.write(b"\xa5" * 512)
    with pytest.raises(DatabaseError, match="newest good backup"):
        backups.check_pages(broken)


async def test_a_long_examination_can_be_ended(db: SqliteDatabase):
    def leave() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        backups.check_pages(db.path, look=leave)
