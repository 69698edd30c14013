"""What schedules have started, and what they missed."""

from __future__ import annotations

from dataclasses import dataclass

from siscon.domain.runs import Run
from siscon.store import runs
from siscon.store.database import Connection

# The index that lets no moment start two runs has them in this order.
STARTED = """
SELECT id FROM runs WHERE integration = :integration AND kind = 'import' AND due_at_ms IS NOT NULL
ORDER BY due_at_ms DESC LIMIT :limit
"""
# Among the newest events only: a schedule that was missed months ago is a matter of the history.
MISSED = """
SELECT e.integration, coalesce(r.full_compare, 0) AS is_full, count(*) AS n, max(e.id) AS last
FROM events e LEFT JOIN runs r ON r.id = e.run_id
WHERE e.id > (SELECT coalesce(max(id), 0) FROM events) - 20000 AND e.kind = 'schedule missed' AND e.at_ms >= :since_ms
  AND e.integration IS NOT NULL
GROUP BY e.integration, is_full
"""


@dataclass(frozen=True, slots=True)
class Missed:
    """How often a schedule was late or found a run under way, and the event that told of the last time."""

    count: int = 0
    event_id: int | None = None


async def started(c: Connection, integration: str, *, limit: int) -> list[Run]:
    """The newest runs that a schedule started, the latest due first."""
    ids = [row["id"] for row in await c.all(STARTED, {"integration": integration, "limit": limit})]
    found = {run.id: run for run in await runs.by_ids(c, ids)}
    return [found[id_] for id_ in ids if id_ in found]


async def missed(c: Connection, *, since_ms: int) -> dict[tuple[str, bool], Missed]:
    """What was missed since a moment, by integration and whether everything was to be compared."""
    rows = await c.all(MISSED, {"since_ms": since_ms})
    return {(row["integration"], bool(row["is_full"])): Missed(row["n"], row["last"]) for row in rows}
