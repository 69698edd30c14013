"""Two of many questions are decided for the SIS, at once."""

from __future__ import annotations

from stories.conftest import Dawn
from support.clock import until
from support.story import answer_yes


async def test_two_marked_conflicts_are_decided_and_no_other(dawn: Dawn) -> None:
    async with dawn("    enabled: true\n") as here, here.console() as hand:
        before = await here.value("SELECT count(*) FROM conflicts WHERE status = 'open'")
        await hand.presses("5", "space", "space")
        await hand.sees("2 marked")
        await hand.presses("M")
        await hand.sees("2 marked")
        await hand.presses("s")
        await answer_yes(hand)
        await hand.types("the registrar said so")
        await here.newest_rests()

        async def decided() -> bool:
            return bool(
                await here.value("SELECT count(*) FROM conflicts WHERE status = 'open'") == before - 2
            )

        await until(decided)
