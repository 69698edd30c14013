"""The gate of a credential: its rate, its pauses, its breaker. All stand in the database, so that neither crash nor
second engine overshoots, and everybody can see why nothing moves.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from math import ceil, inf
from typing import Any

from siscon.domain.events import EventKind, Level
from siscon.domain.retry import Breaker, after_failure, breaker_state, grace_ms, pace_of
from siscon.engine.meter import CURRENT, count_failure, count_throttled, rank
from siscon.providers.contract import Rate
from siscon.providers.transport.turns import Turns
from siscon.store import events, integrations, ratelimits, runs
from siscon.store.database import Connection, Database

TELL_FROM_MS = 1000
"""Waits longer than this are shown on the run."""

PROBE_MS = 120_000
"""A probe not heard of for so long was given up; the next request may probe."""

LOOK_AGAIN_MS = 1_000

BEFORE_ALL = -1
"""The rank of a request that was let through before: sooner than that of any lane."""


class StoredGate:
    """Lets requests through one by one: a slot is committed first, then waited for, then used.

    After several failures in a row (no answer, or a fault of the server) nobody is let through for a while, then
    one request of one engine that probes; ``probe_ms`` after it left it counts as given up. Without a rate only
    pauses and failures are written: while all is well nothing is. ``sharers`` are all who use the credential, this
    one among them: they keep rate and pauses together.
    """

    def __init__(
        self,
        db: Database,
        key: str,
        rate: Rate,
        *,
        now_ms: Callable[[], int],
        sharers: Sequence[str] = (),
        probe_ms: int = PROBE_MS,
        host: str = "the SIS",
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        luck: Callable[[], float] = random.random,
    ) -> None:
        self._db = db
        self._key = key
        self._sharers = sharers or (key,)
        self._rate = rate
        self._now_ms = now_ms
        self._probe_ms = probe_ms
        self._sleep = sleep
        self._luck = luck
        self._turns = Turns(1)
        self._grace_ms = _grace_ms(rate)
        self._paused_until_ms = 0
        self._spare_ms = 0
        self._breaker = Breaker()
        self._probe = Breaker()
        self._host = host
        self._is_known = False
        self._told: set[int] = set()

    @property
    def _is_open(self) -> bool:
        return self._rate.requests <= 0 and self._rate.min_interval_s <= 0

    async def enter(self) -> bool:
        """Wait until the breaker lets one through, then for a slot; whether that one probes."""
        while True:
            await self._sit_out_breaker()
            await self._slot(rank(), is_fresh=True)
            if self._breaker.open_until_ms == 0:
                return False
            state = await self._try_to_probe()
            if state in ("closed", "ready"):
                return state == "ready"

    async def abandon(self) -> None:
        """The request that probed has ended; unless it was told how it went, another may probe at once.

        Mostly it was cancelled, and that may arrive as late as here: what was begun is ended first.
        """
        giving_back = asyncio.ensure_future(self._give_back())
        try:
            await asyncio.shield(giving_back)
        except asyncio.CancelledError:
            await giving_back
            raise

    async def _give_back(self) -> None:
        async with self._db.transaction() as c:
            if self._probe.probing and await integrations.breaker(c, self._key) == self._probe:
                self._breaker = replace(self._probe, open_until_ms=self._now_ms(), probing=False)
                await integrations.save_breaker(c, self._key, self._breaker)
        self._probe = Breaker()

    async def slot(self, late_s: float = inf) -> None:
        """Wait for a slot of one's own, whatever the breaker says, before all others: a turn may be held meanwhile.

        Who had one ``late_s`` ago keeps it, unless a pause has eaten it or the rate does not allow to leave so late.
        """
        if late_s < inf:
            await self._look()
            if late_s * 1000 <= self._grace_ms and self._pause_left_ms() == 0:
                return
        await self._slot(BEFORE_ALL)

    async def _slot(self, mine: int, *, is_fresh: bool = False) -> None:
        """Whoever is next reserves when the one before has left, so however many wait, one of them has a slot.

        Next is the lane for which somebody waits, be the queue of an import ever so long: who waits for a slot
        already leaves it to a sooner lane.
        """
        again = False
        while True:
            async with self._turns.turn(mine, first=again):
                slot_ms = await self._next_slot(is_fresh=is_fresh)
                if await self._reached(slot_ms, mine) and self._pause_left_ms() == 0:
                    return
            is_fresh = again = True

    async def _next_slot(self, *, is_fresh: bool) -> int:
        """The moment of the next request: of a slot that another has left, else of a new one."""
        now_ms = self._now_ms()
        if not self._is_open:
            spare_ms, self._spare_ms = self._spare_ms, 0
            if not now_ms < spare_ms <= now_ms + ratelimits.PAUSE_MOST_MS:
                return await self._reserve()
            slot_ms = spare_ms
        else:
            if not is_fresh:
                await self._look()
            slot_ms = self._now_ms() + self._pause_left_ms()
        if slot_ms > now_ms + TELL_FROM_MS:
            async with self._db.transaction() as c:
                await self._tell(c, slot_ms)
        return slot_ms

    async def _reached(self, slot_ms: int, mine: int) -> bool:
        """Wait for a slot; False when it was left to a sooner lane. One that nobody used is kept for the next."""
        reached = False
        try:
            reached = await self._wait_unless_outranked(slot_ms, mine)
        finally:
            if not reached and not self._is_open:
                self._spare_ms = slot_ms
        return reached

    async def _wait_unless_outranked(self, slot_ms: int, mine: int) -> bool:
        wait_ms = slot_ms - self._now_ms()
        if wait_ms <= 0:
            return True
        sleeping = asyncio.ensure_future(self._sleep((wait_ms + 1) / 1000))
        watching = asyncio.ensure_future(self._turns.outranked(mine))
        both: set[asyncio.Future[Any]] = {sleeping, watching}
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if not sleeping.done():
                return False
            await self._look()
            return True
        finally:
            for one in both:
                one.cancel()
            await asyncio.gather(*both, return_exceptions=True)

    async def pause(self, seconds: float) -> None:
        """Nobody enters for so long; a shorter pause never shortens a longer one."""
        until_ms = self._now_ms() + ceil(seconds * 1000)
        count_throttled()
        self._hold_until(until_ms)
        async with self._db.transaction() as c:
            await ratelimits.pause(c, self._sharers, until_ms, now_ms=self._now_ms())

    async def report(self, ok: bool, *, host: str = "") -> None:
        """How an attempt went: failures in a row open the breaker, one good answer closes it.

        ``host`` is who was asked, where that is not the SIS itself but its token server.
        """
        host = host or self._host
        if not ok:
            count_failure()
        is_first, self._is_known = not self._is_known, True
        if ok and self._breaker == Breaker():
            return
        async with self._db.transaction() as c:
            before, now_ms = await integrations.breaker(c, self._key), self._now_ms()
            self._breaker = after = Breaker() if ok else after_failure(before, now_ms, luck=self._luck())
            if after == before:
                return
            await integrations.save_breaker(c, self._key, after)
            if is_first and not ok:
                text = f"{self._key}: {host} gave no good answer to the first request; it is asked again"
                await self._report(c, EventKind.RUN_WAITING, Level.WARNING, text)
            if after.open_until_ms:
                seconds = (after.open_until_ms - now_ms) // 1000
                failed = f"{self._key}: {after.failures} requests in a row to {host} failed"
                text = f"{failed}; the next is sent in {seconds} s"
                await self._report(c, EventKind.BREAKER_OPENED, Level.WARNING, text)
            elif before.open_until_ms:
                await self._report(
                    c, EventKind.BREAKER_CLOSED, Level.INFO, f"{self._key}: {host} answers again"
                )

    async def _report(self, c: Connection, kind: EventKind, level: Level, text: str) -> None:
        meter = CURRENT.get()
        run_id = meter.run_id if meter is not None else None
        await events.append(c, kind, level, text, integration=self._key, run_id=run_id, at_ms=self._now_ms())

    async def _look(self) -> None:
        """See what other tasks and engines have found out about the SIS."""
        async with self._db.read() as c:
            self._breaker = await integrations.breaker(c, self._key)
            self._hold_until((await ratelimits.look(c, self._sharers))[1])

    async def _sit_out_breaker(self) -> None:
        """Wait while the breaker is open or another request probes."""
        while True:
            await self._look()
            now_ms = self._now_ms()
            state = breaker_state(self._breaker, now_ms)
            if state not in ("open", "trying"):
                return
            until_ms = self._breaker.open_until_ms if state == "open" else now_ms + LOOK_AGAIN_MS
            async with self._db.transaction() as c:
                await self._tell(c, until_ms)
            await self._wait_until(until_ms)

    async def _try_to_probe(self) -> str:
        """Become the one request that probes where the breaker is ready for one; how it was found.

        Another, of whatever engine, may have become it first.
        """
        try:
            async with self._db.transaction() as c:
                self._breaker, now_ms = await integrations.breaker(c, self._key), self._now_ms()
                state = breaker_state(self._breaker, now_ms)
                if state == "ready":
                    until_ms = now_ms + self._probe_ms
                    self._breaker = self._probe = replace(self._breaker, open_until_ms=until_ms, probing=True)
                    await integrations.save_breaker(c, self._key, self._breaker)
                    await self._tell(c, None)
        except asyncio.CancelledError:
            await self.abandon()
            raise
        return state

    def _hold_until(self, moment_ms: int) -> None:
        """Of two pauses the one that lasts longer counts."""
        if self._left_ms(moment_ms) > self._pause_left_ms():
            self._paused_until_ms = moment_ms

    def _pause_left_ms(self) -> int:
        return self._left_ms(self._paused_until_ms)

    def _left_ms(self, until_ms: int) -> int:
        left_ms = until_ms - self._now_ms()
        return left_ms if 0 < left_ms <= ratelimits.PAUSE_MOST_MS else 0

    async def _reserve(self) -> int:
        """Take the next slot; the moment it begins. The clock is read once the database is ours to write."""
        async with self._db.transaction() as c:
            now_ms = self._now_ms()
            wait_ms = await ratelimits.reserve(
                c,
                self._sharers,
                requests=self._rate.requests,
                per_s=self._rate.per_s,
                min_interval_s=self._rate.min_interval_s,
                now_ms=now_ms,
            )
            await self._tell(c, now_ms + wait_ms if wait_ms > TELL_FROM_MS else None)
        return now_ms + wait_ms

    async def _tell(self, c: Connection, until_ms: int | None) -> None:
        """Show on the run until when it waits; take it away when it no longer does."""
        meter = CURRENT.get()
        if meter is None or (until_ms is None and meter.run_id not in self._told):
            return
        (self._told.discard if until_ms is None else self._told.add)(meter.run_id)
        await runs.add_requests(c, meter.run_id, 0, until_ms)

    async def _wait_until(self, moment_ms: int) -> None:
        wait_ms = moment_ms - self._now_ms()
        if wait_ms > 0:
            await self._sleep((wait_ms + 1) / 1000)


def _grace_ms(rate: Rate) -> float:
    pace = pace_of(rate.requests, rate.per_s, min_interval_s=rate.min_interval_s)
    return inf if pace is None else grace_ms(pace, rate.requests, min_interval_s=rate.min_interval_s)
