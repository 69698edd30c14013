"""People who came in under a second id: those of a run who share a key with somebody, and the open questions of it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from siscon.domain.identity import FEW
from siscon.domain.records import FIELDS, Entity
from siscon.store.database import Connection
from siscon.store.folding import FOLDED, LETTERS
from siscon.store.mappings import table_of
from siscon.store.records import TABLES

FIRST_NEW = """
SELECT min(internal_id) AS first FROM changes WHERE run_id = :run_id AND entity = :entity AND kind = 'created'
"""
OTHERS = "SELECT 1 FROM {mappings} WHERE entity_type = :entity AND internal_id < :first LIMIT 1"
# Internal ids only grow, so whoever has a later one than the first of the run is new. Two statements a key for all
# who are new together.
SHARED = """
SELECT json_group_array(id) AS ids FROM (
  SELECT r.id AS id, {key} AS key FROM {table} r
  CROSS JOIN {mappings} m ON m.entity_type = :entity AND m.internal_id = r.id
  WHERE {present} {narrow})
GROUP BY key HAVING count(*) BETWEEN 2 AND :few AND max(id) >= :first
"""
NARROW = "AND {coarse} IN (SELECT {coarse} FROM {table} r WHERE r.id >= :first)"
SHARED_IDS = """
SELECT json_group_array(id) AS ids FROM (
  SELECT m.internal_id AS id, {key} AS key FROM {mappings} m
  WHERE m.entity_type = :entity AND +m.internal_id IS NOT NULL)
GROUP BY key HAVING count(*) BETWEEN 2 AND :few AND max(id) >= :first
"""
DECIDED = """
SELECT external_id, other_external_id FROM conflicts
WHERE integration = :integration AND entity = :entity AND status = 'settled' AND kind = 'duplicate'
  AND external_id IN (SELECT value FROM json_each(:ids))
"""
REKEYED = "SELECT old_id, new_id FROM rekeyed WHERE run_id = :run_id AND entity = :entity"
STALE = """
SELECT c.id, c.external_id, c.other_external_id, x.id AS one, y.id AS other FROM conflicts c
LEFT JOIN {mappings} a ON a.entity_type = c.entity AND a.external_id = c.external_id
LEFT JOIN {table} x ON x.id = a.internal_id
LEFT JOIN {mappings} b ON b.entity_type = c.entity AND b.external_id = c.other_external_id
LEFT JOIN {table} y ON y.id = b.internal_id
WHERE c.integration = :integration AND c.entity = :entity AND c.status = 'open' AND c.kind = 'duplicate'
  AND (x.id IS NULL OR y.id IS NULL OR x.version + y.version <> c.local_version)
"""
CLOSE = "UPDATE conflicts SET status = 'gone', settled_at_ms = ? WHERE id = ? AND status = 'open'"


@dataclass(frozen=True, slots=True)
class Stale:
    """An open question of which a side has changed since; None: it is not here any more."""

    id: int
    external_id: str
    other_external_id: str
    internal_id: int | None
    other_internal_id: int | None


async def groups(c: Connection, integration: str, run_id: int, entity: Entity) -> list[list[int]]:
    """The internal ids of those who share a key, of whom at least one is new with this run; the oldest first."""
    params: dict[str, object] = {"run_id": run_id, "entity": entity.value, "few": FEW}
    row = await c.one(FIRST_NEW, params)
    if row is None or row["first"] is None:
        return []
    params["first"] = row["first"]
    names = {"mappings": table_of(integration), "table": TABLES[entity]}
    narrow = NARROW if await c.one(OTHERS.format(**names), params) else ""
    found = []
    for coarse, present, key in _keys(entity):
        sql = SHARED.format(key=key, present=present, narrow=narrow.format(coarse=coarse, **names), **names)
        found += await c.all(sql, params)
    found += await c.all(SHARED_IDS.format(key=FOLDED.format(value="m.external_id"), **names), params)
    return [sorted(json.loads(row["ids"])) for row in found]


def _keys(entity: Entity) -> list[tuple[str, str, str]]:
    """For each key what narrows it down, what must be there, and the key itself, as SQL."""
    here = {rule.name for rule in FIELDS[entity]}
    keys = []
    for name in ("state_id", "email"):
        if name in here:
            key = FOLDED.format(value=f"r.{name}")
            keys.append((key, f"r.{name} IS NOT NULL", key))
    if "birth_date" in here:
        first, last = LETTERS.format(value="r.first_name"), LETTERS.format(value="r.last_name")
        key = f"json_array(r.birth_date, {first}, {last})"
        keys.append(("r.birth_date", "r.birth_date IS NOT NULL", key))
    return keys


async def not_to_ask(
    c: Connection, integration: str, run_id: int, entity: Entity, external_ids: Iterable[str]
) -> set[frozenset[str]]:
    """Pairs that a person has decided, and those that the run would tie as changed ids."""
    params = {"integration": integration, "entity": entity.value, "ids": json.dumps(list(external_ids))}
    rows = [
        *await c.all(DECIDED, params),
        *await c.all(REKEYED, {"run_id": run_id, "entity": entity.value}),
    ]
    return {frozenset((row[0], row[1])) for row in rows}


async def stale(c: Connection, integration: str, entity: Entity) -> list[Stale]:
    """Open questions of which a side has changed, or is not here any more."""
    sql = STALE.format(mappings=table_of(integration), table=TABLES[entity])
    rows = await c.all(sql, {"integration": integration, "entity": entity.value})
    return [Stale(row[0], row[1], row[2], row[3], row[4]) for row in rows]


async def close(c: Connection, conflict_ids: Iterable[int], *, now_ms: int) -> None:
    """Questions that have answered themselves."""
    await c.many(CLOSE, [(now_ms, id_) for id_ in conflict_ids])
