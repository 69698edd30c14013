"""Rate limits: the next free moment of each credential, shared by all who use it, on every engine.

Integrations that share one credential each have a row; who asks names them all, reads the latest and writes all.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from siscon.domain.retry import HINT_CAP_S, pace_of
from siscon.domain.retry import reserve as next_slot
from siscon.store.database import Connection

FIND = """
SELECT max(tat_ms) AS tat_ms, max(pause_until_ms) AS pause_until_ms FROM rate_limits
WHERE key IN (SELECT value FROM json_each(:keys))
"""
SAVE_TAT = """
INSERT INTO rate_limits (key, tat_ms) SELECT value, :tat_ms FROM json_each(:keys) WHERE true
ON CONFLICT (key) DO UPDATE SET tat_ms = excluded.tat_ms
"""
PAUSE = """
INSERT INTO rate_limits (key, pause_until_ms) SELECT value, :until_ms FROM json_each(:keys) WHERE true
ON CONFLICT (key) DO UPDATE SET pause_until_ms = excluded.pause_until_ms
WHERE rate_limits.pause_until_ms < excluded.pause_until_ms OR rate_limits.pause_until_ms > :latest_ms
"""

PAUSE_MOST_MS = int(HINT_CAP_S * 1000) + 60_000
"""A pause further ahead than any that is made means that the clock was set back: it is over."""


async def reserve(
    c: Connection,
    keys: Sequence[str],
    *,
    requests: int,
    per_s: float,
    now_ms: int,
    min_interval_s: float = 0.0,
) -> int:
    """Take the next slot for all who share a credential; how many ms to wait before sending.

    Without a limit only a pause makes one wait.
    """
    tat_ms, pause_until_ms = await look(c, keys)
    begin_ms = max(now_ms, pause_until_ms if pause_until_ms <= now_ms + PAUSE_MOST_MS else 0)
    pace = pace_of(requests, per_s, min_interval_s=min_interval_s)
    if pace is None:
        return begin_ms - now_ms
    tat_ms, wait_ms = next_slot(tat_ms, begin_ms, pace)
    await c.run(SAVE_TAT, {"keys": json.dumps(list(keys)), "tat_ms": tat_ms})
    return begin_ms - now_ms + wait_ms


async def pause(c: Connection, keys: Sequence[str], until_ms: int, *, now_ms: int) -> None:
    """Let nobody send before a moment; a longer pause stays, unless the clock was set back since."""
    told = {"keys": json.dumps(list(keys)), "until_ms": until_ms, "latest_ms": now_ms + PAUSE_MOST_MS}
    await c.run(PAUSE, told)


async def look(c: Connection, keys: Sequence[str]) -> tuple[int, int]:
    """The theoretical arrival time and the end of a pause, both 0 when nothing was ever sent."""
    row = await c.one(FIND, {"keys": json.dumps(list(keys))})
    return (row["tat_ms"] or 0, row["pause_until_ms"] or 0) if row else (0, 0)
