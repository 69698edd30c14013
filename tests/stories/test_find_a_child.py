"""A parent rings: where is my child, and what was done to the record?"""

from __future__ import annotations

from stories.conftest import Dawn


async def test_a_child_is_found_by_name_and_its_history_read(dawn: Dawn) -> None:
    async with dawn() as here:
        ((name,),) = await here.rows(
            "SELECT last_name FROM students WHERE last_name GLOB '[A-Z]*' ORDER BY id LIMIT 1"
        )
        async with here.console(size=(120, 40)) as hand:
            await hand.presses("f")
            await hand.types(name)
            await hand.sees(name)
            await hand.presses("enter")
            await hand.sees("first_name", "created", name)
            assert hand.screen == "record"
