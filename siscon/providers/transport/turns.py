"""Turns where only so many may go at once; who waits goes by rank, and in order within a rank."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """At most ``at_once`` holders (0: any number); of those who wait the lowest rank goes first."""

    def __init__(self, at_once: int) -> None:
        self._is_bounded = at_once > 0
        self._free = at_once
        self._waiting: defaultdict[int, deque[asyncio.Future[None]]] = defaultdict(deque)

    @asynccontextmanager
    async def turn(self, rank: int) -> AsyncIterator[None]:
        """Hold a turn for the length of a block."""
        if not self._is_bounded:
            yield
            return
        await self._take(self._waiting[rank])
        try:
            yield
        finally:
            self._give_back()

    async def _take(self, queue: deque[asyncio.Future[None]]) -> None:
        if self._free > 0:
            self._free -= 1
            return
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self._give_back()
            raise

    def _give_back(self) -> None:
        for rank in sorted(self._waiting):
            queue = self._waiting[rank]
            while queue:
                waiter = queue.popleft()
                if not waiter.done():
                    waiter.set_result(None)
                    return
        self._free += 1
