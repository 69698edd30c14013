"""How the imports of the last days ended, and the last good one of each entity, however many runs there are."""

from __future__ import annotations

import json
from collections.abc import Sequence

from siscon.domain.freshness import Fresh
from siscon.domain.outcomes import Ended
from siscon.domain.records import Entity
from siscon.domain.runs import RunStatus
from siscon.store.database import Connection

SLOTS = """
SELECT e.key AS slot, e.value AS from_ms, (SELECT n.value FROM json_each(:edges) n WHERE n.key = e.key + 1) AS until_ms
FROM json_each(:edges) e
"""
ENDED = f"""
WITH slots AS MATERIALIZED ({SLOTS}),
found AS (SELECT i.name, s.slot, r.id, r.status, r.error_code FROM integrations i CROSS JOIN slots s CROSS JOIN runs r
    ON r.integration = i.name AND r.finished_at_ms >= s.from_ms AND r.finished_at_ms < s.until_ms
  WHERE i.removed_at_ms IS NULL AND r.kind = 'import' AND r.lane = 'bulk')
SELECT name, slot, status, error_code, count(*) AS runs,
  max((SELECT sum(c.failed) FROM run_counts c WHERE c.run_id = found.id
    HAVING sum(c.pages) + sum(c.done) > 0)) AS failed
FROM found GROUP BY name, slot, status, error_code
"""
# A held run has not ended: it stands where it began.
HELD = f"""
WITH slots AS MATERIALIZED ({SLOTS})
SELECT r.integration AS name, s.slot, r.status, r.error_code, count(*) AS runs, NULL AS failed
FROM runs r JOIN slots s ON coalesce(r.started_at_ms, r.queued_at_ms) >= s.from_ms
  AND coalesce(r.started_at_ms, r.queued_at_ms) < s.until_ms
WHERE r.status = 'held' AND r.kind = 'import' AND r.lane = 'bulk' GROUP BY name, slot
"""
NEWEST = """
SELECT i.name, (SELECT max(r.finished_at_ms) FROM runs r WHERE r.integration = i.name) AS ended_ms,
  (SELECT group_concat(h.id) FROM runs h WHERE h.status = 'held' AND +h.integration = i.name) AS held
FROM integrations i WHERE i.removed_at_ms IS NULL ORDER BY i.name
"""
LOOK_BACK = 1000
"""Among so many runs of an integration its last good one is looked for; an older one is no news to anybody."""
GOOD = """FROM runs g CROSS JOIN run_counts k ON k.run_id = g.id AND k.entity = w.entity
  WHERE g.integration = w.name AND g.id > w.floor AND g.kind = 'import' AND g.lane = 'bulk'
    AND g.status IN ('completed', 'completed with warnings', 'completed with errors')
    AND k.done = 1 AND k.left_out = 0"""
FRESH = f"""
WITH back AS MATERIALIZED (SELECT i.name, coalesce((SELECT id FROM runs WHERE integration = i.name ORDER BY id DESC
    LIMIT 1 OFFSET {LOOK_BACK}), 0) AS floor FROM integrations i WHERE i.removed_at_ms IS NULL),
wanted AS MATERIALIZED (SELECT DISTINCT b.name, b.floor, c.entity FROM back b CROSS JOIN runs r ON r.id IN (
    SELECT id FROM runs WHERE integration = b.name AND id > b.floor AND kind = 'import' AND lane = 'bulk'
    ORDER BY id DESC LIMIT 20)
  JOIN run_counts c ON c.run_id = r.id)
SELECT w.name, w.entity, r.id, coalesce(r.started_at_ms, r.queued_at_ms) AS began_ms,
  coalesce(r.finished_at_ms, r.started_at_ms, r.queued_at_ms) AS ended_ms, r.full_compare, c.fetched, c.known,
  CASE WHEN r.full_compare = 0 AND c.fetched = 0 THEN (
    SELECT k.fetched = 0 {GOOD} AND (g.full_compare = 1 OR k.fetched > 0) ORDER BY g.id DESC LIMIT 1) END AS since_empty
FROM wanted w
JOIN runs r ON r.id = (SELECT g.id {GOOD} ORDER BY g.id DESC LIMIT 1)
JOIN run_counts c ON c.run_id = r.id AND c.entity = w.entity
ORDER BY w.name, c.position
"""


LAST = """
SELECT id FROM runs WHERE integration = :integration AND kind = 'import' AND lane = 'bulk'
  AND status IN ('completed', 'completed with warnings', 'completed with errors', 'failed', 'cancelled', 'held')
ORDER BY id DESC LIMIT :limit
"""


async def last(c: Connection, integration: str, *, limit: int) -> list[int]:
    """The numbers of an integration's last imports that have ended or are held, the newest first."""
    return [row["id"] for row in await c.all(LAST, {"integration": integration, "limit": limit})]


async def ended(c: Connection, edges: Sequence[int]) -> dict[str, list[Ended]]:
    """What ended between each two of ``edges``, by integration; of every slot and end one row."""
    return await _by_name(c, ENDED, edges)


async def held(c: Connection, edges: Sequence[int]) -> dict[str, list[Ended]]:
    """What is held since some moment between each two of ``edges``, by integration."""
    return await _by_name(c, HELD, edges)


async def _by_name(c: Connection, sql: str, edges: Sequence[int]) -> dict[str, list[Ended]]:
    found: dict[str, list[Ended]] = {}
    for row in await c.all(sql, {"edges": json.dumps(list(edges))}):
        one = Ended(row["slot"], RunStatus(row["status"]), row["error_code"], row["runs"], row["failed"])
        found.setdefault(row["name"], []).append(one)
    return found


async def newest(c: Connection) -> tuple[tuple[object, ...], ...]:
    """What changes when a run ends or is held; as long as it is the same, so is :func:`ended`."""
    return tuple((row["name"], row["ended_ms"], row["held"]) for row in await c.all(NEWEST))


async def fresh(c: Connection) -> dict[str, list[Fresh]]:
    """The last good import that covered each entity, by integration; an entity without one is left out."""
    found: dict[str, list[Fresh]] = {}
    for row in await c.all(FRESH):
        one = Fresh(
            Entity(row["entity"]),
            row["id"],
            row["began_ms"],
            row["ended_ms"],
            row["fetched"],
            row["known"],
            bool(row["full_compare"]),
            since_empty=bool(row["since_empty"]),
        )
        found.setdefault(row["name"], []).append(one)
    return found
