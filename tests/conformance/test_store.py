"""What every database driver must do, whatever the rest of the store does with it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from siscon.domain.errors import DatabaseError, LeaseLost
from siscon.domain.events import EventKind, Level
from siscon.domain.leases import Lease
from siscon.store import events, leases
from siscon.store.database import Connection, Database
from support.clock import LIMIT_S, outcome
from support.databases import OpenDatabase

KIND, LEVEL = EventKind.PAGE_NOTE, Level.INFO


async def note(c: Connection, text: str) -> None:
    await events.append(c, KIND, LEVEL, text, at_ms=1)


async def texts(db: Database) -> list[str]:
    async with db.read() as c:
        return [event.text for event in await events.after(c, 0)]


async def test_what_a_transaction_wrote_is_there_after_its_end(db: Database) -> None:
    async with db.transaction() as c:
        await note(c, "a")
        await note(c, "b")

    assert await texts(db) == ["a", "b"]


async def test_an_exception_leaves_nothing_behind(db: Database) -> None:
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - the block is what is tested
        async with db.transaction() as c:
            await note(c, "a")
            raise ZeroDivisionError

    assert await texts(db) == []


async def test_cancellation_leaves_nothing_behind_and_the_next_transaction_works(db: Database) -> None:
    inside = asyncio.Event()

    async def stuck() -> None:
        async with db.transaction() as c:
            await note(c, "half")
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(stuck())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with db.transaction() as c:
        await note(c, "whole")

    assert await texts(db) == ["whole"]


@pytest.mark.parametrize("turns", range(12))
async def test_cancelled_at_any_moment_a_transaction_is_all_or_nothing(db: Database, turns: int) -> None:
    async def step() -> None:
        async with db.transaction() as c:
            await note(c, "a")
            await note(c, "b")

    task = asyncio.create_task(step())
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    async with db.transaction() as c:
        await note(c, "after")

    assert await texts(db) in (["after"], ["a", "b", "after"])


async def test_a_refused_row_takes_the_whole_step_with_it(db: Database) -> None:
    with pytest.raises(DatabaseError) as refused:  # noqa: PT012 - the block is what is tested
        async with db.transaction() as c:
            await note(c, "a")
            await c.run("INSERT INTO events (at_ms, kind, level, text) VALUES (1, 'x', 'loud', 'b')")

    assert refused.value.code == "constraint"
    assert await texts(db) == []


async def test_many_takes_an_iterator(db: Database) -> None:
    sql = "INSERT INTO events (at_ms, kind, level, text) VALUES (:at, 'page note', 'info', :text)"
    async with db.transaction() as c:
        await c.many(sql, ({"at": n, "text": str(n)} for n in range(3)))

    assert await texts(db) == ["0", "1", "2"]


async def test_each_carries_out_several_statements_and_tells_of_every_one(db: Database) -> None:
    insert = "INSERT INTO events (at_ms, kind, level, text) VALUES (1, 'page note', 'info', :text)"
    async with db.transaction() as c:
        changed = await c.each(
            [
                (insert, {"text": "a"}),
                (insert, {"text": "b"}),
                ("UPDATE events SET text = 'c'", ()),
                ("DELETE FROM events WHERE id = 1", ()),
            ]
        )

    assert changed == [1, 1, 2, 1]
    assert await texts(db) == ["c"]


async def test_run_tells_how_many_rows_changed(db: Database) -> None:
    async with db.transaction() as c:
        await note(c, "a")
        await note(c, "b")

        assert await c.run("UPDATE events SET text = 'x'") == 2
        assert await c.run("UPDATE events SET text = 'x' WHERE id < 0") == 0


async def test_one_gives_the_row_by_name_and_by_place_or_nothing(db: Database) -> None:
    async with db.read() as c:
        row = await c.one("SELECT 1 AS first, 'b' AS second")

        assert row is not None
        assert (row["first"], row[1], list(row.keys())) == (1, "b", ["first", "second"])
        assert await c.one("SELECT 1 FROM events") is None


async def test_a_read_sees_one_moment(db: Database) -> None:
    async with db.read() as c:
        before = await events.latest(c)
        async with db.transaction() as w:
            await note(w, "meanwhile")
        still = await events.latest(c)

    assert before == still == []
    assert await texts(db) == ["meanwhile"]


async def test_nobody_sees_a_step_before_its_end(db: Database, another: OpenDatabase) -> None:
    async with another() as other, db.transaction() as c:
        await note(c, "half")

        assert await texts(db) == await texts(other) == []


async def test_reading_never_waits_for_writing(db: Database) -> None:
    async with db.transaction() as c:
        await note(c, "a")
        async with asyncio.timeout(LIMIT_S):
            await texts(db)


async def test_a_reader_cannot_write(db: Database) -> None:
    with pytest.raises(DatabaseError):
        async with db.read() as c:
            await note(c, "a")

    assert await texts(db) == []


async def test_a_connection_is_useless_after_its_block(db: Database) -> None:
    async with db.transaction() as c:
        pass

    with pytest.raises(DatabaseError) as late:
        await note(c, "a")
    assert late.value.code == "closed"


async def test_two_tasks_write_one_after_the_other(db: Database) -> None:
    async def add(text: str) -> None:
        async with db.transaction() as c:
            await note(c, text)
            await asyncio.sleep(0)
            await note(c, text)

    await asyncio.gather(*(add(text) for text in "abc"))

    found = await texts(db)
    assert sorted(found) == list("aabbcc")
    assert all(first == second for first, second in zip(found[::2], found[1::2], strict=True))


async def test_two_databases_take_turns(db: Database, another: OpenDatabase) -> None:
    async def add(where: Database, times: int) -> None:
        for _ in range(times):
            async with where.transaction() as c:
                row = await c.one("SELECT count(*) AS n FROM events")
                assert row is not None
                await note(c, str(row["n"]))

    async with another() as other:
        await asyncio.gather(add(db, 40), add(other, 40))

    assert await texts(db) == [str(n) for n in range(80)]


async def take(db: Database, owner: str, *, now_ms: int) -> Lease | None:
    async with db.transaction() as c:
        return await leases.take(c, "credential:a", owner, ttl_s=10, now_ms=now_ms)


async def test_a_transaction_with_a_lease_that_was_taken_over_writes_nothing(db: Database) -> None:
    old = await take(db, "first", now_ms=0)
    new = await take(db, "second", now_ms=10_001)
    assert old is not None
    assert new is not None

    with pytest.raises(LeaseLost, match="second"):
        async with db.transaction(old) as c:
            await note(c, "from the grave")
    async with db.transaction(new) as c:
        await note(c, "alive")

    assert await texts(db) == ["alive"]


async def test_a_lost_lease_does_not_keep_others_from_writing(db: Database) -> None:
    with pytest.raises(LeaseLost):
        async with db.transaction(Lease("nothing", "nobody", 1)):
            pass
    async with db.transaction() as c:
        await note(c, "a")

    assert await texts(db) == ["a"]


async def test_no_change_is_told_when_nobody_commits(db: Database) -> None:
    await db.changed(timeout_s=0)

    assert await db.changed(timeout_s=0.1) is False


async def test_a_commit_between_two_calls_is_not_missed(db: Database) -> None:
    await db.changed(timeout_s=0)
    async with db.transaction() as c:
        await note(c, "a")

    assert await db.changed(timeout_s=0) is True
    assert await db.changed(timeout_s=0) is False


async def test_a_waiting_task_hears_of_a_commit_by_another(db: Database, another: OpenDatabase) -> None:
    async with another() as other:
        await db.changed(timeout_s=0)
        waiting = asyncio.create_task(db.changed(timeout_s=LIMIT_S))
        await asyncio.sleep(0)
        async with other.transaction() as c:
            await note(c, "a")

        assert await outcome(waiting, within_s=1.0) is True


async def test_two_tasks_do_not_take_each_others_news(db: Database) -> None:
    heard: list[int] = []

    async def listen(ready: asyncio.Event) -> None:
        await db.changed(timeout_s=0)
        ready.set()
        for _ in range(2):
            heard.append(await db.changed(timeout_s=LIMIT_S))

    first, second = asyncio.Event(), asyncio.Event()
    tasks = [asyncio.create_task(listen(one)) for one in (first, second)]
    await first.wait()
    await second.wait()
    for number in range(2):
        async with db.transaction() as c:
            await note(c, "a")
        async with asyncio.timeout(LIMIT_S):
            while len(heard) < 2 * (number + 1):
                await asyncio.sleep(0.005)

    await asyncio.gather(*tasks)
    assert heard == [True] * 4


async def test_a_wait_in_a_task_of_its_own_each_time_does_not_spin(db: Database) -> None:
    async with db.transaction() as c:
        await note(c, "a")

    assert await asyncio.create_task(db.changed(timeout_s=0)) is True
    assert await asyncio.create_task(db.changed(timeout_s=0)) is False


async def test_closing_twice_is_harmless_and_what_follows_is_refused(another: OpenDatabase) -> None:
    async with another() as db:
        await db.close()
        for attempt in (db.read, db.transaction):
            with pytest.raises(DatabaseError) as refused:
                async with attempt() as c:
                    await c.one("SELECT 1")
            assert refused.value.code == "closed"
        with pytest.raises(DatabaseError):
            await db.changed(timeout_s=1)


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb"])
async def test_text_that_no_database_can_keep_is_refused(db: Database, text: str) -> None:
    with pytest.raises(DatabaseError) as refused:
        async with db.transaction() as c:
            await note(c, text)

    assert refused.value.code == "unstorable_text"


@pytest.mark.parametrize(
    "text", ["", "\x00", "a\x00b", "'; DROP TABLE events; --", "René", "\u202e", "😀" * 1000]
)
async def test_any_other_text_comes_back_as_it_was(db: Database, text: str) -> None:
    async with db.transaction() as c:
        await note(c, text)

    assert await texts(db) == [text]


async def test_a_value_that_no_column_takes_rolls_back(db: Database) -> None:
    bad: Any = object()
    with pytest.raises(DatabaseError):  # noqa: PT012 - the block is what is tested
        async with db.transaction() as c:
            await note(c, "a")
            await note(c, bad)

    assert await texts(db) == []
