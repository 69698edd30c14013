"""Somebody committed: one task asks the database, every loop of the engine hears of it through an ear of its own."""

from __future__ import annotations

import asyncio

from siscon.store.database import Database

QUIET_S = 5.0
"""How long one look at the database may wait for a change."""


class Ear:
    """What one loop hears. A ring between two calls of :meth:`heard` is not lost; the first call returns at once."""

    def __init__(self, *, rest_s: float) -> None:
        self._rung = asyncio.Event()
        self._rung.set()
        self._rest_s = rest_s
        self._fresh = True

    async def heard(self, *, timeout_s: float) -> None:
        """Return when the bell has rung, at the latest after ``timeout_s``; never more often than each ``rest_s``."""
        if not self._fresh:
            await asyncio.sleep(self._rest_s)
        self._fresh = False
        try:
            async with asyncio.timeout(timeout_s):
                await self._rung.wait()
        except TimeoutError:
            return
        finally:
            self._rung.clear()

    def ring(self) -> None:
        """Let this loop look again."""
        self._rung.set()


class Bell:
    """Rings every ear when anybody, in this process or another, has committed."""

    def __init__(self) -> None:
        self._ears: list[Ear] = []

    def ear(self, *, rest_s: float = 0.25) -> Ear:
        """A new ear, for one loop alone."""
        ear = Ear(rest_s=rest_s)
        self._ears.append(ear)
        return ear

    def ring(self) -> None:
        """Ring by hand: something changed that is not in the database."""
        for ear in self._ears:
            ear.ring()

    async def listen(self, db: Database) -> None:
        """Ring at each change of the database, for ever."""
        while True:
            if await db.changed(timeout_s=QUIET_S):
                self.ring()
