"""User names and e-mail addresses that siscon has given, for ever, and the people who still lack one."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from siscon.domain.records import FIELDS, Entity
from siscon.domain.runs import ENDED, RunStatus
from siscon.store.arrivals import STRETCH
from siscon.store.database import Connection
from siscon.store.mappings import table_of
from siscon.store.records import TABLES

PEOPLE = (Entity.STUDENT, Entity.STAFF)
KINDS = ("username", "email")
FOR_ALL = 2**63 - 1
# Made when the first name is given: who gives none pays for no index.
INDEX = """
CREATE INDEX IF NOT EXISTS {table}_by_{field} ON {table} ({field} COLLATE NOCASE) WHERE {field} IS NOT NULL
"""
HELD = "EXISTS (SELECT 1 FROM {table} r WHERE r.{field} = j.value COLLATE NOCASE)"
TAKEN = """
SELECT j.value FROM json_each(:names) j WHERE EXISTS (SELECT 1 FROM accounts a WHERE a.name = j.value) OR {held}
"""
STANDING = "SELECT j.value FROM json_each(:names) j WHERE {held}"
COMING = """
SELECT lower(body ->> '{field}') FROM staged
WHERE run_id IN (SELECT id FROM runs WHERE status IN (SELECT value FROM json_each(:alive)))
  AND entity IN ('student', 'staff') AND body ->> '{field}' IS NOT NULL
"""
SCHOOL_NUMBER = """(SELECT sc.number FROM {mappings} x JOIN schools sc ON sc.id = x.internal_id
  WHERE x.entity_type = 'school' AND x.external_id = s.body ->> '{place}')"""
# Who has left, or comes as somebody who has, is given nothing.
IN_USE = "<> 'inactive'"
NEWCOMERS = (
    "SELECT s.external_id, s.body, {number} AS number FROM staged s WHERE {stretch}"
    f" AND coalesce(s.body ->> 'status', '') {IN_USE}"
)
NAME = """
UPDATE staged SET changes = ? WHERE run_id = ? AND entity = ? AND external_id = ? AND part = ''
"""
GIVE = """
INSERT INTO accounts (name, internal_id, given_at_ms) VALUES (?, ?, ?) ON CONFLICT (name) DO NOTHING
"""
OF_RECORDS = """
SELECT internal_id, name FROM accounts WHERE internal_id IN (SELECT value FROM json_each(:ids))
ORDER BY given_at_ms, name
"""
NUMBER_OF = {
    Entity.STUDENT: "(SELECT number FROM schools WHERE id = r.school)",
    Entity.STAFF: """(SELECT sc.number FROM staff_schools l JOIN schools sc ON sc.id = l.target
      WHERE l.owner = r.id ORDER BY l.position LIMIT 1)""",
}
LACKING = """
SELECT m.id AS mapping_id, m.external_id, r.*, {number} AS number
FROM {mappings} m JOIN {table} r ON r.id = m.internal_id
WHERE m.entity_type = :entity AND m.id > :after_id AND m.id <= :up_to AND r.status {in_use} AND ({lacks})
ORDER BY m.id LIMIT :limit
"""
COUNT_LACKING = """
SELECT count(*) AS n FROM {mappings} m JOIN {table} r ON r.id = m.internal_id
WHERE m.entity_type = :entity AND r.status {in_use} AND ({lacks})
"""
NEWEST = "SELECT coalesce(max(id), 0) FROM {mappings}"
PAGE = """
SELECT a.name, a.internal_id, a.given_at_ms, s.username AS student_name, s.email AS student_email,
  t.username AS staff_name, t.email AS staff_email, s.id IS NOT NULL AS is_student, t.id IS NOT NULL AS is_staff
FROM accounts a LEFT JOIN students s ON s.id = a.internal_id LEFT JOIN staff t ON t.id = a.internal_id
WHERE a.name > :after ORDER BY a.name LIMIT :limit
"""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who lacks a name. ``fields`` are those of the record, ``school`` is the number of the school."""

    external_id: str
    internal_id: int | None
    mapping_id: int
    fields: Mapping[str, Any]
    school: str | None


@dataclass(frozen=True, slots=True)
class Account:
    """A name that was given. ``entity`` None: the record is not here any more; ``stands``: it still bears the name."""

    name: str
    internal_id: int
    given_at_ms: int
    entity: Entity | None
    stands: bool


async def prepare(c: Connection) -> None:
    """Make the indexes by which a name is looked for in the roster, once."""
    for entity in PEOPLE:
        for field in KINDS:
            await c.run(INDEX.format(table=TABLES[entity], field=field))


def _held(field: str) -> str:
    return " OR ".join(HELD.format(table=TABLES[entity], field=field) for entity in PEOPLE)


