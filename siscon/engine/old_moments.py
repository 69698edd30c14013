"""Moments of schedules that started a run, what was said of windows, engines long gone: forgotten when they are old."""

from __future__ import annotations

from collections.abc import Callable

from siscon.domain.leases import Lease
from siscon.engine.chores import Chore, every
from siscon.store import blackouts, leases, schedules
from siscon.store.database import Database

CHORE = "old moments"
DAY_S = 24 * 3600
KEPT_MS = 40 * DAY_S * 1000
"""No clock is put back further than that by mistake."""


def chores(db: Database, *, now_ms: Callable[[], int]) -> list[Chore]:
    """Forget old moments once a day."""

    async def forget(lease: Lease) -> str:
        before_ms = now_ms() - KEPT_MS
        async with db.transaction(lease) as c:
            count = await schedules.prune(c, before_ms)
            await blackouts.prune(c, before_ms)
            await leases.forget_engines(c, before_ms)
        return f"{count} old moments of schedules were forgotten"

    return [Chore(CHORE, every(DAY_S), forget)]
