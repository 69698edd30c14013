"""The SIS answers nothing but errors: the run waits, says so, and goes on when it is back."""

from __future__ import annotations

from siscon.domain.runs import RunStatus
from stories.conftest import Dawn


async def test_a_run_waits_out_an_outage_and_says_so(dawn: Dawn) -> None:
    async with dawn() as here, here.console() as hand:
        await here.fault(fail_next={"status": 503, "times": 2, "retry_after": 1})
        await hand.presses("S", "y", "3")
        await hand.sees("waits")
        run = await here.newest_rests()
        assert run.status in (RunStatus.COMPLETED, RunStatus.WITH_ERRORS)
