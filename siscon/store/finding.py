"""Records by what people know of them: an external id, an internal id, the beginning of a name."""

from __future__ import annotations

from dataclasses import dataclass

from siscon.domain.records import CALLED_BY, FIELDS, Entity
from siscon.store.database import Connection
from siscon.store.mappings import table_of
from siscon.store.records import TABLES

BY_EXTERNAL_ID = """
SELECT entity_type, external_id, internal_id, base FROM {mappings}
WHERE entity_type IN ({entities}) AND external_id = :text AND internal_id IS NOT NULL
"""
BY_INTERNAL_ID = """
SELECT entity_type, external_id, internal_id, base FROM {mappings}
WHERE entity_type IN ({entities}) AND internal_id = :number
"""
# Of two words the first begins the first name and the second the last, or the other way about.
BY_NAME = """
SELECT m.entity_type, m.external_id, m.internal_id, m.base FROM {table} r
JOIN {mappings} m ON m.entity_type = '{entity}' AND m.internal_id = r.id
WHERE {names} ORDER BY r.id LIMIT :limit
"""
NAMED = tuple(
    entity
    for entity in Entity
    if not any(rule.refers_to for rule in FIELDS[entity] if rule.name in CALLED_BY[entity])
)
"""Entities that have names of their own."""
MOST = 200


@dataclass(frozen=True, slots=True)
class Found:
    """One record as an integration knows it; ``base`` is the body last agreed on."""

    integration: str
    entity: Entity
    external_id: str
    internal_id: int
    base: str


async def find(c: Connection, integration: str, text: str) -> list[Found]:
    """The records of an integration that a text may mean, ids before names; at most ``MOST`` of each kind."""
    entities = ", ".join(f"'{one.value}'" for one in Entity)
    place = {"mappings": table_of(integration), "entities": entities}
    rows = await c.all(BY_EXTERNAL_ID.format(**place), {"text": text})
    if text.isascii() and text.isdigit() and len(text) < 19:
        rows += await c.all(BY_INTERNAL_ID.format(**place), {"number": int(text)})
    words = text.split()
    for entity in NAMED if words else ():
        sql = BY_NAME.format(
            table=TABLES[entity],
            mappings=table_of(integration),
            entity=entity.value,
            names=_names(entity, len(words)),
        )
        params = {
            "limit": MOST,
            "first": _pattern(words[0]),
            "last": _pattern(words[-1]),
            "all": _pattern(text),
        }
        rows += await c.all(sql, {name: params[name] for name in params if f":{name}" in sql})
    seen: dict[int, Found] = {}
    for row in rows:
        one = Found(integration, Entity(row[0]), row[1], row[2], row[3])
        seen.setdefault(one.internal_id, one)
    return list(seen.values())


def _names(entity: Entity, words: int) -> str:
    names = CALLED_BY[entity]
    if words >= 2 and {"first_name", "last_name"} <= set(names):
        there = "r.first_name LIKE :first ESCAPE '!' AND r.last_name LIKE :last ESCAPE '!'"
        back = "r.last_name LIKE :first ESCAPE '!' AND r.first_name LIKE :last ESCAPE '!'"
        return f"(({there}) OR ({back}) OR r.last_name LIKE :all ESCAPE '!')"
    return "(" + " OR ".join(f"r.{name} LIKE :all ESCAPE '!'" for name in names) + ")"


def _pattern(text: str) -> str:
    """What begins with a text, as it stands; signs that SQL would read otherwise are meant as they are."""
    escaped = text.strip().replace("!", "!!").replace("%", "!%").replace("_", "!_")
    return f"{escaped}%"
