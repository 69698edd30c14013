"""Rate limits: the next free moment of each credential, shared by all who use it, on every engine."""

from __future__ import annotations

from siscon.domain.retry import HINT_CAP_S, pace_of
from siscon.domain.retry import reserve as next_slot
from siscon.store.database import Connection

FIND = "SELECT tat_ms, pause_until_ms FROM rate_limits WHERE key = :key"
SAVE_TAT = """
INSERT INTO rate_limits (key, tat_ms) VALUES (:key, :tat_ms)
ON CONFLICT (key) DO UPDATE SET tat_ms = excluded.tat_ms
"""
PAUSE = """
INSERT INTO rate_limits (key, pause_until_ms) VALUES (:key, :until_ms)
ON CONFLICT (key) DO UPDATE SET pause_until_ms = excluded.pause_until_ms
WHERE rate_limits.pause_until_ms < excluded.pause_until_ms
"""


async def reserve(
    c: Connection, key: str, *, requests: int, per_s: float, now_ms: int, min_interval_s: float = 0.0
) -> int:
    """Take the next slot; how many ms to wait before sending. Without a limit only a pause makes one wait.

    A pause further ahead than any server may ask for means that the clock was set back: it is cut to that.
    """
    tat_ms, pause_until_ms = await look(c, key)
    begin_ms = max(now_ms, min(pause_until_ms, now_ms + int(HINT_CAP_S * 1000)))
    pace = pace_of(requests, per_s, min_interval_s=min_interval_s)
    if pace is None:
        return begin_ms - now_ms
    tat_ms, wait_ms = next_slot(tat_ms, begin_ms, pace)
    await c.run(SAVE_TAT, {"key": key, "tat_ms": tat_ms})
    return begin_ms - now_ms + wait_ms


async def pause(c: Connection, key: str, until_ms: int) -> None:
    """Let nobody send before a moment; a longer pause stays."""
    await c.run(PAUSE, {"key": key, "until_ms": until_ms})


async def look(c: Connection, key: str) -> tuple[int, int]:
    """The theoretical arrival time and the end of a pause, both 0 when nothing was ever sent."""
    row = await c.one(FIND, {"key": key})
    return (row["tat_ms"], row["pause_until_ms"]) if row else (0, 0)
