"""Something is slow here: the doctor says what it stands on."""

from __future__ import annotations

from stories.conftest import Dawn


async def test_the_doctor_is_asked(dawn: Dawn) -> None:
    async with dawn() as here, here.console() as hand:
        await hand.presses("0")
        await hand.sees("heartbeat", "terminal", "80 x 24")
