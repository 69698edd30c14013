"""The write-ahead log stays as large as what is written between two looks at it."""

from __future__ import annotations

from siscon.domain.events import EventKind, Level
from siscon.engine import checking
from siscon.store import events, maintenance
from siscon.store.sqlite import SqliteDatabase


async def write(db: SqliteDatabase) -> None:
    for _ in range(40):
        async with db.transaction() as c:
            await events.append(c, EventKind.PAGE_NOTE, Level.INFO, "x" * 400, at_ms=1)


async def test_a_log_that_was_brought_in_is_written_over_and_does_not_grow(db: SqliteDatabase) -> None:
    await write(db)
    before = maintenance.log_bytes(db.path)
    sizes = []
    for _ in range(4):
        assert "brought in" in await checking.shorten_log(db.path)
        await write(db)
        sizes.append(maintenance.log_bytes(db.path))

    assert before > 0
    assert max(sizes) <= before * 1.1


async def test_a_reader_keeps_its_part_and_nobody_waits(db: SqliteDatabase) -> None:
    await write(db)
    async with db.read() as c:
        await events.latest(c, limit=1)
        await write(db)
        assert "still needs" in await checking.shorten_log(db.path)
