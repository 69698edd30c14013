"""When does it run next, across the clock change? And it is started now."""

from __future__ import annotations

from stories.conftest import Dawn


async def test_the_next_five_times_are_read_and_a_run_started(dawn: Dawn) -> None:
    async with dawn('    schedule: "30 1 * * *"\n') as here, here.console() as hand:
        await hand.presses("8")
        await hand.sees("south", "every day at 01:30")
        before = await here.value("SELECT max(id) FROM runs")
        await hand.presses("N", "y")
        run = await here.newest_rests()
        assert run.id == before + 1
        assert run.integration == "south"
