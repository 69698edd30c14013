"""A file that is looked at stays as it is: alone, with a log beside it, of an old schema, in a read-only folder."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from siscon.domain.errors import DatabaseError
from siscon.domain.events import EventKind, Level
from siscon.store import events, migrate
from siscon.store.database import Database
from siscon.store.sqlite import open_database
from siscon.store.still import open_still


@pytest.fixture(autouse=True)
def copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where copies are made; none is left when the file is open."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def picture(folder: Path) -> dict[str, tuple[str, int]]:
    """What lies in a folder: names, contents, moments."""
    return {
        one.name: (hashlib.sha256(one.read_bytes()).hexdigest(), one.stat().st_mtime_ns)
        for one in sorted(folder.iterdir())
    }


async def make(path: Path, *texts: str) -> Database:
    db = await open_database(path, synchronous="normal")
    await add(db, *texts)
    return db


async def add(db: Database, *texts: str) -> None:
    async with db.transaction() as c:
        for at, text in enumerate(texts):
            await events.append(c, EventKind.PAGE_NOTE, Level.INFO, text, at_ms=at)


async def texts_of(path: Path) -> list[str]:
    db = await open_still(path)
    try:
        async with db.read() as c, db.read() as other:
            assert await events.latest(c) == await events.latest(other)
            return [one.text for one in reversed(await events.latest(c))]
    finally:
        await db.close()


async def test_a_file_alone_is_read_and_nothing_is_laid_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "home" / "siscon.db"
    await (await make(path, "one")).close()
    before = picture(path.parent)

    assert await texts_of(path) == ["one"]
    assert picture(path.parent) == before


async def test_what_is_still_in_the_log_is_read_and_the_log_stays(tmp_path: Path) -> None:
    path, away = tmp_path / "home" / "siscon.db", tmp_path / "away"
    db = await make(path, "one")
    await add(db, "two")
    away.mkdir()
    for tail in ("", "-wal"):
        shutil.copy(path.with_name(f"siscon.db{tail}"), away / f"siscon.db{tail}")
    await db.close()
    before = picture(away)
    assert (away / "siscon.db-wal").stat().st_size

    assert await texts_of(away / "siscon.db") == ["one", "two"]
    assert picture(away) == before


@pytest.mark.parametrize("tails", [("",), ("", "-wal"), ("", "-wal", "-shm")])
async def test_a_folder_that_nobody_may_write_in_is_enough(tmp_path: Path, tails: tuple[str, ...]) -> None:
    path, away = tmp_path / "home" / "siscon.db", tmp_path / "away"
    db = await make(path, "one")
    away.mkdir()
    if tails == ("",):
        await db.close()
    for tail in tails:
        shutil.copy(path.with_name(f"siscon.db{tail}"), away / f"siscon.db{tail}")
        (away / f"siscon.db{tail}").chmod(0o400)
    await db.close()
    away.chmod(0o500)
    before = picture(away)
    try:
        assert await texts_of(away / "siscon.db") == ["one"]
        assert {name: told[0] for name, told in picture(away).items() if "shm" not in name} == {
            name: told[0] for name, told in before.items() if "shm" not in name
        }
        assert set(picture(away)) == set(before)
    finally:
        away.chmod(0o700)


async def test_a_file_at_work_is_read_beside_its_writer(tmp_path: Path) -> None:
    path = tmp_path / "home" / "siscon.db"
    db = await make(path, "one")
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    try:
        looking = await open_still(path)
        await add(db, "two")
        async with looking.read() as c:
            assert len(await events.latest(c)) == 2, "as one reader among others"
        await looking.close()
        assert hashlib.sha256(path.read_bytes()).hexdigest() == before, "the writer's log holds what is new"
    finally:
        await db.close()


async def test_a_file_that_is_written_to_while_it_is_looked_at_is_told_rather_than_read_in_pieces(
    tmp_path: Path,
) -> None:
    path = tmp_path / "siscon.db"
    await (await open_database(path)).close()
    looking = await open_still(path)
    try:
        async with looking.read() as c:
            assert await events.latest(c) == []
        writing = await open_database(path)
        try:
            async with writing.transaction() as c:
                await events.append(c, EventKind.RUN_QUEUED, Level.INFO, "sync asked for", at_ms=1)
        finally:
            await writing.close()  # what stood in the log goes into the file
        with pytest.raises(DatabaseError) as refused:
            async with looking.read():
                pass
    finally:
        await looking.close()
    assert refused.value.code == "written_to"


@pytest.mark.parametrize("newest", range(1, len(migrate.known_migrations())))
async def test_an_older_schema_is_brought_up_to_date_in_a_copy(tmp_path: Path, newest: int) -> None:
    path = tmp_path / "home" / "siscon.db"
    path.parent.mkdir()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrate.migrate(connection, path, now_ms=0, migrations=migrate.known_migrations()[:newest])
        connection.execute(
            "INSERT INTO events (at_ms, kind, level, text) VALUES (1, 'page note', 'info', 'long ago')"
        )
        connection.execute("PRAGMA journal_mode = WAL")
    before = picture(path.parent)

    assert await texts_of(path) == ["long ago"]
    assert picture(path.parent) == before


async def test_what_is_no_database_of_ours_is_refused(tmp_path: Path) -> None:
    stranger, text, empty = tmp_path / "stranger.db", tmp_path / "text.db", tmp_path / "empty.db"
    with closing(sqlite3.connect(stranger)) as connection:
        connection.execute("CREATE TABLE x (a)")
    text.write_text("no database, but long enough to be looked at as one" * 50)
    empty.touch()

    for path in (stranger, text, empty, tmp_path, tmp_path / "nowhere.db"):
        with pytest.raises(DatabaseError):
            await open_still(path)
    assert not (tmp_path / "nowhere.db").exists()
