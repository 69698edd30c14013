"""What z means: the newest that lies in the inbox, then what lay before it; nothing is let go that nobody answered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from siscon.domain.commands import CommandRow, CommandStatus, PauseIntegration
from siscon.domain.roles import Role
from siscon.ops import commands as desk
from siscon.ops.opening import open_database
from siscon.store import commands
from siscon.store.database import Database
from siscon.tui.grace import Grace, take_back
from siscon.tui.options import ConsoleOptions

NOW_MS = 1_795_226_400_000
DECIDED = CommandRow(9, PauseIntegration("harbor"), "ann", NOW_MS, CommandStatus.DONE, "", 3)


@pytest.fixture
async def blank(tmp_path: Path) -> AsyncIterator[Database]:
    """A database without any row of ours."""
    db = await open_database(tmp_path / "home" / "siscon.db", synchronous="normal")
    yield db
    await db.close()


def options(db: Database) -> ConsoleOptions:
    async def opened() -> Database:
        return db

    return ConsoleOptions(open_database=opened, actor="ann(1000)", role=Role.ADMIN, now_ms=lambda: NOW_MS)


async def asked(db: Database) -> int:
    told = {"actor": "ann(1000)", "role": Role.ADMIN, "grace_ms": 5_000, "now_ms": NOW_MS}
    return await desk.submit(db, PauseIntegration("harbor"), **told)


async def waiting(db: Database) -> list[int]:
    async with db.read() as c:
        return [one.id for one in await commands.pending(c) if isinstance(one.command, PauseIntegration)]


async def test_what_was_asked_before_the_newest_can_be_taken_back_as_long_as_it_lies(blank: Database) -> None:
    grace, numbers = Grace(), [await asked(blank) for _ in range(3)]
    for at_s, number in zip((0, 3, 6), numbers, strict=True):
        at_ms = NOW_MS + 1000 * at_s
        grace.lies((number,), now_ms=at_ms, until_ms=at_ms + 5_000)

    assert [one.ids for one in grace.lying] == [(numbers[1],), (numbers[2],)], "the first is over"
    assert grace.left_s(NOW_MS + 7_000) == 4
    await take_back(blank, grace, options(blank))
    assert grace.left_s(NOW_MS + 7_000) == 1
    await take_back(blank, grace, options(blank))
    assert await waiting(blank) == [numbers[0]]


def test_what_is_decided_at_once_lets_nothing_go_that_lies() -> None:
    grace = Grace()
    grace.lies((7,), now_ms=NOW_MS, until_ms=NOW_MS + 5_000)
    grace.done(DECIDED, now_ms=NOW_MS + 1_000)
    assert grace.left_s(NOW_MS + 1_000) == 4

    grace.done(DECIDED, now_ms=NOW_MS + 6_000)
    assert grace.lying == []
    assert grace.decided_lately(NOW_MS + 6_000) is DECIDED


async def test_what_could_not_be_taken_back_for_a_fault_of_the_database_can_be_tried_again(
    blank: Database,
) -> None:
    number = await asked(blank)
    grace = Grace()
    grace.lies((number,), now_ms=NOW_MS, until_ms=NOW_MS + 5_000)
    looking = await open_database(blank.path, synchronous="full", read_only=True)  # type: ignore[attr-defined] # SQLite's
    try:
        told = await take_back(looking, grace, options(looking))
    finally:
        await looking.close()
    assert "was opened for reading only" in told
    assert await waiting(blank) == [number]

    told = await take_back(blank, grace, options(blank))
    assert told == "Taken back: 1 request; nothing of it was done."
    assert await waiting(blank) == []
