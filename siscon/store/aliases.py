"""Ids that were given up and lead to another record: kept, and resolved in what a run has fetched."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Any

from siscon.domain.records import FIELDS, Entity
from siscon.store.database import Connection
from siscon.store.mappings import table_of
from siscon.store.staged import IN_STRETCH

ENTITIES = "SELECT DISTINCT entity FROM aliases WHERE integration = :integration"
SURVIVORS = """
SELECT external_id, survivor FROM aliases
WHERE integration = :integration AND entity = :entity AND external_id IN (SELECT value FROM json_each(:ids))
"""
LIST = """
SELECT integration, entity, external_id, survivor, made_at_ms, made_by FROM aliases
WHERE (:integration IS NULL OR integration = :integration) ORDER BY integration, entity, external_id
"""
# Who led to the new alias is led on, and the survivor is an alias no more: no chain and no circle comes about.
LEAD_ON = """
UPDATE aliases SET survivor = :survivor
WHERE integration = :integration AND entity = :entity AND survivor = :external_id AND external_id <> :survivor
"""
ADD = """
INSERT INTO aliases (integration, entity, external_id, survivor, made_at_ms, made_by)
VALUES (:integration, :entity, :external_id, :survivor, :now_ms, :actor)
ON CONFLICT (integration, entity, external_id) DO UPDATE SET
  survivor = excluded.survivor, made_at_ms = excluded.made_at_ms, made_by = excluded.made_by
"""
REMOVE = (
    "DELETE FROM aliases WHERE integration = :integration AND entity = :entity AND external_id = :external_id"
)
# An alias is passed over where its survivor came as well, or another alias of it; and where not all was asked for,
# so that nobody can say whether the survivor is gone.
PASS_OVER = """
UPDATE staged AS s SET verdict = 'skip'
WHERE s.run_id = :run_id AND s.entity = :entity AND s.part = '' AND EXISTS (
  SELECT 1 FROM aliases a WHERE a.integration = :integration AND a.entity = s.entity AND a.external_id = s.external_id
  AND (EXISTS (SELECT 1 FROM staged t WHERE t.run_id = s.run_id AND t.entity = s.entity AND t.external_id = a.survivor
      AND t.part = '')
    OR EXISTS (SELECT 1 FROM aliases b JOIN staged t ON t.run_id = s.run_id AND t.entity = s.entity
        AND t.external_id = b.external_id AND t.part = ''
      WHERE b.integration = a.integration AND b.entity = a.entity AND b.survivor = a.survivor
        AND b.external_id < a.external_id)
    OR NOT :whole AND EXISTS (SELECT 1 FROM {mappings} m WHERE m.entity_type = s.entity
      AND m.external_id = a.survivor AND m.internal_id IS NOT NULL AND m.missing_since IS NULL)))
RETURNING external_id
"""
STANDS_IN = """
SELECT a.external_id, a.survivor FROM aliases a JOIN staged s
  ON s.run_id = :run_id AND s.entity = a.entity AND s.external_id = a.external_id AND s.part = ''
