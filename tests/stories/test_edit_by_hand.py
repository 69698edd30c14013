"""A value is wrong in the SIS and nobody there can mend it today: it is edited here, and stays until it is released."""

from __future__ import annotations

from stories.conftest import Dawn
from support.story import answer_yes

EDITED = "SELECT count(*) FROM students WHERE middle_name = 'Sea'"


async def test_an_edit_stays_through_a_sync_until_it_is_released(dawn: Dawn) -> None:
    async with dawn() as here, here.console() as hand:
        student = await here.value(
            "SELECT external_id FROM north_mappings WHERE entity_type = 'student' ORDER BY id LIMIT 1"
        )
        await hand.presses("f")
        await hand.types(student)
        await hand.presses("enter")
        for _ in range(20):
            if hand.app.screen.value().name == "middle_name":
                break
            await hand.presses("j")
        await hand.presses("E")
        await hand.types("Sea")
        await answer_yes(hand)
        await hand.types("asked by the family")
        await hand.sees("Sea")
        await here.sync()
        assert await here.value(EDITED) == 1

        await hand.presses("L")
        await answer_yes(hand)
        await hand.types("mended over there")
        await here.sync()
        assert await here.value(EDITED) == 0
