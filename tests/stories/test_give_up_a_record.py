"""A record that will never be right is given up, and costs nothing more."""

from __future__ import annotations

from stories.conftest import Dawn
from support.story import answer_yes


async def test_a_record_given_up_does_not_come_again(dawn: Dawn) -> None:
    async with dawn() as here, here.console() as hand:
        await here.sync()  # a row tells the port of its server, and this morning's is another
        await hand.presses("4", "enter")
        meant = hand.app.screen.value().record_key
        await hand.presses("D")
        await answer_yes(hand)
        await hand.types("left years ago")
        await here.sync("north")
        ((status,),) = await here.rows(
            f"SELECT DISTINCT status FROM dead_records WHERE run_id >= 5 AND record_key = '{meant}'"
        )
        assert status == "discarded"