WHERE a.integration = :integration AND a.entity = :entity AND s.verdict IS NOT 'skip'
"""
RENAME = "UPDATE OR IGNORE staged SET external_id = ? WHERE run_id = ? AND entity = ? AND external_id = ?"
KNOWN_AS = (
    "IN (SELECT a.external_id FROM aliases a WHERE a.integration = :integration AND a.entity = '{target}')"
)
REFERS_ONE = "s.body ->> '{field}' " + KNOWN_AS
REFERS_MANY = "EXISTS (SELECT 1 FROM json_each(s.body, '$.{field}') j WHERE j.value " + KNOWN_AS + ")"
REFERRING = (
    "SELECT s.external_id, s.body FROM staged s WHERE "
    + IN_STRETCH
    + " AND s.part = '' AND s.verdict IS NULL AND ({refers})"
)


@dataclass(frozen=True, slots=True)
class Alias:
    """An id that leads to another record, since when, and who said so."""

    integration: str
    entity: Entity
    external_id: str
    survivor: str
    made_at_ms: int
    made_by: str


async def entities(c: Connection, integration: str) -> frozenset[Entity]:
    """The entities of which any id is an alias."""
    rows = await c.all(ENTITIES, {"integration": integration})
    return frozenset(Entity(row["entity"]) for row in rows)


async def survivors(
    c: Connection, integration: str, entity: Entity, external_ids: Iterable[str]
) -> dict[str, str]:
    """Alias -> the id that it leads to, for those of ``external_ids`` that are aliases."""
    params = {"integration": integration, "entity": entity.value, "ids": json.dumps(list(external_ids))}
    return {row["external_id"]: row["survivor"] for row in await c.all(SURVIVORS, params)}


async def listed(c: Connection, integration: str | None = None) -> list[Alias]:
    """Every alias, of one integration or of all."""
    rows = await c.all(LIST, {"integration": integration})
    return [Alias(row[0], Entity(row[1]), row[2], row[3], row[4], row[5]) for row in rows]


async def add(
    c: Connection,
    integration: str,
    entity: Entity,
    external_id: str,
    *,
    survivor: str,
    actor: str,
    now_ms: int,
) -> None:
    """Let an id lead to another record; who led to it is led on."""
    place = {"integration": integration, "entity": entity.value}
    pair = {**place, "external_id": external_id, "survivor": survivor}
    await c.run(REMOVE, {**place, "external_id": survivor})
    await c.run(LEAD_ON, pair)
    await c.run(ADD, {**pair, "actor": actor, "now_ms": now_ms})


async def remove(c: Connection, integration: str, entity: Entity, external_id: str) -> bool:
    """Let an id lead nowhere else any more; False when it did not."""
    place = {"integration": integration, "entity": entity.value, "external_id": external_id}
    return await c.run(REMOVE, place) > 0


async def resolve(
    c: Connection, integration: str, run_id: int, entity: Entity, *, whole: bool
) -> tuple[list[str], int]:
    """Pass over the aliases in what was fetched, or let them stand for survivors that did not come.

    The ids that were passed over, and how many stand in. Done again, it changes nothing.
    """
    params = {"integration": integration, "run_id": run_id, "entity": entity.value}
    rows = await c.all(PASS_OVER.format(mappings=table_of(integration)), {**params, "whole": int(whole)})
    stand_in = await c.all(STANDS_IN, params)
    if stand_in:
        await c.many(
            RENAME, [(row["survivor"], run_id, entity.value, row["external_id"]) for row in stand_in]
        )
    return [row["external_id"] for row in rows], len(stand_in)


async def referring(
    c: Connection,
    integration: str,
    run_id: int,
    entity: Entity,
    aliased: Set[Entity],
    *,
    after: str,
    upto: str,
) -> dict[str, str]:
    """External id -> body of the records of a stretch that refer to an alias."""
    refers = " OR ".join(
        (REFERS_MANY if rule.many else REFERS_ONE).format(field=rule.name, target=rule.refers_to)
        for rule in FIELDS[entity]
        if rule.refers_to in aliased
    )
    if not refers:
        return {}
    params = {
        "integration": integration,
        "run_id": run_id,
        "entity": entity.value,
        "after": after,
        "upto": upto,
    }
    return {row["external_id"]: row["body"] for row in await c.all(REFERRING.format(refers=refers), params)}


def led_on(
    entity: Entity, fields: Mapping[str, Any], leads: Mapping[Entity, Mapping[str, str]]
) -> dict[str, Any]:
    """The fields with survivors for aliases in references, each of several once."""
    told = dict(fields)
    for rule in FIELDS[entity]:
        value = told.get(rule.name)
        if rule.refers_to is None or rule.refers_to not in leads or not value:
            continue
        to = leads[rule.refers_to]
        told[rule.name] = (
            tuple(dict.fromkeys(to.get(one, one) for one in value)) if rule.many else to.get(value, value)
        )
    return told
