"""One look for what people must know, with all that is due sent, by a process that is no engine."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Callable

from siscon.config import Settings
from siscon.domain.leases import LEASE_TTL_S, Lease
from siscon.domain.notices import Sighting, Trouble
from siscon.engine.leases import Holdings
from siscon.engine.notices import DEAD, NOTICES_LEASE, Watch
from siscon.engine.postman import Postman
from siscon.store import leases
from siscon.store.database import Database

ENGINE_GRACE_MS = 5 * 60_000
"""An engine that ended just now may be about to start again."""
LOOK_AGAIN_S = 0.5


async def check(
    db: Database,
    settings: Settings,
    *,
    engine_lives: bool,
    now_ms: Callable[[], int],
    looks: bool = True,
) -> bool:
    """Look and send what is due; False where another process, mostly the engine, does so already.

    Where no engine lives, though schedules need one, that is a cause, too. A lease of one that was killed is waited
    out. Without ``looks`` only what waits is sent.
    """
    holdings = Holdings(db, f"check-{os.getpid()}-{secrets.token_hex(3)}", now_ms=now_ms)
    lease = await _lease(holdings, patience_s=0.0 if engine_lives else LEASE_TTL_S + 2)
    if lease is None:
        return False
    beating = asyncio.create_task(holdings.beat_for_ever())
    dead = None if engine_lives else await _missing(db, settings, now_ms())
    watch = Watch(db, settings, now_ms, dead=dead)
    postman = Postman(db, settings.notices.channels, now_ms)
    try:
        while looks and await watch.look(lease):
            pass
        while begun := await postman.look(lease):
            await asyncio.gather(*begun)
    finally:
        await postman.close()
        beating.cancel()
        await asyncio.wait({beating})
        await holdings.release_all()
    return True


async def _lease(holdings: Holdings, *, patience_s: float) -> Lease | None:
    waited_s = 0.0
    while True:
        lease = await holdings.take(NOTICES_LEASE, on_lost=lambda: None)
        if lease is not None or waited_s >= patience_s:
            return lease
        await asyncio.sleep(LOOK_AGAIN_S)
        waited_s += LOOK_AGAIN_S


async def _missing(db: Database, settings: Settings, now_ms: int) -> Sighting | None:
    """That no engine lives, where one is needed and none was seen for some minutes."""
    known = settings.integrations.values()
    if not any(one.enabled and (one.schedule or one.full_schedule or one.schedules) for one in known):
        return None
    async with db.read() as c:
        engines = await leases.engines(c, now_ms=now_ms)
    seen_ms = max((one.seen_at_ms for one in engines), default=0)
    if now_ms - seen_ms < ENGINE_GRACE_MS:
        return None
    text = "no engine is alive, so nothing is imported by schedule"
    return Sighting(Trouble.ENGINE, seen_ms or now_ms, text, what=DEAD, total=1)
