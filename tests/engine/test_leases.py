"""An engine renews all its leases together and hears at once of those it has lost."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest

from siscon.domain.errors import LeaseLost
from siscon.domain.leases import LEASE_TTL_S
from siscon.engine.leases import Holdings
from siscon.store import leases
from siscon.store.sqlite import SqliteDatabase
from support.clock import HandClock, until


async def test_a_lease_renewed_in_time_is_not_taken_over(db: SqliteDatabase, clock: HandClock):
    one = Holdings(db, "one", now_ms=clock.now_ms)
    two = Holdings(db, "two", now_ms=clock.now_ms)
    await one.take("clock", on_lost=pytest.fail)
    for _ in range(4):
        clock.forward(LEASE_TTL_S * 0.8)
        await one.beat()

    assert await two.take("clock", on_lost=pytest.fail) is None


async def test_a_lease_that_ran_out_and_was_taken_over_is_reported_lost_and_opens_nothing(
    db: SqliteDatabase, clock: HandClock
):
    lost: list[str] = []
    one = Holdings(db, "one", now_ms=clock.now_ms)
    two = Holdings(db, "two", now_ms=clock.now_ms)
    lease = await one.take("clock", on_lost=lambda: lost.append("clock"))
    kept = await one.take("credential:harbor", on_lost=lambda: lost.append("credential"))
    assert lease is not None
    clock.forward(LEASE_TTL_S + 1)
    await two.take("clock", on_lost=pytest.fail)
    await one.beat()

    assert lost == ["clock"]
    assert (one.held("clock"), one.held("credential:harbor")) == (None, kept)
    with pytest.raises(LeaseLost):
        async with db.transaction(lease):
            pass


async def test_released_leases_are_free_at_once(db: SqliteDatabase, clock: HandClock):
    one = Holdings(db, "one", now_ms=clock.now_ms)
    two = Holdings(db, "two", now_ms=clock.now_ms)
    await one.take("a", on_lost=pytest.fail)
    await one.take("b", on_lost=pytest.fail)
    await one.release("a")
    await one.release_all()

    assert await two.take("a", on_lost=pytest.fail)
    assert await two.take("b", on_lost=pytest.fail)


async def test_leases_of_a_dead_owner_are_taken_away_with_their_fence(db: SqliteDatabase, clock: HandClock):
    one = Holdings(db, "one", now_ms=clock.now_ms)
    lease = await one.take("a", on_lost=lambda: None)
    async with db.transaction() as c:
        assert await leases.take_away(c, "one") == 1
    again = await one.take("a", on_lost=lambda: None)

    assert lease is not None
    assert again is not None
    assert again.fence > lease.fence


async def test_the_heartbeat_outlives_a_database_that_is_locked_for_a_while(
    db: SqliteDatabase, clock: HandClock
):
    one = Holdings(db, "one", now_ms=clock.now_ms)
    await one.take("a", on_lost=pytest.fail)
    other = sqlite3.connect(db.path, isolation_level=None)
    heart = asyncio.create_task(one.beat_for_ever(every_s=0.01))
    try:
        other.execute("BEGIN IMMEDIATE")
        await asyncio.sleep(0.2)
        assert not heart.done()
        other.execute("COMMIT")
        clock.forward(5)

        async def renewed() -> bool:
            async with db.read() as c:
                row = await c.one("SELECT expires_at_ms FROM leases WHERE name = 'a'")
            return row is not None and row["expires_at_ms"] >= clock.now_ms() + LEASE_TTL_S * 1000

        await until(renewed)
    finally:
        heart.cancel()
        other.close()
        await asyncio.wait([heart])


async def test_that_the_database_refuses_is_known_for_as_long_as_it_does(
    db: SqliteDatabase, clock: HandClock
):
    one = Holdings(db, "one", now_ms=clock.now_ms)
    away = db.path.with_name("away.db")
    heart = asyncio.create_task(one.beat_for_ever(every_s=0.01))
    try:
        db.path.rename(away)
        await until(lambda: "was deleted or replaced" in one.refused)
        away.rename(db.path)
        await until(lambda: one.refused == "")
    finally:
        heart.cancel()
        await asyncio.wait([heart])
