"""Who knows what they want types it: a screen with a filter, then a sync."""

from __future__ import annotations

from stories.conftest import Dawn


async def test_a_screen_and_a_sync_are_typed(dawn: Dawn) -> None:
    async with dawn() as here, here.console() as hand:
        await hand.presses(":")
        await hand.types("errors integration=south")
        await hand.sees("south")
        assert "north" not in hand.text
        await hand.presses(":")
        await hand.types("sync south")
        await hand.presses("y")
        run = await here.newest_rests()
        assert run.integration == "south"
