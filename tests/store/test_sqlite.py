"""The SQLite driver: its file, its threads, and what goes wrong with either."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from siscon.domain.errors import DatabaseError
from siscon.domain.events import EventKind, Level
from siscon.store import events, migrate
from siscon.store.database import Connection
from siscon.store.sqlite import SqliteDatabase, open_database, quick_check
from support.clock import LIMIT_S, outcome, until

CHILD = """
import asyncio, sys
from pathlib import Path
from siscon.domain.events import EventKind, Level
from siscon.store import events
from siscon.store.sqlite import open_database

async def main(path, times):
    db = await open_database(path)
    try:
        print("ready", flush=True)
        sys.stdin.readline()
        for number in range(times):
            async with db.transaction() as c:
                await events.latest(c, limit=1)
                await events.append(c, EventKind.PAGE_NOTE, Level.INFO, f"child {number}", at_ms=1)
    finally:
        await db.close()

asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
"""
FAILING_CHILD = """
import asyncio, sys
from pathlib import Path
from siscon.store.sqlite import open_database

async def main():
    db = await open_database(Path(sys.argv[1]))
    {how}

asyncio.run(main())
"""


def child(code: str, *arguments: object) -> subprocess.Popen[str]:
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environ,
    )


async def note(c: Connection, text: str) -> None:
    await events.append(c, EventKind.PAGE_NOTE, Level.INFO, text, at_ms=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "siscon.db"


async def made(path: Path) -> None:
    await (await open_database(path)).close()


async def no_more_than(threads: int) -> None:
    await until(lambda: threading.active_count() <= threads)


async def code_of_opening(path: Path) -> str:
    threads = threading.active_count()
    with pytest.raises(DatabaseError) as refused:
        await open_database(path)

    await no_more_than(threads)
    assert str(path) in refused.value.sentence
    return refused.value.code


async def test_folder_and_files_belong_to_us_alone(path: Path) -> None:
    db = await open_database(path)
    try:
        async with db.transaction() as c:
            await note(c, "a")
        modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in path.parent.iterdir()}
    finally:
        await db.close()

    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert modes == {"siscon.db": 0o600, "siscon.db-wal": 0o600, "siscon.db-shm": 0o600}


async def test_a_file_that_others_could_read_is_closed_to_them(path: Path) -> None:
    await made(path)
    path.chmod(0o644)
    await made(path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_every_commit_is_synced_and_deleted_rows_are_wiped(path: Path) -> None:
    db = await open_database(path)
    try:
        async with db.transaction() as c:
            found = {}
            for name in ("synchronous", "foreign_keys", "secure_delete", "journal_mode"):
                row = await c.one(f"PRAGMA {name}")
                assert row is not None
                found[name] = row[0]
    finally:
        await db.close()

    assert found == {"synchronous": 2, "foreign_keys": 1, "secure_delete": 1, "journal_mode": "wal"}


async def test_closing_leaves_one_file_that_holds_everything(path: Path) -> None:
    db = await open_database(path)
    async with db.transaction() as c:
        await note(c, "a" * 100_000)
    await db.close()

    assert [one.name for one in path.parent.iterdir()] == ["siscon.db"]
    assert path.stat().st_size > 100_000


async def test_closing_ends_every_thread(path: Path) -> None:
    threads = threading.active_count()
    db = await open_database(path)
    await db.close()

    await no_more_than(threads)


async def test_closing_that_is_cancelled_still_ends_every_thread(path: Path) -> None:
    threads = threading.active_count()
    db = await open_database(path)
    task = asyncio.create_task(db.close())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    await no_more_than(threads)


@pytest.mark.parametrize("turns", range(0, 30, 3))
async def test_opening_that_is_cancelled_leaves_no_thread(path: Path, turns: int) -> None:
    threads = threading.active_count()
    task = asyncio.create_task(open_database(path))
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    opened = (await asyncio.gather(task, return_exceptions=True))[0]
    if isinstance(opened, SqliteDatabase):
        await opened.close()

    await no_more_than(threads)


@pytest.mark.parametrize("how", ["raise SystemExit(3)", "await db.close(); raise SystemExit(3)"])
def test_a_process_that_fails_at_start_up_ends(path: Path, how: str) -> None:
    process = child(FAILING_CHILD.format(how=how), path)
    try:
        process.communicate(timeout=LIMIT_S)
    finally:
        process.kill()
        process.communicate()

    assert process.returncode == 3


async def test_two_processes_write_at_once_without_a_locked_error(path: Path) -> None:
    await made(path)
    children = [child(CHILD, path, 150) for _ in range(2)]
    for one in children:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    for one in children:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    told = [one.communicate(timeout=LIMIT_S) for one in children]

    assert [one.returncode for one in children] == [0, 0], told
    db = await open_database(path)
    try:
        async with db.read() as c:
            assert len(await events.after(c, 0, limit=1000)) == 300
    finally:
        await db.close()


def test_two_processes_may_make_the_database_at_once(path: Path) -> None:
    children = [child(CHILD, path, 0) for _ in range(3)]
    told = [one.communicate("go\n", timeout=LIMIT_S) for one in children]

    assert [one.returncode for one in children] == [0, 0, 0], told


async def test_a_commit_in_another_process_is_heard_within_a_second(path: Path) -> None:
    db = await open_database(path)
    process = child(CHILD, path, 1)
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        await asyncio.to_thread(process.stdout.readline)
        await db.changed(timeout_s=0)
        waiting = asyncio.create_task(db.changed(timeout_s=LIMIT_S))
        await asyncio.sleep(0)
        process.stdin.write("go\n")
        process.stdin.flush()
        await asyncio.to_thread(process.stdout.read)  # it has committed, and ended

        assert await outcome(waiting, within_s=1.0) is True
    finally:
        process.communicate(timeout=LIMIT_S)
        await db.close()


async def test_a_long_read_stops_when_it_is_cancelled(path: Path) -> None:
    db = await open_database(path)
    endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"

    async def read_for_ever() -> None:
        async with db.read() as c:
            await c.one(endless)

    try:
        tasks = [asyncio.create_task(read_for_ever()) for _ in range(2)]
        await asyncio.sleep(0.05)
        for task in tasks:
            task.cancel()
        async with asyncio.timeout(LIMIT_S):
            await asyncio.gather(*tasks, return_exceptions=True)
            async with db.read() as c:
                assert await c.one("SELECT 1") is not None
    finally:
        await db.close()


async def test_after_sqlite_ended_a_transaction_nothing_is_written_piece_by_piece(path: Path) -> None:
    db = await open_database(path)
    try:
        with pytest.raises(DatabaseError) as refused:  # noqa: PT012 - the block is what is tested
            async with db.transaction() as c:
                await note(c, "a")
                await c.run("ROLLBACK")
                await note(c, "b")
        async with db.read() as c:
            assert await events.latest(c) == []
    finally:
        await db.close()

    assert refused.value.code == "rolled_back"


async def test_a_full_disk_keeps_nothing_and_says_so(path: Path) -> None:
    db = await open_database(path)
    try:
        async with db.transaction() as c:
            await note(c, "before")
            pages = await c.one("PRAGMA page_count")
            assert pages is not None
            await c.all(f"PRAGMA max_page_count = {pages[0]}")
        with pytest.raises(DatabaseError) as refused:  # noqa: PT012 - the block is what is tested
            async with db.transaction() as c:
                for _ in range(100):
                    await note(c, "x" * 10_000)
        async with db.read() as c:
            kept = [event.text for event in await events.latest(c)]
    finally:
        await db.close()

    assert refused.value.code == "full"
    assert "Make room" in refused.value.sentence
    assert kept == ["before"]


async def test_a_program_that_keeps_the_file_locked_is_reported(path: Path) -> None:
    db = await open_database(path)
    try:
        async with db.transaction() as c:
            await c.all("PRAGMA busy_timeout = 50")
        with closing(sqlite3.connect(path, isolation_level=None)) as rude:
            rude.execute("BEGIN IMMEDIATE")
            with pytest.raises(DatabaseError) as refused:
                async with db.transaction():
                    pass
    finally:
        await db.close()

    assert refused.value.code == "locked"


async def test_a_file_that_was_replaced_is_neither_written_to_nor_read_as_if_it_were_the_present(
    path: Path,
) -> None:
    db = await open_database(path)
    try:
        path.rename(path.with_name("elsewhere.db"))
        with pytest.raises(DatabaseError, match="was deleted or replaced"):
            async with db.read():
                pass
        path.touch()
        with pytest.raises(DatabaseError, match="was deleted or replaced"):
            async with db.read():
                pass
        with pytest.raises(DatabaseError) as refused:
            async with db.transaction():
                pass
    finally:
        await db.close()

    assert refused.value.code == "replaced"


async def test_a_file_that_is_no_database_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"a letter to the district, " * 400)
    before = path.read_bytes()

    assert await code_of_opening(path) == "damaged"
    assert path.read_bytes() == before


async def test_a_database_of_another_program_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE recipes (name TEXT)")
    before = path.read_bytes()

    assert await code_of_opening(path) == "not_ours"
    assert path.read_bytes() == before


async def test_damage_inside_is_found_by_the_check(path: Path) -> None:
    db = await open_database(path)
    async with db.transaction() as c:
        for _ in range(200):
            await note(c, "x" * 1000)
    assert await quick_check(db) == []
    await db.close()
    with path.open("r+b") as file:
        file.seek(-20 * 4096, os.SEEK_END)
        file.write(os.urandom(8192))

    db = await open_database(path)
    try:
        assert await quick_check(db) != []
    finally:
        await db.close()


async def test_a_database_that_a_newer_version_wrote_is_refused_but_may_be_looked_at(path: Path) -> None:
    await made(path)
    with closing(sqlite3.connect(path)) as newer:
        newer.execute("PRAGMA user_version = 99")

    assert await code_of_opening(path) == "newer_database"
    db = await open_database(path, read_only=True)
    try:
        assert db.version == 99
        async with db.read() as c:
            assert await events.latest(c) == []
        with pytest.raises(DatabaseError) as refused:
            async with db.transaction():
                pass
    finally:
        await db.close()
    assert refused.value.code == "read_only"


async def test_an_older_database_is_not_touched_by_who_only_looks(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as older:
        migrate.migrate(older, path, now_ms=0, migrations=migrate.known_migrations()[:-1])
    before = path.read_bytes()

    with pytest.raises(DatabaseError) as refused:
        await open_database(path, read_only=True)
    assert refused.value.code == "older_database"
    assert "siscon without --read-only brings it up to date" in refused.value.sentence
    assert path.read_bytes() == before


async def test_who_has_it_open_writes_nothing_once_a_newer_version_has_changed_its_tables(path: Path) -> None:
    db = await open_database(path)
    try:
        with closing(sqlite3.connect(path)) as newer:
            newer.execute("PRAGMA user_version = 99")
        with pytest.raises(DatabaseError) as refused:
            async with db.transaction():
                pass
        assert refused.value.code == "newer_database"
        with closing(sqlite3.connect(path)) as newer:
            newer.execute("BEGIN IMMEDIATE")  # it holds up nobody for long
    finally:
        await db.close()


async def test_looking_at_a_database_that_is_not_there_makes_none(path: Path) -> None:
    with pytest.raises(DatabaseError) as refused:
        await open_database(path, read_only=True)

    assert refused.value.code == "unusable_place"
    assert not path.exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_folder_without_the_right_to_write_is_refused(path: Path) -> None:
    await made(path)
    path.parent.chmod(0o500)
    try:
        assert await code_of_opening(path) == "read_only"
    finally:
        path.parent.chmod(0o700)


async def test_a_place_that_cannot_be_a_folder_is_refused(path: Path) -> None:
    path.parent.write_text("a file")

    assert await code_of_opening(path) == "unusable_place"
