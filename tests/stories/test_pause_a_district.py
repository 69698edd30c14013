"""A district mends its server: nothing is to start by itself until it is done."""

from __future__ import annotations

from stories.conftest import Dawn


async def test_a_district_is_paused_and_resumed(dawn: Dawn) -> None:
    async with dawn() as here, here.console() as hand:
        await hand.presses("j", "P", "y")
        await hand.sees("paused")
        assert await here.value("SELECT paused FROM integrations WHERE name = 'south'") == 1

        await hand.presses("P", "y")
        await hand.sees("by hand")
        assert await here.value("SELECT paused FROM integrations WHERE name = 'south'") == 0
