"""Only the failures of one district are of interest."""

from __future__ import annotations

from stories.conftest import Dawn


async def test_runs_are_narrowed_and_shown_again(dawn: Dawn) -> None:
    async with dawn() as here, here.console() as hand:
        await hand.presses("3", "slash")
        await hand.types("integration=south")
        await hand.sees("south")
        assert "north" not in hand.text
        await hand.presses("escape")
        await hand.sees("north")
