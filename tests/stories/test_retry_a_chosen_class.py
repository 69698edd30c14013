"""Not the first cause but the third is worth a try."""

from __future__ import annotations

from stories.conftest import Dawn


async def test_the_records_of_a_chosen_cause_are_listed_and_tried_again(dawn: Dawn) -> None:
    async with dawn() as here, here.console() as hand:
        await hand.presses("4", "j", "j", "enter")
        await hand.sees("External id")
        assert hand.screen == "dead"
        meant = hand.app.screen.value().record_key
        for _ in range(3):
            await here.a_day_passes()
        await hand.presses("R", "y")
        await here.newest_rests()

        ((status,),) = await here.rows(f"SELECT status FROM dead_records WHERE record_key = '{meant}'")
        assert status != "open"
