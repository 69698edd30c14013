"""The stored gate: no window ever holds more than allowed, also across a restart; without a rate no database."""

from __future__ import annotations

import asyncio

import pytest

from siscon.engine.gate import StoredGate
from siscon.engine.meter import CURRENT, Meter
from siscon.providers.contract import Rate
from siscon.store import ratelimits, runs
from siscon.store.sqlite import SqliteDatabase
from support.clock import HandClock, until
from support.runs import a_run

MINUTE_MS = 60_000


def gate(db: SqliteDatabase, clock: HandClock, requests: int) -> StoredGate:
    return StoredGate(db, "harbor", Rate(requests=requests), now_ms=clock.now_ms, sleep=clock.sleep)


def most_in_a_minute(sent_ms: list[int]) -> int:
    return max(sum(start <= one < start + MINUTE_MS for one in sent_ms) for start in sent_ms)


@pytest.mark.parametrize("requests", [60, 80, 100, 3])
async def test_no_minute_holds_more_requests_than_allowed(
    db: SqliteDatabase, clock: HandClock, requests: int
):
    sent_ms = []
    entry = gate(db, clock, requests)
    for n in range(requests * 2):
        if n % 7 == 0:
            entry = gate(db, clock, requests)
        await entry.enter()
        sent_ms.append(clock.now_ms())

    assert most_in_a_minute(sent_ms) <= requests


async def test_two_lanes_share_one_rate(db: SqliteDatabase, clock: HandClock):
    sent_ms: list[int] = []

    async def lane() -> None:
        entry = gate(db, clock, 60)
        for _ in range(60):
            await entry.enter()
            sent_ms.append(clock.now_ms())

    await asyncio.gather(lane(), lane())

    assert most_in_a_minute(sent_ms) <= 60


async def test_a_pause_holds_everybody_back_also_after_a_restart(db: SqliteDatabase, clock: HandClock):
    await gate(db, clock, 60).pause(30)
    begun_ms = clock.now_ms()
    await gate(db, clock, 60).enter()

    assert clock.now_ms() - begun_ms >= 30_000


async def test_without_a_rate_the_database_is_left_alone(db: SqliteDatabase, clock: HandClock):
    entry = gate(db, clock, 0)
    await entry.pause(2)
    begun_ms = clock.now_ms()
    async with db.transaction():
        await asyncio.wait_for(entry.enter(), 1)
        await asyncio.wait_for(entry.enter(), 1)
        await entry.report(ok=True)

    assert clock.now_ms() - begun_ms >= 2000
    async with db.read() as c:
        assert await ratelimits.look(c, "harbor") == (0, 0)


async def test_a_run_shows_until_when_it_waits(db: SqliteDatabase, clock: HandClock):
    run_id = await a_run(db, clock.now_ms())
    blocked = asyncio.Event()

    async def wait_for_ever(_seconds: float) -> None:
        await blocked.wait()

    entry = StoredGate(db, "harbor", Rate(requests=60), now_ms=clock.now_ms, sleep=wait_for_ever)
    CURRENT.set(Meter(run_id))
    await entry.pause(20)
    waiting = asyncio.create_task(entry.enter())

    async def shown() -> bool:
        async with db.read() as c:
            run = await runs.get(c, run_id)
        return run is not None and run.waiting_until_ms == clock.now_ms() + 20_000

    await until(shown)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
