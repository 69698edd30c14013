"""Of a held plan only the people are let in; the enrollments wait."""

from __future__ import annotations

from stories.conftest import Dawn


async def test_a_part_of_a_plan_is_applied(dawn: Dawn) -> None:
    async with dawn() as here, here.console() as hand:
        for _ in range(2):
            await here.a_day_passes()
        before = await here.value("SELECT count(*) FROM enrollments")
        await hand.presses("T", "y")
        plan = await here.newest_rests()
        await hand.presses("7", "enter")
        await hand.presses("G", "x", "A")
        await hand.sees("Left out: enrollment")
        await hand.presses("y")
        await hand.types("people first")
        await hand.hears(f"Run {plan.id} goes on")
        await here.rests(plan.id)
        assert await here.value("SELECT count(*) FROM enrollments") == before
