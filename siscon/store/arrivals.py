"""New records of a plan brought into the roster, a batch at a time, by statements that never leave the database.

A first import is nothing but these; record by record through Python it took half as long again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from siscon.domain.records import FIELDS, Entity, FieldRule
from siscon.store.database import Connection
from siscon.store.mappings import table_of
from siscon.store.records import MANY, SINGLE, TABLES, links_of, take_ids

STRETCH = """s.run_id = :run_id AND s.entity = :entity AND s.external_id > :after AND s.external_id <= :upto
  AND s.part = '' AND s.verdict = 'create'"""
KNOWN = "SELECT {column} FROM {mappings} x WHERE x.entity_type = '{target}' AND x.external_id = {value}"
HERE = KNOWN + " AND +x.internal_id IS NOT NULL"
ARRIVED = """
FROM staged s JOIN {mappings} m ON m.entity_type = s.entity AND m.external_id = s.external_id
WHERE {stretch} AND m.internal_id >= :first
"""
TIE = """
INSERT INTO {mappings}
  (entity_type, external_id, internal_id, sync_status, last_synced_at, fingerprint, base)
SELECT s.entity, s.external_id, :first - 1 + row_number() OVER (ORDER BY s.external_id), 'synced', :now_ms,
  s.fingerprint, s.body
FROM staged s WHERE {stretch} {required} AND NOT EXISTS (
  SELECT 1 FROM {mappings} m
  WHERE m.entity_type = s.entity AND m.external_id = s.external_id AND m.internal_id IS NOT NULL)
ON CONFLICT (entity_type, external_id) DO UPDATE SET
  internal_id = excluded.internal_id, sync_status = 'synced', last_synced_at = excluded.last_synced_at,
  error_message = '', fingerprint = excluded.fingerprint, base = excluded.base, missing_since = NULL, missing_runs = 0,
  withdrawn_at = NULL, missing_run = NULL
RETURNING external_id || ' ' || internal_id || ' ' || fingerprint
"""
INSERT = """
INSERT INTO {table} (id, {columns}, created_at_ms, updated_at_ms)
SELECT m.internal_id, {values}, :now_ms, :now_ms
"""
# In this order, or SQLite tries every record of the other entity for each new one.
LINK = """
INSERT INTO {links} (owner, position, target)
SELECT m.internal_id, row_number() OVER (PARTITION BY m.internal_id ORDER BY j.key) - 1, x.internal_id
FROM staged s JOIN {mappings} m ON m.entity_type = s.entity AND m.external_id = s.external_id
CROSS JOIN json_each(s.body, '$.{field}') j
CROSS JOIN {mappings} x ON x.entity_type = '{target}' AND x.external_id = j.value AND +x.internal_id IS NOT NULL
WHERE {stretch} AND m.internal_id >= :first
"""
REMEMBER = """
INSERT INTO changes (at_ms, run_id, integration, entity, external_id, internal_id, kind, after)
SELECT :now_ms, :run_id, :integration, s.entity, s.external_id, m.internal_id, 'created', {body}
"""
# Names that siscon gives are ours, so they stand in the record and its image, but not in the base.
GIVEN = "s.changes ->> '$.given.{field}'"
BODY_WITH_GIVEN = "json_patch(s.body, coalesce(s.changes -> '$.given', '{}'))"
KEEP_GIVEN = """
INSERT INTO accounts (name, internal_id, given_at_ms)
SELECT j.value, m.internal_id, :now_ms
FROM staged s JOIN {mappings} m ON m.entity_type = s.entity AND m.external_id = s.external_id
CROSS JOIN json_each(s.changes, '$.given') j
WHERE {stretch} AND m.internal_id >= :first
"""
# What had to be left out keeps the mapping pending: without a fingerprint it is looked at again in every run.
LOST_ONE = """
UPDATE {mappings} SET base = json_remove(base, '$.{field}'), fingerprint = '', sync_status = 'pending',
  error_message = 'left out for now, leads to nothing here: {field}'
WHERE entity_type = :entity AND internal_id >= :first AND base ->> '{field}' IS NOT NULL AND NOT EXISTS ({here})
"""
LOST_SOME = """
UPDATE {mappings} SET fingerprint = '', sync_status = 'pending',
  error_message = 'left out for now, leads to nothing here: {field}',
  base = json_set(base, '$.{field}', (
    SELECT json_group_array(j.value) FROM json_each(base, '$.{field}') j WHERE EXISTS ({here})))
WHERE entity_type = :entity AND internal_id >= :first AND EXISTS (
  SELECT 1 FROM json_each(base, '$.{field}') j WHERE NOT EXISTS ({here}))
