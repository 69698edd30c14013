"""Before a long run somebody renews the login by hand."""

from __future__ import annotations

from stories.conftest import Dawn
from support.clock import until


async def test_a_login_is_renewed_by_hand(dawn: Dawn) -> None:
    async with dawn() as here, here.console() as hand:
        await here.sync()
        before = await here.value("SELECT obtained_at_ms FROM tokens WHERE integration = 'north'")
        await hand.presses("2", "R", "y")
        await hand.hears("")

        async def renewed() -> bool:
            return bool(
                await here.value("SELECT obtained_at_ms FROM tokens WHERE integration = 'north'") > before
            )

        await until(renewed)
