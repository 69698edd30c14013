"""The school says it is corrected; this one record is fetched now."""

from __future__ import annotations

from siscon.domain.runs import RunStatus
from stories.conftest import Dawn


async def test_one_record_is_fetched_again_alone(dawn: Dawn) -> None:
    async with dawn() as here:
        ((external,),) = await here.rows(
            "SELECT external_id FROM north_mappings WHERE entity_type = 'student' ORDER BY id LIMIT 1"
        )
        async with here.console() as hand:
            await hand.presses("f")
            await hand.types(external)
            await hand.presses("F", "y")
            run = await here.newest_rests()

            assert run.request["external_id"] == external
            assert run.status in (RunStatus.COMPLETED, RunStatus.WITH_WARNINGS)
            assert run.requests <= 10
