"""Somebody asks for a sync now, in two keys."""

from __future__ import annotations

from stories.conftest import Dawn


async def test_a_sync_is_asked_for_in_two_keys_and_seen_to_its_end(dawn: Dawn) -> None:
    async with dawn() as here, here.console() as hand:
        await hand.presses("S", "y")
        assert hand.keys == 2
        run = await here.newest_rests()
        assert run.integration == "north"
        await hand.presses("3")
        await hand.sees(f"{run.id}", "completed")
