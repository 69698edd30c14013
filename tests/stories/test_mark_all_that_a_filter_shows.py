"""All mappings of one kind are marked through a filter, and let go again: nothing happened."""

from __future__ import annotations

from stories.conftest import Dawn


async def test_all_in_a_filter_are_marked_exactly_and_let_go(dawn: Dawn) -> None:
    async with dawn() as here, here.console() as hand:
        students = await here.value("SELECT count(*) FROM north_mappings WHERE entity_type = 'student'")
        await hand.presses("6", "slash")
        await hand.types("entity=student")
        await hand.presses("asterisk")
        await hand.sees(f"{students:,} marked")
        await hand.presses("escape")
        assert "marked" not in hand.text
        await hand.presses("escape")
        assert len(hand.app.screen.table().rows) > students
