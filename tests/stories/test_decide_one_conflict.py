"""Both sides changed a record; the SIS is right."""

from __future__ import annotations

from stories.conftest import Dawn


async def test_one_conflict_is_decided_for_the_sis_and_not_asked_again(dawn: Dawn) -> None:
    async with dawn() as here, here.console() as hand:
        open_before = await here.value("SELECT count(*) FROM conflicts WHERE status = 'open'")
        await hand.presses("5", "enter", "S", "A", "y")
        await hand.hears("")
        assert await here.value("SELECT count(*) FROM conflicts WHERE status = 'open'") == open_before - 1

        await here.sync("north")
        await here.sync("south")
        assert await here.value("SELECT count(*) FROM conflicts WHERE status = 'open'") == open_before - 1
