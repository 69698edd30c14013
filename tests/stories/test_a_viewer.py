"""Who may only look can do none of what changes data."""

from __future__ import annotations

from siscon.domain.roles import Role
from stories.conftest import Dawn

ASKED = "SELECT count(*) FROM commands WHERE kind <> 'note_denial'"


async def test_nothing_that_is_pressed_changes_anything(dawn: Dawn) -> None:
    async with dawn() as here, here.console(role=Role.VIEWER) as hand:
        before = await here.rows(ASKED)
        for keys in (("S",), ("P",), ("4", "R"), ("5", "M"), ("7", "A"), ("3", "U")):
            await hand.presses(*keys)
            await hand.hears("may look")
            assert hand.screen != "Ask"
        assert await here.rows(ASKED) == before
