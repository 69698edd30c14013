"""The engine is gone: the console says so, and offers another."""

from __future__ import annotations

import time

from stories.conftest import Dawn


async def test_a_dead_engine_is_told_and_another_started(dawn: Dawn) -> None:
    started: list[str] = []

    async def start() -> str:
        started.append("yes")
        return "An engine works now (process 1)."

    async with dawn() as here:
        far = time.time() + 3_600
        async with here.console(now_ms=lambda: int(far * 1000), start_engine=start) as hand:
            await hand.sees("NO ENGINE", "No engine is alive")
            await hand.presses("e", "y")
            await hand.hears("An engine works now")
            assert started == ["yes"]
