"""Two people decide the same question: the second is told who was first."""

from __future__ import annotations

from stories.conftest import Dawn


async def test_the_second_of_two_deciders_is_told_who_was_first(dawn: Dawn) -> None:
    async with dawn() as here, here.console(actor="ann(1001)") as ann, here.console(actor="bob(1002)") as bob:
        for hand in (ann, bob):
            await hand.presses("5", "enter", "S", "A")
        await ann.presses("y")
        await bob.presses("y")
        await bob.hears("ann")
        settled = await here.rows("SELECT settled_by FROM conflicts WHERE status = 'settled'")
        assert settled == [("ann(1001)",)]
