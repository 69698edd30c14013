"""Schedules become queued runs, once for each due moment; what was missed runs once and is reported."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from siscon.domain.events import EventKind
from siscon.domain.runs import Lane, Run, RunKind, RunStatus
from siscon.domain.schedules import parse
from siscon.engine.clock import CLOCK_LEASE, Clock
from siscon.engine.leases import Holdings
from siscon.engine.moments import wall_ms
from siscon.store import events, integrations, runs
from siscon.store.sqlite import SqliteDatabase
from support.clock import HandClock, until

NIGHTLY = "0 2 * * *"
NOON_MS = int(datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp() * 1000)
HOUR_S = 3600


def a_clock(db: SqliteDatabase, clock: HandClock, line: str = NIGHTLY, zone: str = "UTC") -> Clock:
    holdings = Holdings(db, "one", now_ms=clock.now_ms)
    return Clock(db, holdings, {"harbor": parse(line)}, ZoneInfo(zone), clock.now_ms)


async def queued(db: SqliteDatabase) -> list[Run]:
    async with db.read() as c:
        return [run for run in await runs.latest(c) if run.status is RunStatus.QUEUED]


async def kinds(db: SqliteDatabase) -> list[EventKind]:
    async with db.read() as c:
        return [one.kind for one in await events.latest(c)]


async def end(db: SqliteDatabase, run: Run) -> None:
    async with db.transaction() as c:
        await runs.move(c, run.id, RunStatus.CANCELLED, now_ms=1)


@pytest.fixture
def noon() -> HandClock:
    return HandClock(at_ms=NOON_MS)


async def test_a_new_schedule_waits_for_its_first_moment(db: SqliteDatabase, noon: HandClock):
    next_ms = await a_clock(db, noon).catch_up("harbor")

    assert next_ms == NOON_MS + 14 * HOUR_S * 1000
    assert await queued(db) == []
    async with db.read() as c:
        stored = await integrations.one(c, "harbor")
    assert stored is not None
    assert stored.next_due_at_ms == next_ms


async def test_a_due_schedule_queues_one_run_for_that_moment(db: SqliteDatabase, noon: HandClock):
    due_ms = await a_clock(db, noon).catch_up("harbor")
    noon.forward(14 * HOUR_S + 1)
    await a_clock(db, noon).catch_up("harbor")
    await a_clock(db, noon).catch_up("harbor")

    assert [run.due_at_ms for run in await queued(db)] == [due_ms]
    assert await kinds(db) == [EventKind.RUN_QUEUED]


async def test_five_missed_nights_run_once_and_are_reported(db: SqliteDatabase, noon: HandClock):
    await a_clock(db, noon).catch_up("harbor")
    noon.forward(5 * 24 * HOUR_S)
    next_ms = await a_clock(db, noon).catch_up("harbor")

    assert len(await queued(db)) == 1
    assert await kinds(db) == [EventKind.SCHEDULE_MISSED]
    assert next_ms is not None
    assert next_ms > noon.now_ms()


async def test_two_clocks_that_overlap_queue_one_run(db: SqliteDatabase, noon: HandClock):
    due_ms = await a_clock(db, noon).catch_up("harbor")
    noon.forward(14 * HOUR_S)
    await a_clock(db, noon).catch_up("harbor")
    first = (await queued(db))[0]
    await end(db, first)
    async with db.transaction() as c:
        await integrations.set_due(c, "harbor", due_ms)
    await a_clock(db, noon).catch_up("harbor")

    assert await queued(db) == []


async def test_while_a_run_is_under_way_a_due_moment_is_only_reported(db: SqliteDatabase, noon: HandClock):
    hourly = "0 * * * *"
    await a_clock(db, noon, hourly).catch_up("harbor")
    noon.forward(HOUR_S)
    await a_clock(db, noon, hourly).catch_up("harbor")
    noon.forward(HOUR_S)
    await a_clock(db, noon, hourly).catch_up("harbor")

    assert len(await queued(db)) == 1
    assert await kinds(db) == [EventKind.SCHEDULE_MISSED, EventKind.RUN_QUEUED]


async def test_a_paused_integration_starts_nothing_and_does_not_catch_up_later(
    db: SqliteDatabase, noon: HandClock
):
    await a_clock(db, noon).catch_up("harbor")
    async with db.transaction() as c:
        await integrations.set_paused(c, "harbor", True)
    noon.forward(48 * HOUR_S)
    await a_clock(db, noon).catch_up("harbor")
    async with db.transaction() as c:
        await integrations.set_paused(c, "harbor", False)
    await a_clock(db, noon).catch_up("harbor")

    assert await queued(db) == []


async def test_a_daily_run_comes_once_on_the_night_the_clocks_go_back(db: SqliteDatabase):
    zone = "America/New_York"
    clock = HandClock(at_ms=int(datetime(2026, 10, 31, 16, tzinfo=UTC).timestamp() * 1000))
    await a_clock(db, clock, "30 1 * * *", zone).catch_up("harbor")
    started = 0
    for _ in range(24 * 4):
        clock.forward(HOUR_S / 4)
        await a_clock(db, clock, "30 1 * * *", zone).catch_up("harbor")
        for run in await queued(db):
            started += 1
            await end(db, run)

    assert started == 1


async def test_a_wall_clock_set_back_a_day_fires_nothing_twice(db: SqliteDatabase, noon: HandClock):
    await a_clock(db, noon).catch_up("harbor")
    noon.forward(14 * HOUR_S + 10)
    await a_clock(db, noon).catch_up("harbor")
    await end(db, (await queued(db))[0])
    noon.forward(-24 * HOUR_S)
    await a_clock(db, noon).catch_up("harbor")
    noon.forward(24 * HOUR_S)
    await a_clock(db, noon).catch_up("harbor")

    assert await queued(db) == []


async def test_the_clock_runs_with_its_lease_and_fires_what_is_due(db: SqliteDatabase):
    async with db.transaction() as c:
        await integrations.set_due(c, "harbor", wall_ms() + 300)
    running = Clock(
        db, Holdings(db, "one", now_ms=wall_ms), {"harbor": parse("* * * * *")}, ZoneInfo("UTC"), wall_ms
    )
    second = Clock(
        db, Holdings(db, "two", now_ms=wall_ms), {"harbor": parse("* * * * *")}, ZoneInfo("UTC"), wall_ms
    )
    tasks = [asyncio.create_task(one.run(every_s=0.05)) for one in (running, second)]
    try:
        await until(lambda: running.holdings.held(CLOCK_LEASE) is not None)

        async def is_armed() -> bool:
            async with db.read() as c:
                stored = await integrations.one(c, "harbor")
            return stored is not None and (stored.next_due_at_ms or 0) > wall_ms() - 1000

        await until(is_armed)
        assert second.holdings.held(CLOCK_LEASE) is None
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def test_a_clock_that_has_lost_its_lease_writes_nothing(db: SqliteDatabase, noon: HandClock):
    clock = a_clock(db, noon)

    await clock._arm_again("harbor")

    async with db.read() as c:
        stored = await integrations.one(c, "harbor")
    assert stored is not None
    assert stored.next_due_at_ms is None


def full_clock(db: SqliteDatabase, clock: HandClock, line: str, full: str) -> Clock:
    holdings = Holdings(db, "one", now_ms=clock.now_ms)
    schedules = {"harbor": parse(line)} if line else {}
    return Clock(db, holdings, schedules, ZoneInfo("UTC"), clock.now_ms, {"harbor": parse(full)})


async def test_a_full_comparison_has_its_own_schedule_and_takes_the_place_of_the_other(
    db: SqliteDatabase, noon: HandClock
):
    clock = full_clock(db, noon, "0 * * * *", "0 14 * * *")
    queued_as = []
    for _ in range(4):
        await clock.catch_up("harbor")
        for run in await queued(db):
            queued_as.append((run.full, run.due_at_ms))
            await end(db, run)
        noon.forward(HOUR_S)

    assert queued_as == [
        (False, NOON_MS + HOUR_S * 1000),
        (True, NOON_MS + 2 * HOUR_S * 1000),
        (False, NOON_MS + 3 * HOUR_S * 1000),
    ]


async def test_a_full_comparison_is_put_off_while_a_run_is_under_way_and_not_lost(
    db: SqliteDatabase, noon: HandClock
):
    clock = full_clock(db, noon, "", "0 14 * * 6")
    await clock.catch_up("harbor")
    async with db.transaction() as c:
        await runs.enqueue(
            c,
            integration="harbor",
            kind=RunKind.IMPORT,
            lane=Lane.BULK,
            entities=(),
            full=False,
            requested_by="ann",
            due_at_ms=None,
            now_ms=1,
        )
    noon.forward(2 * HOUR_S)
    again_ms = await clock.catch_up("harbor")
    (busy,) = await queued(db)
    assert (busy.requested_by, again_ms) == ("ann", noon.now_ms() + 60_000)

    await end(db, busy)
    noon.forward(60)
    next_ms = await clock.catch_up("harbor")

    (run,) = await queued(db)
    assert (run.full, run.due_at_ms) == (True, NOON_MS + 2 * HOUR_S * 1000)
    assert next_ms == NOON_MS + (7 * 24 + 2) * HOUR_S * 1000
