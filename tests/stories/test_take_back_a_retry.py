"""A slip of the finger: what was asked for many is taken back in the five seconds that it lies."""

from __future__ import annotations

from stories.conftest import Dawn


async def test_a_bulk_fetch_is_taken_back_in_time(dawn: Dawn) -> None:
    async with dawn() as here, here.console(grace_ms=5_000) as hand:
        before = await here.value("SELECT count(*) FROM runs")
        await hand.presses("6", "slash")
        await hand.types("entity=student")
        await hand.presses("space", "space", "space", "F", "y")
        await hand.sees("z takes")
        await hand.presses("z")
        await hand.hears("aken back")
        assert await here.value("SELECT count(*) FROM runs") == before
        assert await here.value("SELECT count(*) FROM commands WHERE status = 'taken_back'") >= 1
