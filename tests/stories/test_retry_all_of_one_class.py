"""A pager at six: everything that failed for the commonest cause is tried again, and it drains."""

from __future__ import annotations

from siscon.domain.runs import RunKind, RunStatus
from stories.conftest import Dawn


async def test_all_errors_of_one_class_are_retried_in_six_keys(dawn: Dawn) -> None:
    async with dawn() as here, here.console() as hand:
        for _ in range(3):
            await here.a_day_passes()
        await hand.presses("4", "R")
        await hand.sees("Try 1 record of north again?")
        await hand.presses("y")
        run = await here.newest_rests()

        assert hand.keys <= 6
        assert run.kind is RunKind.REDRIVE
        assert run.status is RunStatus.COMPLETED
        assert await here.value("SELECT count(*) FROM dead_records WHERE status = 'open'") == 7
