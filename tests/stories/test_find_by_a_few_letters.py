"""The palette: what was the key for it? A few letters find it."""

from __future__ import annotations

from stories.conftest import Dawn


async def test_a_few_letters_find_the_screen(dawn: Dawn) -> None:
    async with dawn() as here, here.console() as hand:
        await hand.presses("ctrl+p", "c", "o", "n", "f")
        await hand.sees("onflicts")
        await hand.presses("enter")
        assert hand.screen == "conflicts"
