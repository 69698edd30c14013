"""A notice was gone too soon: what was said before is read again."""

from __future__ import annotations

from stories.conftest import Dawn


async def test_notices_are_kept(dawn: Dawn) -> None:
    async with dawn() as here, here.console(read_only=True) as hand:
        await hand.presses("S")
        await hand.hears("read-only")
        await hand.presses(":")
        await hand.types("messages")
        await hand.sees("read-only")
