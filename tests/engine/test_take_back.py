"""What lies in the inbox for a moment: nobody carries it out before its time, and it can be taken back."""

from __future__ import annotations

import asyncio

import pytest

from siscon.domain.commands import CommandStatus, NoteExport, PauseIntegration, StopEngine, TakeBack
from siscon.domain.errors import DatabaseError, UsageError
from siscon.domain.roles import Role
from siscon.engine.answers import LiveEngine
from siscon.engine.bell import Bell
from siscon.engine.inbox import attend, carry_out
from siscon.ops import commands
from siscon.ops.opening import open_database
from siscon.ops.requests import request_rows
from siscon.store import audit
from siscon.store import commands as inbox
from siscon.store.sqlite import SqliteDatabase
from siscon.store.vault import Vault
from support.clock import HandClock, until
from support.databases import activate
from support.house import anybody

ANN = {"actor": "ann(1000)", "role": Role.OPERATOR}


async def carried_out(db: SqliteDatabase, vault: Vault, clock: HandClock) -> int:
    return await carry_out(db, vault=vault, live=None, judge=anybody, now_ms=clock.now_ms)


async def asked(db: SqliteDatabase, clock: HandClock, *, grace_ms: int = 5_000) -> int:
    return await commands.submit(
        db, PauseIntegration("harbor"), **ANN, grace_ms=grace_ms, now_ms=clock.now_ms()
    )


async def status(db: SqliteDatabase, number: int) -> CommandStatus:
    async with db.read() as c:
        row = await inbox.get(c, number)
    assert row is not None
    return row.status


@pytest.fixture(autouse=True)
async def _harbor(db: SqliteDatabase) -> None:
    async with db.transaction() as c:
        await activate(c, "harbor")


async def test_nobody_carries_a_request_out_before_its_time(
    db: SqliteDatabase, vault: Vault, clock: HandClock
) -> None:
    number = await asked(db, clock)

    assert await carried_out(db, vault, clock) == 0
    clock.forward(4.9)
    assert await carried_out(db, vault, clock) == 0
    clock.forward(0.1)
    assert await carried_out(db, vault, clock) == 1
    assert await status(db, number) is CommandStatus.DONE


async def test_what_lies_holds_up_nothing_that_came_later(
    db: SqliteDatabase, vault: Vault, clock: HandClock
) -> None:
    first, second = await asked(db, clock), await asked(db, clock, grace_ms=0)

    assert await carried_out(db, vault, clock) == 1
    assert [await status(db, one) for one in (first, second)] == [CommandStatus.PENDING, CommandStatus.DONE]


async def test_a_clock_that_is_set_back_does_not_make_a_request_wait_for_hours(
    db: SqliteDatabase, vault: Vault, clock: HandClock
) -> None:
    await asked(db, clock)
    clock.forward(-7_200)

    assert await carried_out(db, vault, clock) == 1


async def test_what_is_taken_back_is_never_carried_out_and_the_audit_tells_of_it(
    db: SqliteDatabase, vault: Vault, clock: HandClock
) -> None:
    number = await asked(db, clock)
    row = await commands.take_back(db, number, **ANN, now_ms=clock.now_ms())
    clock.forward(60)
    await carried_out(db, vault, clock)

    assert (row.status, row.answer) == (
        CommandStatus.TAKEN_BACK,
        "Taken back by ann(1000) before anything was done.",
    )
    assert await status(db, number) is CommandStatus.TAKEN_BACK
    async with db.read() as c:
        assert await audit.verify(c, vault) is None
        acts = [(one.actor, one.action, one.target) for one in await audit.entries(c)]
        paused = await c.one("SELECT paused FROM integrations WHERE name = 'harbor'")
    assert acts == [("ann(1000)", "take_back", f"request {number}")]
    assert paused is not None
    assert paused["paused"] == 0


async def test_too_late_is_told_with_the_answer(db: SqliteDatabase, vault: Vault, clock: HandClock) -> None:
    number = await asked(db, clock, grace_ms=0)
    await carried_out(db, vault, clock)

    with pytest.raises(UsageError, match=f"Too late: request {number} was answered. harbor is paused"):
        await commands.take_back(db, number, **ANN)
    with pytest.raises(UsageError, match="no request 99"):
        await commands.take_back(db, 99, **ANN)


