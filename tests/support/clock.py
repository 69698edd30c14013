"""A clock that is moved by hand, and waiting for a condition with a limit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")

LIMIT_S = 60.0
LOOK_EVERY_S = 0.01


@dataclass
class HandClock:
    """``now_ms()`` says what was set; sleeping moves it on at once and is remembered."""

    at_ms: int = 1_800_000_000_000
    slept: list[float] = field(default_factory=list)

    def now_ms(self) -> int:
        return self.at_ms

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at_ms += int(seconds * 1000)
        await asyncio.sleep(0)

    def forward(self, seconds: float) -> None:
        self.at_ms += int(seconds * 1000)


async def until(condition: Callable[[], bool | Awaitable[bool]], *, within_s: float = LIMIT_S) -> None:
    """Return once the condition holds; fail when it does not in time.

    Time is counted in looks: a machine that stands still, or lets nobody work, does not use it up.
    """
    looks = round(within_s / LOOK_EVERY_S)
    while True:
        answer = condition()
        if isinstance(answer, Awaitable):
            answer = await answer
        if answer:
            return
        assert looks > 0, "the condition did not come true in time"
        looks -= 1
        await asyncio.sleep(LOOK_EVERY_S)


async def outcome(work: Awaitable[T], *, within_s: float = LIMIT_S) -> T:
    """What comes of the work; fail when it is not done in time, counted as :func:`until` counts it."""
    task = asyncio.ensure_future(work)
    try:
        await until(task.done, within_s=within_s)
        return task.result()
    finally:
        task.cancel()
