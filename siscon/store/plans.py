"""The plan of a run as people read it: counts, and its records page by page."""

from __future__ import annotations

from dataclasses import dataclass

from siscon.domain.filters import ALL, Filter
from siscon.domain.plans import Verdict
from siscon.domain.records import Entity
from siscon.store import filtered, filtering
from siscon.store.database import Connection

COUNTS = """
SELECT entity, verdict, count(*) AS n FROM staged
WHERE run_id = :run_id AND part = '' AND verdict IS NOT NULL GROUP BY entity, verdict
"""
CHOSEN = """run_id = :run_id AND entity = :entity AND part = '' AND verdict IS NOT NULL
  AND CASE WHEN :verdict IS NULL THEN verdict <> 'unchanged' ELSE verdict = :verdict END"""
PAGE = f"""
SELECT external_id, verdict, body, changes FROM staged WHERE {CHOSEN} AND external_id > :after
ORDER BY external_id LIMIT :limit
"""
KEYS = f"""
SELECT external_id FROM staged WHERE {CHOSEN} AND external_id > :after AND {{where}} ORDER BY external_id LIMIT :limit
"""
ONE = """
SELECT external_id, verdict, body, changes FROM staged
WHERE run_id = :run_id AND entity = :entity AND external_id = :external_id AND part = ''
"""


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """One record of a plan; ``body`` and ``changes`` (None: not looked at field by field) are JSON texts."""

    entity: Entity
    external_id: str
    verdict: Verdict
    body: str
    changes: str | None


async def counts(c: Connection, run_id: int) -> dict[Entity, dict[Verdict, int]]:
    """Entity -> verdict -> number of records; empty once the plan has been applied or discarded."""
    found: dict[Entity, dict[Verdict, int]] = {}
    for row in await c.all(COUNTS, {"run_id": run_id}):
        found.setdefault(Entity(row["entity"]), {})[Verdict(row["verdict"])] = row["n"]
    return found


async def page(
    c: Connection, run_id: int, entity: Entity, *, verdict: Verdict | None, after: str, limit: int
) -> list[PlannedRow]:
    """Records of a plan by external id, from after one; without a verdict all that are not unchanged."""
    rows = await c.all(PAGE, _chosen(run_id, entity, verdict, after, limit))
    return [PlannedRow(entity, row[0], Verdict(row[1]), row[2], row[3]) for row in rows]


async def keys(
    c: Connection,
    run_id: int,
    entity: Entity,
    *,
    verdict: Verdict | None,
    where: Filter = ALL,
    after: str,
    limit: int,
) -> list[str]:
    """The external ids of the same records, of those that a filter means."""
    params = {**_chosen(run_id, entity, verdict, after, limit), **filtering.params(where)}
    sql = KEYS.format(where=filtering.clause(where, filtered.PLANNED))
    return [row[0] for row in await c.all(sql, params)]


async def one(c: Connection, run_id: int, entity: Entity, external_id: str) -> PlannedRow | None:
    """One record of a plan; None when it is not there any more, or has no verdict yet."""
    row = await c.one(ONE, {"run_id": run_id, "entity": entity.value, "external_id": external_id})
    if row is None or row["verdict"] is None:
        return None
    return PlannedRow(entity, row[0], Verdict(row[1]), row[2], row[3])


def _chosen(
    run_id: int, entity: Entity, verdict: Verdict | None, after: str, limit: int
) -> dict[str, object]:
    chosen = verdict.value if verdict is not None else None
    return {"run_id": run_id, "entity": entity.value, "verdict": chosen, "after": after, "limit": limit}
