"""A colleague on the telephone reads along: the screen is held still while a sync runs."""

from __future__ import annotations

from stories.conftest import Dawn


async def test_a_screen_held_still_shows_what_it_showed(dawn: Dawn) -> None:
    async with dawn() as here, here.console() as hand:
        await hand.presses("3", "p")
        await hand.sees("HELD STILL")
        before = len(hand.app.screen.table().rows)
        run = await here.sync()
        assert len(hand.app.screen.table().rows) == before
        await hand.presses("p")
        await hand.sees(f"{run.id}", "completed")
