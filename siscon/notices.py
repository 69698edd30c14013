"""The assembly for notices: looking and sending once, without an engine."""

from __future__ import annotations

from siscon.engine.moments import wall_ms
from siscon.runtime import House, find_engine, journal


async def check(house: House, *, looks: bool = True) -> bool:
    """Look for what people must know and send what is due; False where an engine does so already.

    Without ``looks`` only what waits is sent.
    """
    from siscon.engine import notice_check  # brings httpx and smtplib: only where something is sent

    await house.need("send notices")
    lives = await find_engine(house.db) is not None
    with journal(house.settings, "notices"):
        return await notice_check.check(
            house.db, house.settings, engine_lives=lives, now_ms=wall_ms, looks=looks
        )
