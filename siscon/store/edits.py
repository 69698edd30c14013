"""Local records that differ from what was agreed on with their SIS, and records chosen to be withdrawn."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from siscon.domain.errors import UsageError
from siscon.domain.records import FIELDS, Entity
from siscon.domain.text import plain
from siscon.store import accounts, mappings, records
from siscon.store.database import Connection
from siscon.store.mappings import table_of
from siscon.store.records import TABLES

# Who was never edited by hand or by another program has no moment of it, so only those are looked at.
EDITED = """
SELECT m.id, m.external_id, m.internal_id, m.base FROM {mappings} m JOIN {table} r ON r.id = m.internal_id
WHERE m.entity_type = :entity AND r.edited_at_ms IS NOT NULL AND m.id > :after_id
  AND (:ids IS NULL OR m.external_id IN (SELECT value FROM json_each(:ids)))
ORDER BY m.id LIMIT :limit
"""
ACTIVE = """
SELECT m.external_id, m.internal_id FROM {mappings} m JOIN {table} r ON r.id = m.internal_id
WHERE m.entity_type = :entity AND r.status = 'active'
  AND (:ids IS NULL OR m.external_id IN (SELECT value FROM json_each(:ids))) {where}
ORDER BY m.id
"""
PAGE = 500


@dataclass(frozen=True, slots=True)
class Edited:
    """A record with the fields that differ: name -> (ours, the SIS's)."""

    mapping_id: int
    external_id: str
    internal_id: int
    fields: Mapping[str, tuple[Any, Any]]


async def edited(
    c: Connection,
    integration: str,
    entity: Entity,
    external_ids: Collection[str] | None,
    *,
    after_id: int = 0,
    limit: int,
) -> list[Edited]:
    """Records of which something differs from what the SIS says, in the order of their mappings."""
    sql = EDITED.format(mappings=table_of(integration), table=TABLES[entity])
    ids = json.dumps(list(external_ids)) if external_ids is not None else None
    found: list[Edited] = []
    while len(found) < limit:
        params = {"entity": entity.value, "after_id": after_id, "ids": ids, "limit": PAGE}
        rows = await c.all(sql, params)
        local = await records.load(c, entity, [row["internal_id"] for row in rows])
        told = await records.in_external_ids(c, integration, entity, local.values())
        given = await accounts.of_records(c, local.keys()) if entity in accounts.PEOPLE else {}
        for row in rows:
            fields = _differing(entity, told[row["internal_id"]], json.loads(row["base"]))
            for name in accounts.KINDS:  # what siscon gave is no edit, and is not given back as one
                if name in fields and fields[name][0] in given.get(row["internal_id"], ()):
                    del fields[name]
            if fields:
                found.append(Edited(row["id"], row["external_id"], row["internal_id"], fields))
        if len(rows) < PAGE:
            break
        after_id = rows[-1]["id"]
    return found[:limit]


def _differing(
    entity: Entity, local: Mapping[str, Any], base: Mapping[str, Any]
) -> dict[str, tuple[Any, Any]]:
    pairs = {
        rule.name: (_value(local.get(rule.name)), _value(base.get(rule.name))) for rule in FIELDS[entity]
    }
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _value(value: Any) -> Any:
    return (tuple(value) if isinstance(value, list) else value) or None


async def chosen_by(
    c: Connection, integration: str, entity: Entity, where: Mapping[str, str]
) -> dict[str, str | int]:
    """Single fields and the values that choose records by them, references as internal ids.

    Raises ``UsageError`` for a field that cannot choose and a reference to what is not here.
    """
    rules = {rule.name: rule for rule in FIELDS[entity] if not rule.many}
    chosen: dict[str, str | int] = {}
    for name, value in where.items():
        if name not in rules:
            raise UsageError(
                f"A {entity} cannot be chosen by '{plain(name, limit=60)}', but by {', '.join(rules)}."
            )
        target = rules[name].refers_to
        if target is None:
            chosen[name] = value
            continue
        known = await mappings.internal_ids(c, integration, target, [value])
        if value not in known:
            raise UsageError(f"{integration} has no {target} '{plain(value, limit=80)}' in the local roster.")
        chosen[name] = known[value]
    return chosen


async def active(
    c: Connection,
    integration: str,
    entity: Entity,
    external_ids: Collection[str] | None,
    where: Mapping[str, str | int],
) -> list[tuple[str, int]]:
    """Active records as (external id, internal id): those named, whose single fields have these values."""
    names = {rule.name for rule in FIELDS[entity] if not rule.many}
    assert where.keys() <= names, "names come from the definitions"
    clauses = " ".join(f"AND r.{name} = :where_{name}" for name in where)
    sql = ACTIVE.format(mappings=table_of(integration), table=TABLES[entity], where=clauses)
    ids = json.dumps(list(external_ids)) if external_ids is not None else None
    params = {"entity": entity.value, "ids": ids, **{f"where_{name}": value for name, value in where.items()}}
    return [(row[0], row[1]) for row in await c.all(sql, params)]
