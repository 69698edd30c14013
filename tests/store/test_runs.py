"""The queue: what may follow what, one run per lane, and counts."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from siscon.domain.errors import DatabaseError
from siscon.domain.records import Entity
from siscon.domain.runs import ENDED, Counts, Lane, Phase, Run, RunKind, RunStatus, may_move
from siscon.store import leases, run_counts, runs
from siscon.store.database import Connection, Database
from support.databases import activate

FORCE = "UPDATE runs SET status = :status, error = 'before' WHERE id = :id"


async def queued(c: Connection, integration: str = "a", **changes: Any) -> int:
    wanted: dict[str, Any] = {
        "integration": integration,
        "kind": RunKind.IMPORT,
        "lane": Lane.BULK,
        "entities": (Entity.STAFF, Entity.STUDENT),
        "full": False,
        "requested_by": "pat(1000)",
        "due_at_ms": None,
        "now_ms": 5,
        **changes,
    }
    run_id = await runs.enqueue(c, **wanted)
    assert run_id is not None
    return run_id


async def found(c: Connection, run_id: int) -> Run:
    run = await runs.get(c, run_id)
    assert run is not None
    return run


async def test_a_queued_run_comes_back_as_it_was_asked_for(db: Database) -> None:
    async with db.transaction() as c:
        await activate(c, "a")
        run = await found(c, await queued(c, full=True))

    assert run.status is RunStatus.QUEUED
    assert run.entities == (Entity.STAFF, Entity.STUDENT)
    assert (run.full, run.requested_by, run.queued_at_ms, run.attempt) == (True, "pat(1000)", 5, 0)


async def test_a_due_moment_is_queued_once(db: Database) -> None:
    async with db.transaction() as c:
        await activate(c, "a", "b")
        await queued(c, due_at_ms=100)
        again = await runs.enqueue(
            c,
            integration="a",
            kind=RunKind.IMPORT,
            lane=Lane.BULK,
            entities=(),
            full=False,
            requested_by="schedule",
            due_at_ms=100,
            now_ms=6,
        )
        await queued(c, "b", due_at_ms=100)
        await queued(c, due_at_ms=200)

    assert again is None


async def test_of_two_clocks_at_once_one_queues(db: Database) -> None:
    async with db.transaction() as c:
        await activate(c, "a")

    async def clock() -> int | None:
        async with db.transaction() as c:
            return await runs.enqueue(
                c,
                integration="a",
                kind=RunKind.IMPORT,
                lane=Lane.BULK,
                entities=(),
                full=False,
                requested_by="schedule",
                due_at_ms=7,
                now_ms=7,
            )

    assert sorted(await asyncio.gather(clock(), clock()), key=str) == [1, None]


@pytest.mark.parametrize("to", RunStatus)
@pytest.mark.parametrize("before", RunStatus)
async def test_only_legal_moves_are_made(db: Database, before: RunStatus, to: RunStatus) -> None:
    async with db.transaction() as c:
        await activate(c, "a")
        run_id = await queued(c)
        await c.run(FORCE, {"id": run_id, "status": before.value})
        if may_move(before, to):
            await runs.move(c, run_id, to, now_ms=9)
        else:
            with pytest.raises(DatabaseError, match=f"cannot become {to}: it is {before}") as refused:
                await runs.move(c, run_id, to, now_ms=9)
            assert refused.value.code == "illegal_move"
        run = await found(c, run_id)

    assert run.status is (to if may_move(before, to) else before)
    assert run.finished_at_ms == (9 if may_move(before, to) and to in ENDED else None)


async def test_a_run_that_is_not_there_cannot_move(db: Database) -> None:
    async with db.transaction() as c:
        with pytest.raises(DatabaseError, match="there is no such run"):
            await runs.move(c, 99, RunStatus.CANCELLED, now_ms=1)


async def test_claiming_counts_the_attempt_and_keeps_the_first_start(db: Database) -> None:
    async with db.transaction() as c:
        await activate(c, "a")
        run_id = await queued(c)
        first = await runs.claim(c, run_id, engine="one", now_ms=10)
        await runs.request_cancel(c, run_id, "kim(7)")
        await runs.move(c, run_id, RunStatus.INTERRUPTED, now_ms=20)
        await runs.move(c, run_id, RunStatus.QUEUED, now_ms=20)
        second = await runs.claim(c, run_id, engine="two", now_ms=30)

    assert (first.status, first.engine, first.attempt, first.started_at_ms) == ("running", "one", 1, 10)
    assert (second.status, second.engine, second.attempt, second.started_at_ms) == ("running", "two", 2, 10)
    assert second.cancel_requested_by is None


async def test_a_run_is_claimed_once(db: Database) -> None:
    async with db.transaction() as c:
        await activate(c, "a")
        run_id = await queued(c)
        await runs.claim(c, run_id, engine="one", now_ms=1)
        with pytest.raises(DatabaseError) as refused:
            await runs.claim(c, run_id, engine="two", now_ms=1)

    assert refused.value.code == "illegal_move"


async def test_one_bulk_and_one_quick_run_of_an_integration_go_at_once(db: Database) -> None:
    async with db.transaction() as c:
        await activate(c, "a", "b")
        first, second = await queued(c), await queued(c)
        quick = await queued(c, lane=Lane.QUICK)
        other = await queued(c, "b")
        before = [run.id for run in await runs.claimable(c)]
        await runs.claim(c, first, engine="e", now_ms=1)
        after = [run.id for run in await runs.claimable(c)]
        with pytest.raises(DatabaseError):
            await runs.claim(c, second, engine="e", now_ms=1)
        for run_id in (quick, other):
            await runs.claim(c, run_id, engine="e", now_ms=1)

    assert before == [first, quick, other]
    assert after == [quick, other]


async def test_runs_of_an_engine_whose_lease_ran_out_are_found(db: Database) -> None:
    async with db.transaction() as c:
        await activate(c, "a", "b")
        for name, engine in (("a", "dead"), ("b", "alive")):
            await runs.claim(c, await queued(c, name), engine=engine, now_ms=0)
        await leases.take(c, "engine:dead", "dead", ttl_s=10, now_ms=0)
        await leases.take(c, "engine:alive", "alive", ttl_s=10, now_ms=5_000)

        assert await runs.running_of_dead_engines(c, now_ms=10_000) == []
        assert [run.engine for run in await runs.running_of_dead_engines(c, now_ms=10_001)] == ["dead"]


async def test_the_first_who_asks_for_the_end_stays_on_record(db: Database) -> None:
    async with db.transaction() as c:
        await activate(c, "a")
        run_id = await queued(c)
        await runs.request_cancel(c, run_id, "pat(1)")
        await runs.request_cancel(c, run_id, "kim(2)")

        assert (await found(c, run_id)).cancel_requested_by == "pat(1)"


async def test_listings_go_newest_first_and_by_filter(db: Database) -> None:
    async with db.transaction() as c:
        await activate(c, "a", "b")
        numbers = [await queued(c, name) for name in "abab"]
        await runs.move(c, numbers[0], RunStatus.CANCELLED, now_ms=1)

        assert [run.id for run in await runs.latest(c, limit=2)] == [4, 3]
        assert [run.id for run in await runs.latest(c, before_id=3)] == [2, 1]
        assert [run.id for run in await runs.latest(c, integration="a", status=RunStatus.QUEUED)] == [3]
        assert [run.id for run in await runs.active(c)] == [2, 3, 4]
        assert {run.id for run in await runs.by_ids(c, [1, 4, 99])} == {1, 4}


async def test_counts_add_up_and_are_kept_in_order(db: Database) -> None:
    async with db.transaction() as c:
        await activate(c, "a")
        run_id, bare = await queued(c), await queued(c, lane=Lane.QUICK)
        for _ in range(2):
            await run_counts.start(c, run_id, [Entity.STUDENT, Entity.STAFF])
        for _ in range(2):
            await run_counts.add(c, run_id, Entity.STUDENT, fetched=2, created=1, seconds=0.5, failed=0)
        await run_counts.add(c, run_id, Entity.STAFF, fetched=1)
        await run_counts.note(c, run_id, Entity.STUDENT, total=9, phase=Phase.PLAN)
        await run_counts.note(c, run_id, Entity.STUDENT, done=True)
        told = await run_counts.of_run(c, run_id)
        sums = await run_counts.sums(c, [run_id, bare])

    assert told == [
        Counts(Entity.STUDENT, fetched=4, created=2, seconds=1.0, total=9, phase=Phase.PLAN, done=True),
        Counts(Entity.STAFF, fetched=1),
    ]
    assert (sums[run_id].fetched, sums[run_id].created, sums[bare].fetched) == (5, 2, 0)


async def test_a_count_that_does_not_exist_is_refused(db: Database) -> None:
    async with db.transaction() as c:
        with pytest.raises(DatabaseError, match="no count called total"):
            await run_counts.add(c, 1, Entity.STAFF, total=1)


async def test_waiting_is_shown_until_it_is_over(db: Database) -> None:
    async with db.transaction() as c:
        await activate(c, "a")
        run_id = await queued(c)
        await runs.set_phase(c, run_id, Phase.FETCH)
        await runs.add_requests(c, run_id, 2, 900)
        waiting = await found(c, run_id)
        await runs.add_requests(c, run_id, 1)
        going = await found(c, run_id)

    assert (waiting.requests, waiting.waiting_until_ms, waiting.phase) == (2, 900, Phase.FETCH)
    assert (going.requests, going.waiting_until_ms) == (3, None)
