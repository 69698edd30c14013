"""The shift is over: the console is left, the engine goes on."""

from __future__ import annotations

from siscon.domain.runs import RunStatus
from stories.conftest import Dawn


async def test_leaving_keeps_the_engine_and_its_run(dawn: Dawn) -> None:
    async with dawn() as here:
        await here.fault(delay_ms=150)
        async with here.console() as hand:
            await hand.presses("S", "y", "q")
            await hand.sees("Leave siscon?")
            await hand.presses("k")
            assert hand.app.return_value is not None
            assert not hand.app.return_value.stop_engine
        run = await here.newest_rests()
        assert run.status is not RunStatus.CANCELLED
