"""The shared pace: never more than allowed in any minute, whoever asks."""

from __future__ import annotations

import asyncio

from siscon.store import ratelimits
from siscon.store.database import Connection, Database
from support.databases import OpenDatabase

MINUTE_MS = 60_000


async def slot(c: Connection, now_ms: int, requests: int = 60) -> int:
    wait_ms = await ratelimits.reserve(c, ["a"], requests=requests, per_s=60, now_ms=now_ms)
    return now_ms + wait_ms


async def test_two_engines_together_keep_the_limit_in_any_minute(db: Database, another: OpenDatabase) -> None:
    sent: list[int] = []
    now_ms = 1_000_000

    async with another() as other:
        for number in range(160):
            async with (db, other)[number % 2].transaction() as c:
                now_ms = await slot(c, now_ms)
            sent.append(now_ms)

    assert max(sum(1 for one in sent if begin <= one < begin + MINUTE_MS) for begin in sent) <= 60
    assert sent[-1] - sent[0] < 3 * MINUTE_MS


async def test_two_engines_that_ask_at_once_never_get_the_same_slot(
    db: Database, another: OpenDatabase
) -> None:
    async def ask(where: Database) -> int:
        async with where.transaction() as c:
            return await slot(c, 1_000_000)

    async with another() as other:
        slots = await asyncio.gather(*(ask(where) for where in [db, other] * 20))

    waiting = sorted(one for one in slots if one > 1_000_000)
    assert len(set(waiting)) == len(waiting) == 35


async def test_integrations_that_share_a_credential_share_slots_and_pauses(db: Database) -> None:
    both = ["east", "west"]
    async with db.transaction() as c:
        for number in range(10):
            who = [both, both[::-1]][number % 2]
            wait_ms = await ratelimits.reserve(c, who, requests=60, per_s=60, now_ms=1_000_000)
            assert (wait_ms > 0) == (number >= 5)
        await ratelimits.pause(c, both, 1_100_000, now_ms=1_000_000)

        assert await ratelimits.look(c, ["east"]) == await ratelimits.look(c, ["west"])
        assert await ratelimits.look(c, ["north"]) == (0, 0)
        # One that shares since a moment ago finds what the other has used up.
        assert await ratelimits.reserve(c, ["new", "east"], requests=60, per_s=60, now_ms=1_000_000) > 99_000


async def test_a_pause_holds_everybody_and_a_shorter_one_does_not_shorten_it(db: Database) -> None:
    async with db.transaction() as c:
        await ratelimits.pause(c, ["a"], 50_000, now_ms=10_000)
        await ratelimits.pause(c, ["a"], 20_000, now_ms=10_000)

        assert await ratelimits.look(c, ["a"]) == (0, 50_000)
        assert await slot(c, 10_000) == 50_000
        assert await slot(c, 10_000, requests=0) == 50_000
        assert await slot(c, 60_000) == 60_000


async def test_without_a_limit_nothing_waits_and_nothing_is_written(db: Database) -> None:
    async with db.transaction() as c:
        assert [await slot(c, 5, requests=0) for _ in range(3)] == [5, 5, 5]
        assert await ratelimits.look(c, ["a"]) == (0, 0)


async def test_a_clock_set_back_by_a_day_does_not_stop_the_work(db: Database) -> None:
    async with db.transaction() as c:
        await slot(c, 90_000_000)
        await ratelimits.pause(c, ["a"], 90_000_000, now_ms=90_000_000)

        assert await slot(c, 1_000_000) <= 1_000_000 + 17 * MINUTE_MS
