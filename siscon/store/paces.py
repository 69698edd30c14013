"""When the phases of a run began, and what it asked and got in each minute."""

from __future__ import annotations

from siscon.domain.paces import MINUTE_MS, Minute, Pace
from siscon.domain.runs import Phase
from siscon.store.database import Connection

BEGIN = """
INSERT INTO run_phases (run_id, phase, began_at_ms) VALUES (:run_id, :phase, :now_ms)
ON CONFLICT (run_id, phase) DO NOTHING
"""
CLEAR = "DELETE FROM run_phases WHERE run_id = :run_id"
ADD = """
INSERT INTO run_minutes (run_id, minute, requests, failed, throttled, records)
VALUES (:run_id, :minute, :requests, :failed, :throttled, :records)
ON CONFLICT (run_id, minute) DO UPDATE SET requests = requests + excluded.requests, failed = failed + excluded.failed,
  throttled = throttled + excluded.throttled, records = records + excluded.records
"""
KEPT = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'run_minutes'"
MOST_MINUTES = 24 * 60
MINUTES = "SELECT * FROM run_minutes WHERE run_id = :run_id ORDER BY minute DESC LIMIT :limit"
PHASES = "SELECT phase, began_at_ms FROM run_phases WHERE run_id = :run_id"


async def begin(c: Connection, run_id: int, phase: Phase, *, now_ms: int) -> None:
    """Note that a run is in a phase; it began with the first time, whatever interrupted it since."""
    await c.run(BEGIN, {"run_id": run_id, "phase": phase.value, "now_ms": now_ms})


async def clear(c: Connection, run_id: int) -> None:
    """Forget when the phases of a run began, because it starts over."""
    await c.run(CLEAR, {"run_id": run_id})


async def add(
    c: Connection,
    run_id: int,
    *,
    now_ms: int,
    requests: int = 0,
    failed: int = 0,
    throttled: int = 0,
    records: int = 0,
) -> None:
    """Add to the minute under way; stands in the transaction of what the requests brought."""
    if requests or failed or throttled or records:
        told = {"requests": requests, "failed": failed, "throttled": throttled, "records": records}
        await c.run(ADD, {"run_id": run_id, "minute": now_ms // MINUTE_MS, **told})


async def of_run(c: Connection, run_id: int) -> Pace:
    """The last minutes of a run, oldest first, and its phases; nothing of a file from before they were kept."""
    if await c.one(KEPT) is None:
        return Pace()
    rows = await c.all(MINUTES, {"run_id": run_id, "limit": MOST_MINUTES})
    phases = await c.all(PHASES, {"run_id": run_id})
    minutes = [
        Minute(row["minute"], row["requests"], row["failed"], row["throttled"], row["records"])
        for row in reversed(rows)
    ]
    return Pace(tuple(minutes), {Phase(row["phase"]): row["began_at_ms"] for row in phases})
