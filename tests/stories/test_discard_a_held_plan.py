"""A plan that would mark half a district as missing is looked at, and thrown away."""

from __future__ import annotations

from siscon.domain.runs import RunStatus
from stories.conftest import Dawn


async def test_who_would_be_missing_is_looked_at_and_the_plan_thrown_away(dawn: Dawn) -> None:
    async with dawn() as here:
        await here.switch(half_pages=True)
        held = await here.sync()
        async with here.console() as hand:
            await hand.presses("7", "enter", "enter")
            await hand.sees("missing")
            await hand.presses("escape", "D", "y")
            await hand.types("their server lost half of it")
            await hand.hears(f"The plan of run {held.id} is discarded")
            run = await here.rests(held.id)

            assert run.status is RunStatus.CANCELLED
            assert (
                await here.value("SELECT count(*) FROM north_mappings WHERE missing_since IS NOT NULL") == 0
            )
