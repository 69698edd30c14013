"""A slip in the line is told, and the line stays open to be mended."""

from __future__ import annotations

from stories.conftest import Dawn


async def test_a_slip_is_told_and_mended(dawn: Dawn) -> None:
    async with dawn() as here, here.console() as hand:
        await hand.presses(":")
        await hand.types("erors")
        await hand.sees("erors")
        await hand.types("errors")
        assert hand.screen == "errors"
