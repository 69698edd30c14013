"""Last night was a mistake: what a run changed is put back."""

from __future__ import annotations

from siscon.domain.runs import RunStatus
from stories.conftest import Dawn
from support.story import answer_yes


async def test_what_a_run_changed_is_put_back(dawn: Dawn) -> None:
    async with dawn() as here:
        before = await here.rows(
            "SELECT id, first_name, last_name, email, grade_level FROM students ORDER BY id"
        )
        await here.a_day_passes()
        await here.a_day_passes()
        await here.sync("north")
        assert before != await here.rows(
            "SELECT id, first_name, last_name, email, grade_level FROM students ORDER BY id"
        )
        async with here.console() as hand:
            await hand.presses("3", "U")
            await answer_yes(hand)
            await hand.types("the export was of the wrong year")
            run = await here.newest_rests()
            if run.status is RunStatus.HELD:
                await hand.presses("7", "A", "y")
                await hand.types("as meant")
                await hand.hears(f"Run {run.id} goes on")
                await here.rests(run.id)
            known = ",".join(str(row[0]) for row in before)
            after = await here.rows(
                f"SELECT id, first_name, last_name, email, grade_level FROM students WHERE id IN ({known}) ORDER BY id"
            )
            assert after == before
