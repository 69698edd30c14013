"""Neither side is right: a third value is typed."""

from __future__ import annotations

from stories.conftest import Dawn


async def test_a_third_value_is_typed_for_a_field(dawn: Dawn) -> None:
    async with dawn() as here, here.console() as hand:
        await hand.presses("5", "enter")
        conflict, name = hand.app.screen.conflict, hand.app.screen.value()
        assert name == "grade_level"
        await hand.presses("v")
        await hand.types("07")
        await hand.presses("A", "y")
        await hand.hears("by hand")

        grade = await here.value(f"SELECT grade_level FROM students WHERE id = {conflict.internal_id}")
        assert grade == "07"
