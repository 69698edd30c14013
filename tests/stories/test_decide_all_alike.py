"""The clerks know better: every conflict of a district is decided for the local side."""

from __future__ import annotations

from siscon.domain.runs import RunKind
from stories.conftest import Dawn


async def test_all_conflicts_alike_are_decided_with_the_count_first(dawn: Dawn) -> None:
    async with dawn() as here, here.console() as hand:
        await hand.presses("5", "M")
        await hand.sees("conflict")
        await hand.presses("l")
        await hand.sees("In each of them the local")
        await hand.presses("a")
        await hand.types("our clerks know")
        run = await here.newest_rests()

        assert run.kind is RunKind.SETTLE
        decided = await here.value("SELECT count(*) FROM conflicts WHERE status = 'settled'")
        assert decided >= 1
