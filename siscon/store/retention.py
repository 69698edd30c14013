"""What is too old: counted, and removed a few rows at a time. Never what is still referred to, never the audit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from siscon.domain.retention import Cutoffs
from siscon.domain.runs import ENDED, RunStatus
from siscon.store.database import Connection

BATCH = 500
NEWEST_KEPT = 50
"""So many runs of each integration stay, however old: what is fresh and what is usual is read from them."""

_ENDED = ", ".join(f"'{one.value}'" for one in ENDED)
_OPEN = ", ".join(f"'{one.value}'" for one in RunStatus if one not in ENDED)
# By number, for the moments of events need not grow: a clock may have been set back. One that a clock that was far
# ahead has stamped is no young one.
EVENTS_FROM = "SELECT id FROM events WHERE at_ms >= :before AND at_ms <= :now + 86400000 ORDER BY id LIMIT 1"
EVENTS_ALL = "SELECT coalesce(max(id), 0) + 1 AS id FROM events"
OLD_EVENTS = f"""
FROM events WHERE id < :upto AND (run_id IS NULL OR run_id NOT IN (SELECT id FROM runs WHERE status IN ({_OPEN})))
"""
OLD_RAW = "FROM dead_records WHERE raw IS NOT NULL AND last_seen_at_ms < :before"
OLD_REQUESTS = "FROM commands WHERE status <> 'pending' AND answered_at_ms < :before"
# What a record in error was mended with, and what was given up, still counts; so do decisions on who is who.
OLD_ERRORS = """
FROM dead_records WHERE coalesce(settled_at_ms, last_seen_at_ms) < :before
  AND (status = 'mended' AND mended IS NULL OR status = 'discarded' AND digest = '')
"""
OLD_QUESTIONS = """
FROM conflicts WHERE settled_at_ms < :before AND (status = 'gone' OR status = 'settled' AND kind = 'fields')
  AND (settled_run_id IS NULL OR NOT EXISTS (SELECT 1 FROM runs r WHERE r.id = settled_run_id))
"""
OLD_RUNS = f"""
SELECT r.id FROM runs r
WHERE r.status IN ({_ENDED}) AND r.finished_at_ms < :before
  AND r.id < coalesce((SELECT n.id FROM runs n WHERE n.integration = r.integration ORDER BY n.id DESC
    LIMIT 1 OFFSET {NEWEST_KEPT - 1}), 0)
  AND r.id NOT IN (SELECT run_id FROM conflicts WHERE status = 'open')
  AND r.id NOT IN (SELECT run_id FROM dead_records WHERE status = 'open')
  AND r.id NOT IN (SELECT u.request ->> '$.run_id' FROM runs u
    WHERE u.status IN ({_OPEN}) AND u.request ->> '$.run_id' IS NOT NULL)
  AND r.id NOT IN (SELECT max(g.id) FROM runs g JOIN run_counts k ON k.run_id = g.id AND k.done = 1
    WHERE g.kind = 'import' AND g.status IN ('completed', 'completed with warnings', 'completed with errors')
    GROUP BY g.integration, k.entity)
ORDER BY r.id
"""
COUNT_IMAGES = """
SELECT count(*) AS n, coalesce(sum(length(c.before) + length(c.after)), 0) AS bytes
FROM json_each(:ids) j JOIN changes c ON c.run_id = j.value
"""
DROP_EVENTS = f"DELETE FROM events WHERE id IN (SELECT id {OLD_EVENTS} ORDER BY id LIMIT :limit)"
DROP_RAW = f"UPDATE dead_records SET raw = NULL WHERE id IN (SELECT id {OLD_RAW} LIMIT :limit)"
DROP_REQUESTS = f"DELETE FROM commands WHERE id IN (SELECT id {OLD_REQUESTS} LIMIT :limit)"
DROP_ERRORS = f"DELETE FROM dead_records WHERE id IN (SELECT id {OLD_ERRORS} LIMIT :limit)"
DROP_QUESTIONS = f"DELETE FROM conflicts WHERE id IN (SELECT id {OLD_QUESTIONS} LIMIT :limit)"
DROP_IMAGES = """
DELETE FROM changes WHERE id IN (SELECT c.id FROM json_each(:ids) j JOIN changes c ON c.run_id = j.value LIMIT :limit)
"""
DROP_RUNS = "DELETE FROM runs WHERE id IN (SELECT value FROM json_each(:ids))"


@dataclass(frozen=True, slots=True)
class TooOld:
    """What would go: rows by what they are, and the bytes of the images of runs."""

    counts: dict[str, int]
    image_bytes: int


async def too_old(c: Connection, moments: Cutoffs) -> TooOld:
    """Count it. Settled questions that only the runs keep which go, too, are counted when those are gone."""
    counts: dict[str, int] = {}
    image_bytes = 0
    for name, before, rows in (
        ("raw", moments.raw, OLD_RAW),
        ("requests", moments.requests, OLD_REQUESTS),
        ("errors", moments.runs, OLD_ERRORS),
        ("questions", moments.runs, OLD_QUESTIONS),
    ):
        if before is not None:
            counts[name] = await _count(c, rows, {"before": before})
    if moments.events is not None:
        counts["events"] = await _count(
            c, OLD_EVENTS, {"upto": await events_upto(c, moments.events, now_ms=moments.now)}
        )
    if moments.runs is not None:
        run_ids = await old_runs(c, moments.runs)
        found = await c.one(COUNT_IMAGES, {"ids": json.dumps(run_ids)})
        assert found is not None
        counts |= {"runs": len(run_ids), "images": found["n"]}
        image_bytes = found["bytes"]
    return TooOld({name: n for name, n in counts.items() if n}, image_bytes)


async def _count(c: Connection, rows: str, params: dict[str, int]) -> int:
    found = await c.one(f"SELECT count(*) AS n {rows}", params)
    return int(found["n"]) if found else 0


async def events_upto(c: Connection, before_ms: int, *, now_ms: int) -> int:
    """The number before which every event is too old."""
    found = await c.one(EVENTS_FROM, {"before": before_ms, "now": now_ms}) or await c.one(EVENTS_ALL)
    return int(found["id"]) if found else 0


async def old_runs(c: Connection, before_ms: int) -> tuple[int, ...]:
    """The runs that may go: ended long ago, not among the newest, and nothing open or queued refers to them."""
    return tuple(row["id"] for row in await c.all(OLD_RUNS, {"before": before_ms}))


async def drop_some(c: Connection, name: str, *, before: int) -> int:
    """Remove one batch of what a name stands for; how many rows that were, 0 when all is gone.

    ``before`` is a moment, of events the number that :func:`events_upto` told.
    """
    statement = {
        "events": DROP_EVENTS,
        "raw": DROP_RAW,
        "requests": DROP_REQUESTS,
        "errors": DROP_ERRORS,
        "questions": DROP_QUESTIONS,
    }[name]
    return await c.run(statement, {"before": before, "upto": before, "limit": BATCH})


async def drop_images(c: Connection, run_ids: Sequence[int]) -> int:
    """Remove one batch of the images of runs; how many."""
    return await c.run(DROP_IMAGES, {"ids": json.dumps(run_ids), "limit": BATCH})


async def drop_runs(c: Connection, run_ids: Sequence[int]) -> int:
    """Remove runs that have no images any more, with their counts."""
    return await c.run(DROP_RUNS, {"ids": json.dumps(run_ids)})
