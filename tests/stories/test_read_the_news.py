"""What has happened since I slept: events, who asked for what, and the audit."""

from __future__ import annotations

from stories.conftest import Dawn


async def test_events_requests_and_audit_are_read(dawn: Dawn) -> None:
    async with dawn() as here, here.console(size=(120, 40)) as hand:
        await here.sync()
        await hand.presses("9")
        await hand.sees("north")
        await hand.presses("tab")
        await hand.sees("clerk(1001)")
        await hand.presses("tab")
        await hand.sees("clerk(1001)")
