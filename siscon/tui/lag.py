"""How long keys had to wait: the loop of the console measured against the clock, for the last minute."""

from __future__ import annotations

import asyncio
from collections import deque

EVERY_S = 0.25
KEPT = int(60 / EVERY_S)


class Lag:
    """What came between the moment at which something should have happened and the moment at which it did."""

    def __init__(self) -> None:
        self._seen: deque[float] = deque(maxlen=KEPT)

    @property
    def worst_ms(self) -> float:
        """The longest wait of the last minute."""
        return max(self._seen, default=0.0) * 1000

    async def watch(self) -> None:
        """Measure for ever."""
        loop = asyncio.get_running_loop()
        while True:
            due_s = loop.time() + EVERY_S
            await asyncio.sleep(EVERY_S)
            self._seen.append(max(0.0, loop.time() - due_s))