async def taken(c: Connection, field: str, names: Iterable[str]) -> set[str]:
    """Those of these names that were ever given, or that somebody in the roster bears, in whatever case."""
    sql = TAKEN.format(held=_held(field))
    return {row[0] for row in await c.all(sql, {"names": json.dumps(list(names))})}


async def standing(c: Connection, field: str, names: Iterable[str]) -> set[str]:
    """Those of these names that somebody in the roster bears."""
    sql = STANDING.format(held=_held(field))
    return {row[0] for row in await c.all(sql, {"names": json.dumps(list(names))})}


async def coming(c: Connection, field: str) -> set[str]:
    """The names that an SIS sends itself in what runs have fetched and not yet applied, in small letters."""
    alive = json.dumps([one for one in RunStatus if one not in ENDED])
    return {row[0] for row in await c.all(COMING.format(field=field), {"alive": alive})}


async def newcomers(
    c: Connection, integration: str, run_id: int, entity: Entity, *, after: str, upto: str
) -> list[Person]:
    """The new people of a stretch of the plan who are in use, before they are in the roster."""
    place = "school" if entity is Entity.STUDENT else "$.schools[0]"
    number = SCHOOL_NUMBER.format(mappings=table_of(integration), place=place)
    params = {"run_id": run_id, "entity": entity.value, "after": after, "upto": upto}
    rows = await c.all(NEWCOMERS.format(number=number, stretch=STRETCH), params)
    return [Person(row[0], None, 0, json.loads(row[1]), row[2]) for row in rows]


async def name_newcomers(
    c: Connection, run_id: int, entity: Entity, names: Mapping[str, Mapping[str, str]]
) -> None:
    """Write names into the plan, from where :func:`siscon.store.arrivals.bring_in` takes them: id -> field -> name."""
    rows = [
        (json.dumps({"given": given}), run_id, entity.value, external_id)
        for external_id, given in names.items()
    ]
    if rows:
        await c.many(NAME, rows)


async def give(c: Connection, names: Iterable[tuple[str, int]], *, now_ms: int) -> None:
    """Keep names for the records that they were given to, as (name, internal id), for ever."""
    await c.many(GIVE, [(name, internal_id, now_ms) for name, internal_id in names])


async def of_records(c: Connection, internal_ids: Collection[int]) -> dict[int, list[str]]:
    """Internal id -> the names that were given to it, oldest first."""
    found: dict[int, list[str]] = {}
    for row in await c.all(OF_RECORDS, {"ids": json.dumps(list(internal_ids))}):
        found.setdefault(row[0], []).append(row[1])
    return found


def _lacks(fields: Collection[str]) -> str:
    return " OR ".join(f"coalesce(r.{name}, '') = ''" for name in KINDS if name in fields) or "0"


async def lacking(
    c: Connection,
    integration: str,
    entity: Entity,
    fields: Collection[str],
    *,
    after_id: int,
    limit: int,
    up_to: int = FOR_ALL,
) -> list[Person]:
    """People of an integration without one of these fields who are in use, in the order of their mappings.

    With ``up_to`` only those who were here when that was the newest mapping.
    """
    sql = LACKING.format(
        mappings=table_of(integration),
        table=TABLES[entity],
        number=NUMBER_OF[entity],
        lacks=_lacks(fields),
        in_use=IN_USE,
    )
    rows = await c.all(sql, {"entity": entity.value, "after_id": after_id, "up_to": up_to, "limit": limit})
    names = [rule.name for rule in FIELDS[entity] if not rule.many]
    return [
        Person(
            row["external_id"],
            row["id"],
            row["mapping_id"],
            {name: row[name] for name in names},
            row["number"],
        )
        for row in rows
    ]


async def newest(c: Connection, integration: str) -> int:
    """The newest mapping of an integration: who comes later has a higher one."""
    row = await c.one(NEWEST.format(mappings=table_of(integration)))
    return int(row[0]) if row is not None else 0


async def count_lacking(c: Connection, integration: str, entity: Entity, fields: Collection[str]) -> int:
    """How many people of an integration who are in use lack one of these fields."""
    sql = COUNT_LACKING.format(
        mappings=table_of(integration), table=TABLES[entity], lacks=_lacks(fields), in_use=IN_USE
    )
    row = await c.one(sql, {"entity": entity.value})
    return int(row[0]) if row is not None else 0


async def page(c: Connection, *, after: str, limit: int) -> list[Account]:
    """Every name that was given, in the order of the names."""
    return [
        Account(
            row["name"],
            row["internal_id"],
            row["given_at_ms"],
            Entity.STUDENT if row["is_student"] else Entity.STAFF if row["is_staff"] else None,
            row["name"]
            in [row[f"{kind}_{what}"] for kind in ("student", "staff") for what in ("name", "email")],
        )
        for row in await c.all(PAGE, {"after": after, "limit": limit})
    ]
