"""The local roster: one table an entity, references as internal ids, statements made from the record definitions."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from siscon.domain.records import FIELDS, Entity, FieldRule, Record, from_fields
from siscon.domain.referring import referred_to, renamed
from siscon.store.database import Connection, Row
from siscon.store.mappings import external_ids, internal_ids, table_of

TABLES: Mapping[Entity, str] = {
    Entity.SCHOOL: "schools",
    Entity.TERM: "terms",
    Entity.STAFF: "staff",
    Entity.STUDENT: "students",
    Entity.COURSE: "courses",
    Entity.SECTION: "sections",
    Entity.ENROLLMENT: "enrollments",
}
SINGLE: Mapping[Entity, tuple[FieldRule, ...]] = {
    entity: tuple(rule for rule in rules if not rule.many) for entity, rules in FIELDS.items()
}
MANY: Mapping[Entity, tuple[FieldRule, ...]] = {
    entity: tuple(rule for rule in rules if rule.many) for entity, rules in FIELDS.items()
}

TAKE_IDS = "UPDATE sequences SET next = next + :n WHERE name = 'record' RETURNING next - :n AS first"
UNLINK = "DELETE FROM {links} WHERE owner = ?"
LINK = "INSERT INTO {links} (owner, position, target) VALUES (?, ?, ?)"
LINKS = """
SELECT owner, target FROM {links} WHERE owner IN (SELECT value FROM json_each(:ids)) ORDER BY owner, position
"""
LOAD = "SELECT * FROM {table} WHERE id IN (SELECT value FROM json_each(:ids))"
# The plus: in the order of the ids from after one of them, instead of sorting the whole entity for each page.
PAGE = """
SELECT m.id AS mapping_id, m.external_id, m.missing_since, r.* FROM {mappings} m JOIN {table} r ON r.id = m.internal_id
WHERE +m.entity_type = :entity AND m.id > :after_id ORDER BY m.id LIMIT :limit
"""
ONE = """
SELECT m.id AS mapping_id, m.external_id, m.missing_since, r.* FROM {mappings} m JOIN {table} r ON r.id = m.internal_id
WHERE m.entity_type = :entity AND m.external_id = :external_id
"""
COUNT = "SELECT count(*) AS n FROM {mappings} WHERE entity_type = :entity AND internal_id IS NOT NULL"


def _update_sql(entity: Entity) -> str:
    columns = ", ".join(f"{rule.name} = ?" for rule in SINGLE[entity])
    moments = "updated_at_ms = ?, edited_at_ms = coalesce(?, edited_at_ms)"
    return f"UPDATE {TABLES[entity]} SET {columns}, version = version + 1, {moments} WHERE id = ?"


UPDATE = {entity: _update_sql(entity) for entity in Entity}


@dataclass(frozen=True, slots=True)
class RosterRow:
    """A local record: fields with internal ids for references (tuples for many) and its version."""

    internal_id: int
    version: int
    fields: Mapping[str, Any]
    edited_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class RecordRow:
    """A local record as an integration knows it: references are that integration's external ids."""

    mapping_id: int
    internal_id: int
    external_id: str
    record: Record
    missing_since_ms: int | None
    updated_at_ms: int


async def take_ids(c: Connection, n: int) -> int:
    """Reserve ``n`` internal ids that no record of any entity has or will have; the first of them."""
    row = await c.one(TAKE_IDS, {"n": n})
    assert row is not None, "the sequence is made by the first migration"
    return int(row[0])


async def update(
    c: Connection,
    entity: Entity,
    rows: Iterable[tuple[int, Mapping[str, Any]]],
    *,
    now_ms: int,
    by_hand: bool = False,
) -> None:
    """Write records anew, whole, as (internal id, fields); their versions grow by one. ``by_hand``: a person edits."""
    names = [rule.name for rule in SINGLE[entity]]
    pairs = list(rows)
    edited_ms = now_ms if by_hand else None
    await c.many(UPDATE[entity], [(*map(fields.get, names), now_ms, edited_ms, id_) for id_, fields in pairs])
    for rule in MANY[entity]:
        await c.many(UNLINK.format(links=links_of(entity, rule)), [(id_,) for id_, _ in pairs])
    await _link(c, entity, pairs)


