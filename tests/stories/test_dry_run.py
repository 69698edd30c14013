"""What would tonight change? A plan is made, looked at, and applied later."""

from __future__ import annotations

from siscon.domain.runs import RunStatus
from stories.conftest import Dawn


async def test_a_plan_is_made_changes_nothing_and_is_applied(dawn: Dawn) -> None:
    async with dawn() as here, here.console() as hand:
        for _ in range(2):
            await here.a_day_passes()
        before = await here.value("SELECT count(*) FROM students")
        await hand.presses("T", "y")
        plan = await here.newest_rests()
        assert plan.status is RunStatus.PLANNED
        assert await here.value("SELECT count(*) FROM students") == before

        await hand.presses("7", "enter")
        await hand.sees("student")
        await hand.presses("A", "y")
        await hand.types("as planned")
        await hand.hears(f"Run {plan.id} goes on")
        await here.rests(plan.id)
        assert await here.value("SELECT count(*) FROM students") > before
