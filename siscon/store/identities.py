"""Ids that came back as somebody else: what was decided of them, and who waits for a decision."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Set
from typing import Any

from siscon.domain.identity import SAME
from siscon.domain.records import FIELDS, Entity
from siscon.store.database import Connection
from siscon.store.mappings import table_of
from siscon.store.records import MANY, SINGLE, TABLES, links_of
from siscon.store.staged import IN_STRETCH

KEPT = f"""
SELECT internal_id, sis FROM conflicts
WHERE integration = :integration AND entity = :entity AND status = 'settled' AND kind = 'identity'
  AND external_id IN (SELECT value FROM json_each(:ids)) AND decision ->> '$.identity' = '{SAME}'
"""
IS_ASKED = "verdict = 'conflict' AND changes ->> '$.identity' IS NOT NULL"
# Whoever this plan has looked at is in question only if it says so; of all others the open questions tell.
IN_QUESTION = f"""
SELECT external_id FROM staged WHERE run_id = :run_id AND entity = :entity AND {IS_ASKED}
UNION
SELECT external_id FROM conflicts c
WHERE integration = :integration AND entity = :entity AND status = 'open' AND kind = 'identity' AND NOT EXISTS (
  SELECT 1 FROM staged s WHERE s.run_id = :run_id AND s.entity = c.entity AND s.external_id = c.external_id
    AND s.part = '' AND s.verdict NOT IN ('missing', 'withdraw'))
"""
COUNT_NEW = f"""
SELECT count(*) AS n FROM staged s WHERE run_id = :run_id AND entity = :entity AND {IS_ASKED} AND NOT EXISTS (
  SELECT 1 FROM conflicts c WHERE c.integration = :integration AND c.entity = s.entity
    AND c.external_id = s.external_id AND c.kind = 'identity' AND c.status = 'open')
"""
HOLD_BACK = (
    "UPDATE staged AS s SET verdict = 'dead', changes = json_object('in_question', '{field}') WHERE "
    + IN_STRETCH
    + " AND s.part = '' AND s.verdict = 'create' AND s.body ->> '{field}' IN (SELECT value FROM json_each(:ids))"
)
# Without a fingerprint the record is looked at again in every run, until the rest can be filled in.
LEAVE_OUT = (
    """
UPDATE staged AS s SET fingerprint = '', body = json_set(s.body, '$.{field}', (
  SELECT json_group_array(j.value) FROM json_each(s.body, '$.{field}') j
  WHERE j.value NOT IN (SELECT value FROM json_each(:ids))))
WHERE """
    + IN_STRETCH
    + """ AND s.part = '' AND s.verdict = 'create' AND EXISTS (SELECT 1 FROM json_each(s.body, '$.{field}') j
  WHERE j.value IN (SELECT value FROM json_each(:ids)))
"""
)
REFERS_ONE = "r.{field} = :internal_id"
REFERS_MANY = "r.id IN (SELECT owner FROM {links} WHERE target = :internal_id)"
REFERRING = """
SELECT m.external_id, m.internal_id FROM {table} r
JOIN {mappings} m ON m.entity_type = :entity AND m.internal_id = r.id WHERE {refers} ORDER BY r.id
"""
CUT = "DELETE FROM {mappings} WHERE entity_type = :entity AND external_id = :external_id AND internal_id = :internal_id"
GIVE_UP = """
UPDATE conflicts SET status = 'gone', settled_at_ms = :now_ms
WHERE integration = :integration AND entity = :entity AND status = 'open'
  AND (external_id = :external_id OR kind = 'duplicate' AND other_external_id = :external_id)
"""


async def kept(
    c: Connection, integration: str, entity: Entity, external_ids: Iterable[str]
) -> dict[int, list[dict[str, Any]]]:
    """Internal id -> versions of which a person said that they are the same person still."""
    params = {"integration": integration, "entity": entity.value, "ids": json.dumps(list(external_ids))}
    found: dict[int, list[dict[str, Any]]] = {}
    for row in await c.all(KEPT, params):
        found.setdefault(row["internal_id"], []).append(json.loads(row["sis"]))
    return found


async def in_question(c: Connection, integration: str, run_id: int, entity: Entity) -> frozenset[str]:
    """Ids of which nobody knows who they are, as the plan of a run sees it."""
    params = {"integration": integration, "run_id": run_id, "entity": entity.value}
    return frozenset(row["external_id"] for row in await c.all(IN_QUESTION, params))


async def count_new(c: Connection, integration: str, run_id: int, entity: Entity) -> int:
    """How many of a plan come back as somebody else that were not in question before."""
    params = {"integration": integration, "run_id": run_id, "entity": entity.value}
    row = await c.one(COUNT_NEW, params)
    return int(row["n"]) if row is not None else 0


async def hold_back(
    c: Connection,
    run_id: int,
    entity: Entity,
    questioned: Mapping[Entity, Set[str]],
    *,
    after: str,
    upto: str,
) -> None:
    """Let no new record of a stretch refer to somebody in question: bury it, or leave out who is one of several."""
    for rule in FIELDS[entity]:
        ids = questioned.get(rule.refers_to) if rule.refers_to is not None else None
        if ids and (rule.required or rule.many):
            params = {"run_id": run_id, "entity": entity.value, "after": after, "upto": upto}
            sql = LEAVE_OUT if rule.many else HOLD_BACK
            await c.run(sql.format(field=rule.name), {**params, "ids": json.dumps(sorted(ids))})


async def referring(
    c: Connection, integration: str, entity: Entity, target: Entity, internal_id: int
) -> list[tuple[str, int]]:
    """Records of an entity that refer to a local record, as (external id, internal id)."""
    singles = [REFERS_ONE.format(field=rule.name) for rule in SINGLE[entity] if rule.refers_to is target]
    many = [
        REFERS_MANY.format(links=links_of(entity, rule)) for rule in MANY[entity] if rule.refers_to is target
    ]
    if not singles and not many:
        return []
    sql = REFERRING.format(
        table=TABLES[entity], mappings=table_of(integration), refers=" OR ".join([*singles, *many])
    )
    return [
        (row[0], row[1]) for row in await c.all(sql, {"entity": entity.value, "internal_id": internal_id})
    ]


async def cut(
    c: Connection, integration: str, entity: Entity, external_id: str, internal_id: int, *, now_ms: int
) -> None:
    """Let an id not lead to this record any more; what was open about it has no answer now."""
    place = {"entity": entity.value, "external_id": external_id}
    await c.run(CUT.format(mappings=table_of(integration)), {**place, "internal_id": internal_id})
    await c.run(GIVE_UP, {**place, "integration": integration, "now_ms": now_ms})