async def test_a_request_is_taken_back_only_by_who_might_have_left_it(
    db: SqliteDatabase, clock: HandClock
) -> None:
    stop = await commands.submit(db, StopEngine("e1"), actor="boss(0)", role=Role.ADMIN, grace_ms=5_000)

    with pytest.raises(UsageError, match="needs admin"):
        await commands.take_back(db, stop, **ANN)
    with pytest.raises(UsageError, match="read-only"):
        await commands.take_back(db, stop, actor="boss(0)", role=Role.ADMIN, read_only=True)
    assert await status(db, stop) is CommandStatus.PENDING


async def test_an_engine_wakes_when_the_time_is_over(db: SqliteDatabase, vault: Vault) -> None:
    live = LiveEngine("one", frozenset({"harbor"}), stop=lambda: None, renew_token=lambda _name: None)
    at_ms = 0
    ear = Bell().ear(rest_s=0.01)
    serving = asyncio.create_task(
        attend(db, ear, vault=vault, live=live, judge=anybody, now_ms=lambda: at_ms)
    )
    number = await commands.submit(db, PauseIntegration("harbor"), **ANN, grace_ms=40, now_ms=0)
    ear.ring()

    async def is_done() -> bool:
        nonlocal at_ms
        at_ms += 10
        return await status(db, number) is CommandStatus.DONE

    await until(is_done, within_s=1.5)  # the engine looks by itself each two seconds
    serving.cancel()


async def test_requests_are_listed_newest_first_with_their_answers(
    db: SqliteDatabase, vault: Vault, clock: HandClock
) -> None:
    done = await asked(db, clock, grace_ms=0)
    await carried_out(db, vault, clock)
    waiting = await asked(db, clock)

    rows = [row async for row in request_rows(db)]
    assert [(row["id"], row["status"], row["due_at"] is None) for row in rows] == [
        (waiting, "pending", False),
        (done, "done", True),
    ]
    assert rows[1]["asked"] == {"integration": "harbor", "until_ms": None}
    assert [row["id"] async for row in request_rows(db, waiting=True)] == [waiting]
    assert [row["id"] async for row in request_rows(db, limit=1)] == [waiting]


async def test_where_one_may_only_look_no_request_is_left_and_the_file_itself_refuses(
    db: SqliteDatabase,
) -> None:
    with pytest.raises(UsageError, match="read-only"):
        await commands.submit(db, PauseIntegration("harbor"), actor="a(1)", role=Role.ADMIN, read_only=True)
    looked_at = await open_database(db.path, synchronous="full", read_only=True)
    try:
        with pytest.raises(DatabaseError, match="for reading only"):
            await commands.submit(looked_at, PauseIntegration("harbor"), actor="a(1)", role=Role.ADMIN)
        async with looked_at.read() as c:
            with pytest.raises(DatabaseError):
                await c.run("DELETE FROM integrations")
            assert await inbox.pending(c) == []
    finally:
        await looked_at.close()


def test_taking_back_is_a_request_like_any_other() -> None:
    assert commands.may(TakeBack(1), Role.OPERATOR)
    assert not commands.may(TakeBack(1), Role.VIEWER)


async def test_the_audit_says_what_went_into_a_file(
    db: SqliteDatabase, vault: Vault, clock: HandClock
) -> None:
    asked_for = NoteExport("dead_record", 1, ("external_id", "name"))
    await commands.submit(db, asked_for, **ANN, now_ms=clock.now_ms())
    await carried_out(db, vault, clock)

    async with db.read() as c:
        [row] = [one for one in await audit.entries(c) if one.action == "note_export"]
    assert (row.actor, row.target) == ("ann(1000)", "dead record")
    told = {"what": "dead_record", "rows": 1, "columns": ["external_id", "name"], "role": "admin"}
    assert row.detail == told


@pytest.mark.parametrize(("back_s", "carried"), [(0.2, 0), (30, 0), (3_600, 1)])
async def test_a_clock_put_right_by_seconds_takes_no_grace_and_one_set_back_far_makes_nobody_wait(
    db: SqliteDatabase, vault: Vault, clock: HandClock, back_s: float, carried: int
) -> None:
    await asked(db, clock)
    clock.forward(-back_s)

    assert await carried_out(db, vault, clock) == carried
