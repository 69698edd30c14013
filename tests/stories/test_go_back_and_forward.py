"""Down into a run, over to the errors, and back the way one came."""

from __future__ import annotations

from stories.conftest import Dawn


async def test_one_goes_back_and_forward_as_in_a_browser(dawn: Dawn) -> None:
    async with dawn() as here, here.console() as hand:
        await hand.presses("3", "enter")
        assert hand.screen == "run"
        await hand.presses("4")
        await hand.presses("left_square_bracket")
        assert hand.screen == "run"
        await hand.presses("right_square_bracket")
        assert hand.screen == "errors"
        await hand.presses("minus")
        assert hand.screen == "run"
