"""Something is odd since Tuesday: the last runs of a district side by side."""

from __future__ import annotations

from stories.conftest import Dawn


async def test_the_last_runs_of_a_district_stand_side_by_side(dawn: Dawn) -> None:
    async with dawn() as here, here.console(size=(120, 40)) as hand:
        await here.sync()
        await hand.presses("3", "V")
        await hand.sees("north", "student", "Records")
        assert hand.screen == "compare"
