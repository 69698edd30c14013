"""The rate gate of a credential: slots stand in the database, so that neither crash nor second engine overshoots."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from siscon.engine.meter import CURRENT
from siscon.providers.contract import Rate
from siscon.store import ratelimits, runs
from siscon.store.database import Connection, Database

TELL_FROM_MS = 1000
"""Waits longer than this are shown on the run."""


class StoredGate:
    """Lets requests through one by one: a slot is committed first, then waited for, then used.

    Without a rate (``requests`` 0) it keeps pauses in memory and never touches the database.
    """

    def __init__(
        self,
        db: Database,
        key: str,
        rate: Rate,
        *,
        now_ms: Callable[[], int],
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._db = db
        self._key = key
        self._rate = rate
        self._now_ms = now_ms
        self._sleep = sleep
        self._paused_until_ms = 0
        self._told: set[int] = set()

    @property
    def _is_open(self) -> bool:
        return self._rate.requests <= 0

    async def enter(self) -> None:
        """Wait for a slot of one's own; one that a pause has eaten is taken anew."""
        while True:
            slot_ms = self._paused_until_ms if self._is_open else await self._reserve()
            await self._wait_until(slot_ms)
            if self._paused_until_ms <= self._now_ms():
                return

    async def pause(self, seconds: float) -> None:
        """Nobody enters for so long; a shorter pause never shortens a longer one."""
        until_ms = self._now_ms() + int(seconds * 1000)
        self._paused_until_ms = max(self._paused_until_ms, until_ms)
        if not self._is_open:
            async with self._db.transaction() as c:
                await ratelimits.pause(c, self._key, until_ms)

    async def report(self, ok: bool) -> None:
        """How an attempt went. The run counts failures; the gate needs no memory of them."""

    async def _reserve(self) -> int:
        """Take the next slot; the moment it begins. The clock is read once the database is ours to write."""
        async with self._db.transaction() as c:
            now_ms = self._now_ms()
            wait_ms = await ratelimits.reserve(
                c, self._key, requests=self._rate.requests, per_s=self._rate.per_s, now_ms=now_ms
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
