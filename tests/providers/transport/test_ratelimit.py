"""The gate in memory against a clock moved by hand."""

from __future__ import annotations

from siscon.providers.contract import Rate
from siscon.providers.transport.ratelimit import MemoryGate


class Clock:
    def __init__(self) -> None:
        self.ms = 1_000

    def now(self) -> int:
        return self.ms

    async def sleep(self, seconds: float) -> None:
        self.ms += int(seconds * 1000) + 1


async def test_no_window_holds_more_than_the_rate() -> None:
    clock = Clock()
    gate = MemoryGate(Rate(60, 60.0), now_ms=clock.now, sleep=clock.sleep)
    sent = []
    for _ in range(300):
        await gate.enter()
        sent.append(clock.ms)

    assert max(sum(start <= one < start + 60_000 for one in sent) for start in sent) <= 60


async def test_nobody_enters_before_a_pause_is_over() -> None:
    clock = Clock()
    gate = MemoryGate(Rate(0), now_ms=clock.now, sleep=clock.sleep)
    await gate.pause(30)
    await gate.pause(5)

    await gate.enter()

    assert clock.ms >= 31_000