"""
LEFT = """
SELECT s.external_id, s.body, m.internal_id FROM staged s
LEFT JOIN {mappings} m ON m.entity_type = s.entity AND m.external_id = s.external_id
WHERE {stretch} AND coalesce(m.internal_id, 0) < :first
"""


@dataclass(frozen=True, slots=True)
class Stays:
    """A new record that could not come in. ``internal_id`` is set when somebody else has brought it in meanwhile."""

    external_id: str
    body: str
    internal_id: int | None


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What one batch brought in; ``told`` lists id, internal id and fingerprint of each, a line each."""

    created: int
    warnings: int
    told: str
    stayed: list[Stays]


async def bring_in(
    c: Connection,
    integration: str,
    run_id: int,
    entity: Entity,
    *,
    after: str,
    upto: str,
    expected: int,
    now_ms: int,
    named: bool = False,
) -> Arrivals:
    """Create the ``expected`` new records of a stretch, with links, mappings and images.

    ``named``: some were given user names or e-mail addresses in the plan (:mod:`siscon.store.accounts`).

    A record whose required reference leads nowhere stays outside; an optional one is left out with a warning.
    """
    first = await take_ids(c, expected)
    params = {
        "run_id": run_id,
        "entity": entity.value,
        "integration": integration,
        "after": after,
        "upto": upto,
        "first": first,
        "now_ms": now_ms,
    }
    sql = _statements(integration, entity, named=named)
    told = [row[0] for row in await c.all(sql.tie, params)]
    changed = await c.each([(statement, params) for statement in (*sql.writing, *sql.leaving_out)])
    warnings = sum(changed[len(sql.writing) :])
    left = await c.all(sql.left, params) if len(told) < expected else []
    return Arrivals(len(told), warnings, "\n".join(told), [Stays(row[0], row[1], row[2]) for row in left])


def missing_reference(entity: Entity) -> str:
    """The required references of an entity, in words, for the sentence about a record that stayed outside."""
    return " or ".join(rule.name for rule in FIELDS[entity] if rule.refers_to is not None and rule.required)


@dataclass(frozen=True, slots=True)
class _Statements:
    tie: str
    writing: tuple[str, ...]
    leaving_out: tuple[str, ...]
    left: str


@cache
def _statements(integration: str, entity: Entity, *, named: bool = False) -> _Statements:
    mappings = table_of(integration)
    names = {"mappings": mappings, "stretch": STRETCH}
    arrived = ARRIVED.format(**names)
    singles = SINGLE[entity]
    required = [rule for rule in singles if rule.refers_to is not None and rule.required]
    optional = [rule for rule in singles if rule.refers_to is not None and not rule.required]
    insert = INSERT.format(
        table=TABLES[entity],
        columns=", ".join(rule.name for rule in singles),
        values=", ".join(_value(rule, names, named=named) for rule in singles),
    )
    links = [
        LINK.format(links=links_of(entity, rule), field=rule.name, target=rule.refers_to, **names)
        for rule in MANY[entity]
    ]
    return _Statements(
        tie=TIE.format(
            required=" ".join(f"AND EXISTS ({_here(rule, '1', 's.body', names)})" for rule in required),
            **names,
        ),
        writing=(
            insert + arrived,
            *links,
            REMEMBER.format(body=BODY_WITH_GIVEN if named else "s.body") + arrived,
            *((KEEP_GIVEN.format(**names),) if named else ()),
        ),
        leaving_out=(
            *(
                LOST_ONE.format(field=one.name, here=_here(one, "1", f"{mappings}.base", names), **names)
                for one in optional
            ),
            *(
                LOST_SOME.format(
                    field=one.name,
                    here=HERE.format(column=1, target=one.refers_to, value="j.value", **names),
                    **names,
                )
                for one in MANY[entity]
            ),
        ),
        left=LEFT.format(**names),
    )


def _here(rule: FieldRule, column: str, body: str, names: Mapping[str, str]) -> str:
    """A query that finds something exactly when the reference in ``body`` leads to a record that is here."""
    return HERE.format(column=column, target=rule.refers_to, value=f"{body} ->> '{rule.name}'", **names)


def _value(rule: FieldRule, names: Mapping[str, str], *, named: bool) -> str:
    if named and rule.name in ("username", "email"):
        return f"coalesce(s.body ->> '{rule.name}', {GIVEN.format(field=rule.name)})"
    if rule.refers_to is None:
        return f"s.body ->> '{rule.name}'"
    return f"({_here(rule, 'x.internal_id', 's.body', names)})"
