"""The way into the inbox: what came while one transaction was under way is kept by the next, all of it at once."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence

from siscon.domain.errors import DatabaseError
from siscon.domain.webhooks import Arrival, Outcome

log = logging.getLogger(__name__)

MOST_AT_ONCE = 500
"""Messages that one transaction keeps."""
COUNT_EVERY_S = 1.0
"""Refusals alone are written down not more often."""

Keep = Callable[[Sequence[Arrival], Mapping[tuple[str, str], int]], Awaitable[list[Outcome]]]
"""Keeps messages and counts in one transaction; what became of each message."""


class Intake:
    """Keeps messages by ``keep``; a message's outcome is told only when it is on disk."""

    def __init__(self, keep: Keep) -> None:
        self._keep = keep
        self._waiting: list[tuple[Arrival, asyncio.Future[Outcome]]] = []
        self._refused: Counter[tuple[str, str]] = Counter()
        self._rung = asyncio.Event()

    async def put(self, arrival: Arrival) -> Outcome:
        """What became of a message, once it is committed; ``NO_ROOM`` where it could not be."""
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((arrival, future))
        self._rung.set()
        return await future

    def count(self, integration: str, outcome: Outcome) -> None:
        """Count a message that was refused."""
        self._refused[integration, outcome.value] += 1

    async def run(self) -> None:
        """Keep what comes, for ever; when cancelled, what is there is kept before the end."""
        try:
            while True:
                try:
                    async with asyncio.timeout(COUNT_EVERY_S):
                        await self._rung.wait()
                except TimeoutError:
                    pass
                self._rung.clear()
                await self._flush()
        finally:
            await self._flush()

    async def _flush(self) -> None:
        while self._waiting or self._refused:
            some, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
            refused, self._refused = self._refused, Counter()
            try:
                outcomes = await self._keep([arrival for arrival, _future in some], refused)
            except DatabaseError as error:
                log.warning("webhooks could not be kept: %s", error.sentence)
                outcomes = [Outcome.NO_ROOM] * len(some)
                self._refused.update(refused)
                self._refused.update((one.integration, Outcome.NO_ROOM.value) for one, _future in some)
            except BaseException:
                _answer(some, [Outcome.NO_ROOM] * len(some))
                raise
            _answer(some, outcomes)
            if not self._waiting:
                return


def _answer(some: Sequence[tuple[Arrival, asyncio.Future[Outcome]]], outcomes: Sequence[Outcome]) -> None:
    for (_arrival, future), outcome in zip(some, outcomes, strict=True):
        if not future.done():
            future.set_result(outcome)
