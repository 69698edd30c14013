"""A run was started by mistake; it ends within seconds, and says who ended it."""

from __future__ import annotations

from siscon.domain.commands import StartRun
from siscon.domain.runs import RunStatus
from stories.conftest import Dawn


async def test_a_run_under_way_is_cancelled(dawn: Dawn) -> None:
    async with dawn() as here, here.console() as hand:
        await here.fault(delay_ms=400)
        run_id = await here.asks(StartRun("north", full=True))
        await hand.presses("3")
        await hand.sees("fetching")
        await hand.presses("tab", "X", "y")
        run = await here.rests(run_id)

        assert run.status is RunStatus.CANCELLED
        assert run.cancel_requested_by == "night.shift(1004)"
