"""Commands left for the engine, and the change feed."""

from __future__ import annotations

import asyncio

import pytest

from siscon.domain.commands import CancelRun, CommandStatus, NoteDenial, StartRun, StopEngine
from siscon.domain.errors import UsageError
from siscon.domain.roles import Role
from siscon.ops import commands, feed
from siscon.store import commands as inbox
from siscon.store.database import Database
from support.clock import LIMIT_S, until
from support.console_data import NOW_MS


@pytest.mark.parametrize(
    ("command", "role", "allowed"),
    [
        (StartRun("harbor"), Role.VIEWER, False),
        (StartRun("harbor"), Role.OPERATOR, True),
        (CancelRun(1), Role.OPERATOR, True),
        (StopEngine("e1"), Role.OPERATOR, False),
        (StopEngine("e1"), Role.ADMIN, True),
    ],
    ids=str,
)
async def test_a_role_leaves_only_what_it_may(
    db: Database, command: StartRun | CancelRun | StopEngine, role: Role, allowed: bool
) -> None:
    if allowed:
        await commands.submit(db, command, actor="a(1)", role=role)
    else:
        with pytest.raises(UsageError, match="administrator"):
            await commands.submit(db, command, actor="a(1)", role=role)
    async with db.read() as c:
        left = await inbox.pending(c)

    denied = NoteDenial(command.kind, role.word)
    assert [row.command for row in left] == [command if allowed else denied]


async def test_an_answer_ends_the_waiting(db: Database) -> None:
    id_ = await commands.submit(db, StartRun("harbor"), actor="a(1)", role=Role.ADMIN)
    waiting = asyncio.create_task(commands.wait_for(db, id_, timeout_s=LIMIT_S))
    await asyncio.sleep(0)
    async with db.transaction() as c:
        await inbox.answer(c, id_, status=CommandStatus.DONE, answer="Queued.", run_id=5, now_ms=NOW_MS)
    row = await waiting

    assert (row.status, row.answer, row.run_id) == (CommandStatus.DONE, "Queued.", 5)


async def test_waiting_ends_without_an_answer(db: Database) -> None:
    id_ = await commands.submit(db, StartRun("harbor"), actor="a(1)", role=Role.ADMIN)

    assert (await commands.wait_for(db, id_, timeout_s=0.05)).status is CommandStatus.PENDING


async def test_nobody_waits_for_a_command_that_was_never_left(db: Database) -> None:
    with pytest.raises(UsageError, match="no command 99"):
        await commands.wait_for(db, 99, timeout_s=0.05)


async def test_many_commits_come_as_few_changes(db: Database) -> None:
    told: list[bool] = []
    loop, gap_s = asyncio.get_running_loop(), 0.2
    begun_s = loop.time()

    async def listen() -> None:
        async for changed in feed.changes(db, gap_s=gap_s, quiet_s=LIMIT_S):
            told.append(changed)

    listening = asyncio.create_task(listen())
    for _ in range(30):
        await commands.submit(db, CancelRun(1), actor="a(1)", role=Role.ADMIN)
        await asyncio.sleep(0.01)
    await until(lambda: told != [])
    most = 2 + (loop.time() - begun_s) / gap_s
    listening.cancel()

    assert all(told)
    assert len(told) <= most


async def test_silence_is_told_too(db: Database) -> None:
    stream = feed.changes(db, gap_s=0, quiet_s=0.01)
    told = [await anext(stream) for _ in range(3)]
    await stream.aclose()

    assert told[-1] is False
