"""Giving up wants its number typed; the wrong one gives up nothing."""

from __future__ import annotations

from stories.conftest import Dawn


async def test_the_wrong_number_gives_up_nothing(dawn: Dawn) -> None:
    async with dawn() as here, here.console() as hand:
        await hand.presses("4", "D", "y")
        await hand.sees("to go on")
        await hand.types("77")
        await hand.hears("Nothing was asked")
        assert await here.value("SELECT count(*) FROM dead_records WHERE status = 'discarded'") == 0
