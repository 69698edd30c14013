"""The shared pace: never more than allowed in any minute, whoever asks."""

from __future__ import annotations

import asyncio

from siscon.store import ratelimits
from siscon.store.database import Connection, Database
from support.databases import OpenDatabase

MINUTE_MS = 60_000


async def slot(c: Connection, now_ms: int, requests: int = 60) -> int:
    wait_ms = await ratelimits.reserve(c, "a", requests=requests, per_s=60, now_ms=now_ms)
    return now_ms + wait_ms


async def test_two_engines_together_keep_the_limit_in_any_minute(db: Database, another: OpenDatabase) -> None:
    sent: list[int] = []

    async def send(where: Database) -> None:
        now_ms = 1_000_000
        for _ in range(80):
            async with where.transaction() as c:
                now_ms = await slot(c, now_ms)
            sent.append(now_ms)

    async with another() as other:
        await asyncio.gather(send(db), send(other))

    sent.sort()
    assert len(sent) == 160
    assert max(sum(1 for one in sent if begin <= one < begin + MINUTE_MS) for begin in sent) <= 60


async def test_a_pause_holds_everybody_and_a_shorter_one_does_not_shorten_it(db: Database) -> None:
    async with db.transaction() as c:
        await ratelimits.pause(c, "a", 50_000)
        await ratelimits.pause(c, "a", 20_000)

        assert await ratelimits.look(c, "a") == (0, 50_000)
        assert await slot(c, 10_000) == 50_000
        assert await slot(c, 10_000, requests=0) == 50_000
        assert await slot(c, 60_000) == 60_000


async def test_without_a_limit_nothing_waits_and_nothing_is_written(db: Database) -> None:
    async with db.transaction() as c:
        assert [await slot(c, 5, requests=0) for _ in range(3)] == [5, 5, 5]
        assert await ratelimits.look(c, "a") == (0, 0)


async def test_a_clock_set_back_by_a_day_does_not_stop_the_work(db: Database) -> None:
    async with db.transaction() as c:
        await slot(c, 90_000_000)
        await ratelimits.pause(c, "a", 90_000_000)

        assert await slot(c, 1_000_000) <= 1_000_000 + 17 * MINUTE_MS
