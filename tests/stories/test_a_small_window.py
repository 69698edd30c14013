"""A window on a telephone: everything works at 60x20, and below it one sentence says why not."""

from __future__ import annotations

from stories.conftest import Dawn


async def test_sixty_by_twenty_works_and_less_says_so(dawn: Dawn) -> None:
    async with dawn() as here, here.console(size=(60, 20)) as hand:
        await hand.sees("north", "State")
        await hand.presses("4", "j", "enter")
        await hand.sees("External id")
        await hand.pilot.resize_terminal(20, 5)
        await hand.sees("too small")
        await hand.pilot.resize_terminal(80, 24)
        await hand.sees("External id")
