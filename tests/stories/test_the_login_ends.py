"""The SIS revokes every token in the night: a new one is asked for, once, and nobody is woken."""

from __future__ import annotations

from siscon.domain.runs import RunStatus
from stories.conftest import Dawn


async def test_revoked_tokens_are_replaced_and_shown_as_good(dawn: Dawn) -> None:
    async with dawn() as here, here.console() as hand:
        await here.sync()
        await here.fault(revoke_tokens=True)
        run = await here.sync()
        assert run.status is not RunStatus.FAILED
        await hand.presses("2")
        await hand.sees("good")
