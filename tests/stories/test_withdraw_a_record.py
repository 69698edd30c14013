"""A child moved away and the SIS will not say so: the record is taken out of use here."""

from __future__ import annotations

from stories.conftest import Dawn
from support.story import answer_yes


async def test_a_record_is_withdrawn_and_put_back(dawn: Dawn) -> None:
    async with dawn() as here, here.console() as hand:
        ((external,),) = await here.rows(
            "SELECT m.external_id FROM north_mappings m JOIN students s ON s.id = m.internal_id "
            "WHERE m.entity_type = 'student' AND s.status = 'active' ORDER BY m.id LIMIT 1"
        )
        await hand.presses("f")
        await hand.types(external)
        await hand.presses("enter", "W")
        await answer_yes(hand)
        await hand.types("moved away")
        await hand.sees("inactive")
        await hand.presses("tab", "g", "U")
        await answer_yes(hand)
        await hand.types("came back")
        await here.newest_rests()
        await hand.sees("restored")
        assert (
            await here.value(
                "SELECT count(*) FROM students WHERE status = 'inactive' AND id = "
                f"(SELECT internal_id FROM north_mappings WHERE external_id = '{external}')"
            )
            == 0
        )
