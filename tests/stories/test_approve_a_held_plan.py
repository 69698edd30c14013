"""A plan was held in the night; somebody who knows why lets it apply, and says why."""

from __future__ import annotations

from siscon.domain.runs import RunStatus
from stories.conftest import Dawn


async def test_a_held_plan_is_approved_with_a_reason_in_eight_keys(dawn: Dawn) -> None:
    async with dawn() as here:
        await here.switch(half_pages=True)
        held = await here.sync()
        assert held.status is RunStatus.HELD
        async with here.console() as hand:
            await hand.sees("HELD")
            await hand.presses("7", "A", "y")
            await hand.types("the district closed two schools")
            await hand.hears(f"Run {held.id} goes on")
            run = await here.rests(held.id)

            assert hand.keys <= 8
            assert run.status not in (RunStatus.HELD, RunStatus.FAILED)
            told = await here.value("SELECT detail FROM audit WHERE action = 'approve_plan'")
            assert "the district closed two schools" in told
            assert (
                await here.value("SELECT count(*) FROM north_mappings WHERE missing_since IS NOT NULL") > 100
            )
