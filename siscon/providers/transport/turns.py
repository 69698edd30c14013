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
        self._arrived = asyncio.Event()

    @asynccontextmanager
    async def turn(self, rank: int, *, first: bool = False) -> AsyncIterator[bool]:
        """Hold a turn for the length of a block, which is told whether it had to be waited for.

        With ``first`` one goes before all others of the rank: after giving way.
        """
        if not self._is_bounded:
            yield False
            return
        waited = await self._take(self._waiting[rank], first=first)
        try:
            yield waited
        finally:
            self._give_back()

    async def outranked(self, rank: int) -> None:
        """Return once somebody of a lower rank waits for a turn."""
        while not any(
            not one.done() for other, queue in self._waiting.items() if other < rank for one in queue
        ):
            self._arrived.clear()
            await self._arrived.wait()

    async def _take(self, queue: deque[asyncio.Future[None]], *, first: bool) -> bool:
        if self._free > 0:
            self._free -= 1
            return False
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        (queue.appendleft if first else queue.append)(mine)
        self._arrived.set()
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self._give_back()
            raise
        return True

    def _give_back(self) -> None:
        for rank in sorted(self._waiting):
            queue = self._waiting[rank]
            while queue:
                waiter = queue.popleft()
                if not waiter.done():
                    waiter.set_result(None)
                    return
        self._free += 1