async def load(c: Connection, entity: Entity, ids: Collection[int]) -> dict[int, RosterRow]:
    """Internal id -> local record, for those that exist."""
    rows = await c.all(LOAD.format(table=TABLES[entity]), {"ids": json.dumps(list(ids))})
    links = await _links(c, entity, [row["id"] for row in rows])
    return {
        row["id"]: RosterRow(
            row["id"], row["version"], _fields(entity, row, links[row["id"]]), row["edited_at_ms"]
        )
        for row in rows
    }


async def page(
    c: Connection, integration: str, entity: Entity, *, after_id: int = 0, limit: int = 200
) -> list[RecordRow]:
    """The records that an integration feeds, in the order of their mappings, from after ``after_id``."""
    sql = PAGE.format(mappings=table_of(integration), table=TABLES[entity])
    rows = await c.all(sql, {"entity": entity.value, "after_id": after_id, "limit": limit})
    return await _as_known(c, integration, entity, rows)


async def show(c: Connection, integration: str, entity: Entity, external_id: str) -> RecordRow | None:
    """One record by its external id, or None."""
    sql = ONE.format(mappings=table_of(integration), table=TABLES[entity])
    rows = await c.all(sql, {"entity": entity.value, "external_id": external_id})
    known = await _as_known(c, integration, entity, rows)
    return known[0] if known else None


async def count(c: Connection, integration: str, entity: Entity) -> int:
    """How many records of an entity an integration feeds."""
    row = await c.one(COUNT.format(mappings=table_of(integration)), {"entity": entity.value})
    return int(row[0]) if row is not None else 0


async def ids_of_referred(
    c: Connection, integration: str, entity: Entity, bodies: Iterable[Mapping[str, Any]]
) -> dict[Entity, dict[str, int]]:
    """For each entity the internal ids of the external ids that these fields refer to."""
    return {
        target: await internal_ids(c, integration, target, ids) if ids else {}
        for target, ids in referred_to(entity, bodies).items()
    }


async def in_external_ids(
    c: Connection, integration: str, entity: Entity, rows: Iterable[RosterRow]
) -> dict[int, dict[str, Any]]:
    """Internal id -> fields with references as the integration's external ids.

    A reference that this integration does not know reads ``local:`` and its internal id; the SIS can never have
    sent that.
    """
    listed = list(rows)
    names: dict[Entity, dict[int, str]] = {}
    for target, wanted in referred_to(entity, (row.fields for row in listed)).items():
        names[target] = await external_ids(c, integration, target, wanted) if wanted else {}

    def name_of(target: Entity, internal_id: int) -> str:
        return names[target].get(internal_id, f"local:{internal_id}")

    return {row.internal_id: renamed(entity, row.fields, name_of) for row in listed}


async def _as_known(c: Connection, integration: str, entity: Entity, rows: list[Row]) -> list[RecordRow]:
    links = await _links(c, entity, [row["id"] for row in rows])
    roster = [RosterRow(row["id"], row["version"], _fields(entity, row, links[row["id"]])) for row in rows]
    told = await in_external_ids(c, integration, entity, roster)
    return [
        RecordRow(
            row["mapping_id"],
            row["id"],
            row["external_id"],
            from_fields(entity, row["external_id"], told[row["id"]]),
            row["missing_since"],
            row["updated_at_ms"],
        )
        for row in rows
    ]


def _fields(entity: Entity, row: Row, links: Mapping[str, list[int]]) -> dict[str, Any]:
    fields: dict[str, Any] = {rule.name: row[rule.name] for rule in SINGLE[entity]}
    for rule in MANY[entity]:
        fields[rule.name] = tuple(links.get(rule.name, ()))
    return fields


def links_of(entity: Entity, rule: FieldRule) -> str:
    """The table that holds the several references of a field."""
    return f"{entity.value}_{rule.name}"


async def _links(c: Connection, entity: Entity, ids: list[int]) -> dict[int, dict[str, list[int]]]:
    found: dict[int, dict[str, list[int]]] = {id_: {} for id_ in ids}
    for rule in MANY[entity]:
        rows = await c.all(LINKS.format(links=links_of(entity, rule)), {"ids": json.dumps(ids)})
        for row in rows:
            found[row["owner"]].setdefault(rule.name, []).append(row["target"])
    return found


async def _link(c: Connection, entity: Entity, rows: list[tuple[int, Mapping[str, Any]]]) -> None:
    for rule in MANY[entity]:
        links = [
            (id_, position, target)
            for id_, fields in rows
            for position, target in enumerate(fields.get(rule.name) or ())
        ]
        if links:
            await c.many(LINK.format(links=links_of(entity, rule)), links)
