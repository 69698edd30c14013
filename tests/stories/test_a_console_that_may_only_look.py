"""Who may only look can do none of what changes data."""

from __future__ import annotations

from stories.conftest import Dawn


async def test_nothing_that_is_pressed_changes_anything(dawn: Dawn) -> None:
    async with dawn() as here, here.console(read_only=True) as hand:
        before = await here.rows("SELECT count(*) FROM commands")
        for keys in (("S",), ("P",), ("4", "R"), ("5", "M"), ("7", "A"), ("3", "U")):
            await hand.presses(*keys)
            await hand.hears("read-only")
            assert hand.screen != "Ask"
        assert await here.rows("SELECT count(*) FROM commands") == before
