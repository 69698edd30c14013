"""Every list comes back empty with status 200: nobody is withdrawn, somebody is asked."""

from __future__ import annotations

from siscon.domain.runs import RunStatus
from stories.conftest import Dawn


async def test_empty_lists_hold_the_run_and_withdraw_nobody(dawn: Dawn) -> None:
    async with dawn() as here:
        await here.fault(empty_lists=True)
        run = await here.sync()
        assert run.status in (RunStatus.HELD, RunStatus.FAILED)
        async with here.console() as hand:
            await hand.sees("HELD" if run.status is RunStatus.HELD else "FAILING")
            assert (
                await here.value("SELECT count(*) FROM north_mappings WHERE missing_since IS NOT NULL") == 0
            )
