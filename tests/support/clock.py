"""A clock that is moved by hand, and waiting for a condition with a limit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field


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


async def until(condition: Callable[[], bool | Awaitable[bool]], *, within_s: float = 5.0) -> None:
    """Return once the condition holds; fail when it does not in time."""
    deadline_s = time.monotonic() + within_s
    while True:
        answer = condition()
        if isinstance(answer, Awaitable):
            answer = await answer
        if answer:
            return
        assert time.monotonic() < deadline_s, "the condition did not come true in time"
        await asyncio.sleep(0.01)
