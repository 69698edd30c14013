"""The inbox: left once, answered once."""

from __future__ import annotations

import pytest

from siscon.domain.commands import (
    CancelRun,
    Command,
    CommandRow,
    CommandStatus,
    PauseIntegration,
    RefreshToken,
    ResumeIntegration,
    StartRun,
    StopEngine,
)
from siscon.domain.errors import DatabaseError
from siscon.store import commands
from siscon.store.database import Database

EVERY_COMMAND: list[Command] = [
    StartRun("a", ("staff", "student"), full=True),
    CancelRun(4),
    PauseIntegration("a"),
    ResumeIntegration("a"),
    RefreshToken("a"),
    StopEngine("e"),
]


@pytest.mark.parametrize("command", EVERY_COMMAND, ids=lambda one: one.kind)
async def test_a_command_comes_back_as_it_was_left(db: Database, command: Command) -> None:
    async with db.transaction() as c:
        number = await commands.leave(c, command, actor="pat(1000)", now_ms=7)
        row = CommandRow(number, command, "pat(1000)", 7, CommandStatus.PENDING, "", None)

        assert await commands.pending(c) == [row]
        assert await commands.get(c, number) == row


async def test_an_answer_is_given_once(db: Database) -> None:
    async with db.transaction() as c:
        number = await commands.leave(c, CancelRun(4), actor="pat(1000)", now_ms=7)
        await commands.answer(c, number, status=CommandStatus.DONE, answer="It stops.", run_id=4, now_ms=8)
        with pytest.raises(DatabaseError) as refused:
            await commands.answer(c, number, status=CommandStatus.REFUSED, answer="No.", now_ms=9)
        row = await commands.get(c, number)

        assert await commands.pending(c) == []
    assert refused.value.code == "illegal_move"
    assert row is not None
    assert (row.status, row.answer, row.run_id) == (CommandStatus.DONE, "It stops.", 4)


@pytest.mark.parametrize(("kind", "body"), [("fly", "{}"), ("cancel_run", '{"run_id": 1, "why": "x"}')])
async def test_a_command_of_a_newer_console_does_not_stop_the_others(
    db: Database, kind: str, body: str
) -> None:
    async with db.transaction() as c:
        await c.run(
            "INSERT INTO commands (kind, body, actor, left_at_ms, status) "
            "VALUES (:kind, :body, 'x', 1, 'pending')",
            {"kind": kind, "body": body},
        )
        await commands.leave(c, CancelRun(4), actor="pat(1000)", now_ms=7)

        assert [one.command for one in await commands.pending(c)] == [CancelRun(4)]
        assert await commands.get(c, 1) is None
        assert await commands.get(c, 99) is None
