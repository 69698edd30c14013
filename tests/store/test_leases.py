"""Leases: who holds what, and the fence that only grows."""

from __future__ import annotations

import pytest

from siscon.domain.errors import LeaseLost
from siscon.domain.leases import EngineInfo, Lease
from siscon.store import leases
from siscon.store.database import Connection, Database

DAY_MS = 86_400_000


async def take(c: Connection, owner: str, now_ms: int) -> Lease | None:
    return await leases.take(c, "clock", owner, ttl_s=10, now_ms=now_ms)


async def test_a_lease_is_held_until_it_runs_out_and_the_fence_grows_with_the_owner(db: Database) -> None:
    async with db.transaction() as c:
        assert await take(c, "one", 0) == Lease("clock", "one", 1)
        assert await take(c, "two", 10_000) is None
        assert await leases.holder(c, "clock", now_ms=10_000) == "one"
        assert await leases.holder(c, "clock", now_ms=10_001) is None
        assert await take(c, "two", 10_001) == Lease("clock", "two", 2)
        assert await take(c, "one", 20_002) == Lease("clock", "one", 3)


async def test_the_same_owner_goes_on_under_the_same_fence(db: Database) -> None:
    async with db.transaction() as c:
        first = await take(c, "one", 0)
        again = await take(c, "one", 50_000)

        assert first == again
        assert await leases.holder(c, "clock", now_ms=60_000) == "one"


async def test_renewing_holds_it_and_fails_once_another_has_it(db: Database) -> None:
    async with db.transaction() as c:
        lease = await take(c, "one", 0)
        assert lease is not None
        assert await leases.renew(c, lease, ttl_s=10, now_ms=9_000) is True
        assert await take(c, "two", 15_000) is None
        await take(c, "two", 19_001)

        assert await leases.renew(c, lease, ttl_s=10, now_ms=19_002) is False
    with pytest.raises(LeaseLost):
        async with db.transaction(lease):
            pass


async def test_a_lease_given_back_is_free_at_once_and_its_fence_never_comes_again(db: Database) -> None:
    async with db.transaction() as c:
        lease = await take(c, "one", 0)
        assert lease is not None
        await leases.release(c, lease)

        assert await leases.holder(c, "clock", now_ms=0) is None
        assert await take(c, "one", 1) == Lease("clock", "one", 2)
        await leases.release(c, lease)
        assert await leases.holder(c, "clock", now_ms=2) == "one"


async def test_what_is_taken_away_from_the_dead_stays_away(db: Database) -> None:
    async with db.transaction() as c:
        lease = await take(c, "one", 0)
        assert lease is not None

        assert await leases.take_away(c, "one") == 1
        assert await leases.renew(c, lease, ttl_s=10, now_ms=1) is False
    with pytest.raises(LeaseLost):
        async with db.transaction(lease):
            pass


async def test_a_clock_set_back_by_a_day_locks_nobody_out(db: Database) -> None:
    async with db.transaction() as c:
        await take(c, "dead", DAY_MS)

        assert await take(c, "two", 1_000) == Lease("clock", "two", 2)


async def test_an_engine_lives_as_long_as_its_lease_and_no_goodbye(db: Database) -> None:
    def engine(name: str) -> EngineInfo:
        return EngineInfo(name, "host", 7, "1.0", started_at_ms=5, seen_at_ms=5, alive=False)

    async def living(now_ms: int) -> list[str]:
        return [one.id for one in await leases.engines(c, now_ms=now_ms) if one.alive]

    async with db.transaction() as c:
        for name in ("one", "two"):
            await leases.register_engine(c, engine(name))
            await leases.take(c, f"engine:{name}", name, ttl_s=10, now_ms=0)
        await leases.seen(c, "one", 9)

        assert await living(10_000) == ["one", "two"]
        await leases.engine_stopped(c, "two", 11)
        assert await living(10_000) == ["one"]
        assert await living(10_001) == []
        assert {one.id: one.seen_at_ms for one in await leases.engines(c, now_ms=0)} == {"one": 9, "two": 11}


async def test_engines_that_ended_long_ago_are_forgotten_and_who_lives_is_not(db: Database) -> None:
    async with db.transaction() as c:
        for name in ("old", "young", "alive"):
            info = EngineInfo(name, "host", 1, "0", 0, 0, alive=True)
            await leases.register_engine(c, info)
            assert await leases.take(c, f"engine:{name}", name, ttl_s=10, now_ms=0)
        for name, at_ms in (("old", 1), ("young", 50 * DAY_MS)):
            await leases.take_away(c, name)
            await leases.engine_stopped(c, name, at_ms)
        await leases.forget_engines(c, 40 * DAY_MS)

        assert sorted(one.id for one in await leases.engines(c, now_ms=1)) == ["alive", "young"]
        rows = await c.all("SELECT name FROM leases WHERE name LIKE 'engine:%' ORDER BY name")
        assert [row["name"] for row in rows] == ["engine:alive", "engine:young"]
