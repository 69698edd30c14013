"""A gate in memory for tests, tools and one-process uses; the engine's own gate stands in the database."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from math import inf

from siscon.domain.retry import pace_of, reserve
from siscon.providers.contract import Rate


def _monotonic_ms() -> int:
    return int(time.monotonic() * 1000)


class MemoryGate:
    """Lets at most ``rate.requests`` through in any window, and nobody before a pause is over."""

    def __init__(
        self,
        rate: Rate,
        *,
        now_ms: Callable[[], int] = _monotonic_ms,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._pace = pace_of(rate.requests, rate.per_s, min_interval_s=rate.min_interval_s)
        self._now_ms = now_ms
        self._sleep = sleep
        self._tat_ms = 0
        self._paused_until_ms = 0
        self.good = 0
        self.bad = 0

    async def enter(self) -> bool:
        """Wait for the next slot; every attempt takes one, and none probes."""
        await self.slot()
        return False

    async def abandon(self) -> None:
        """Nobody waits for a probe."""

    async def slot(self, late_s: float = inf) -> None:  # noqa: ARG002 - in memory every slot is taken anew
        """Wait for a slot; one that a pause has eaten is taken anew."""
        while True:
            await self._sit_out_pause()
            if self._pace is None:
                return
            self._tat_ms, wait_ms = reserve(self._tat_ms, self._now_ms(), self._pace)
            if wait_ms > 0:
                await self._sleep(wait_ms / 1000)
            if self._paused_until_ms <= self._now_ms():
                return

    async def _sit_out_pause(self) -> None:
        while (wait_ms := self._paused_until_ms - self._now_ms()) > 0:
            await self._sleep(wait_ms / 1000)

    async def pause(self, seconds: float) -> None:
        """Nobody enters for so long; a shorter pause never shortens a longer one."""
        self._paused_until_ms = max(self._paused_until_ms, self._now_ms() + int(seconds * 1000))

    async def report(self, ok: bool) -> None:
        """Count how it went."""
        if ok:
            self.good += 1
        else:
            self.bad += 1
