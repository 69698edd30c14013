"""The projector shows nothing of the dark theme: another is chosen, and letters stay letters."""

from __future__ import annotations

from stories.conftest import Dawn


async def test_the_look_is_changed_by_name(dawn: Dawn) -> None:
    async with dawn() as here, here.console() as hand:
        for name in ("light", "contrast", "mono", "ansi", "dark"):
            await hand.presses(":")
            await hand.types(f"theme {name}")
            assert name in hand.app.theme
            await hand.sees("north", "Health")
