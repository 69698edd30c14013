"""Records of a plan that came back under other ids: found in the plan, and tied to their old records."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from siscon.domain.records import FIELDS, Entity, body_of, fingerprint_of
from siscon.domain.referring import referred_to, renamed
from siscon.domain.remaps import Rekeyed, Sameness
from siscon.store.database import Connection
from siscon.store.mappings import table_of

MISSING = """
SELECT count(*) AS n FROM staged
WHERE run_id = :run_id AND entity = :entity AND part = '' AND verdict IN ('missing', 'withdraw')
"""
CLEAR = "DELETE FROM rekeyed WHERE run_id = :run_id"
# One to one or not at all: the key must stand for one record on each side.
PAIR = """
INSERT INTO rekeyed (run_id, entity, old_id, new_id, rule)
SELECT :run_id, :entity, o.id, n.id, :rule FROM (
  SELECT {old_key} AS key, min(s.external_id) AS id, min(s.body ->> 'birth_date') AS born FROM staged s
  WHERE s.run_id = :run_id AND s.entity = :entity AND s.part = '' AND s.verdict IN ('missing', 'withdraw') AND {usable}
    AND NOT EXISTS (SELECT 1 FROM rekeyed k
      WHERE k.run_id = s.run_id AND k.entity = s.entity AND k.old_id = s.external_id)
  GROUP BY key HAVING count(*) = 1) o
JOIN (
  SELECT {new_key} AS key, min(s.external_id) AS id, min(s.body ->> 'birth_date') AS born FROM staged s
  WHERE s.run_id = :run_id AND s.entity = :entity AND s.part = '' AND s.verdict = 'create' AND {usable}
    AND NOT EXISTS (SELECT 1 FROM rekeyed k
      WHERE k.run_id = s.run_id AND k.entity = s.entity AND k.new_id = s.external_id)
  GROUP BY key HAVING count(*) = 1) n ON n.key = o.key
WHERE o.born IS NULL OR n.born IS NULL OR o.born = n.born
"""
NOW_CALLED = """coalesce((SELECT k.new_id FROM rekeyed k
  WHERE k.run_id = :run_id AND k.entity = '{target}' AND k.old_id = {value}), {value})"""
NOW_CALLED_ALL = """(SELECT json_group_array(told) FROM (SELECT {called} AS told
  FROM json_each(s.body, '$.{field}') j ORDER BY told))"""
COUNT = "SELECT count(*) AS n FROM rekeyed WHERE run_id = :run_id"
COUNT_ONE = "SELECT count(*) AS n FROM rekeyed WHERE run_id = :run_id AND entity = :entity"
LIST = """
SELECT entity, old_id, new_id, rule FROM rekeyed WHERE run_id = :run_id ORDER BY entity, old_id LIMIT :limit
"""
OF_ENTITY = "FROM rekeyed k WHERE k.run_id = :run_id AND k.entity = :entity"
# A tie without a record (one that could never be applied) stands in the way of the new id.
MAKE_ROOM = (
    "DELETE FROM {mappings} WHERE entity_type = :entity AND internal_id IS NULL AND external_id IN (SELECT k.new_id "
    + OF_ENTITY
    + ")"
)
TIE = (
    """
UPDATE {mappings} SET missing_since = NULL, missing_runs = 0, missing_run = NULL, external_id = (
  SELECT k.new_id """
    + OF_ENTITY
    + """ AND k.old_id = external_id)
WHERE entity_type = :entity AND internal_id IS NOT NULL AND external_id IN (SELECT k.old_id """
    + OF_ENTITY
    + ")"
)
OPEN_QUESTIONS = (
    """
UPDATE conflicts SET external_id = (SELECT k.new_id """
    + OF_ENTITY
    + """ AND k.old_id = external_id)
WHERE integration = :integration AND entity = :entity AND status = 'open' AND external_id IN (SELECT k.old_id """
    + OF_ENTITY
    + ")"
)
# The new id is a living one now; who led to the old id is led on, so no chain and no circle comes about.
ALIASES = (
    "DELETE FROM aliases WHERE integration = :integration AND entity = :entity AND external_id IN (SELECT k.new_id "
    + OF_ENTITY
    + ")",
    "UPDATE aliases SET survivor = (SELECT k.new_id "
    + OF_ENTITY
    + " AND k.old_id = survivor) WHERE integration = :integration AND entity = :entity"
    + " AND survivor IN (SELECT k.old_id "
    + OF_ENTITY
    + ")",
    "INSERT INTO aliases (integration, entity, external_id, survivor, made_at_ms, made_by) "
    "SELECT :integration, :entity, k.old_id, k.new_id, :now_ms, :actor "
    + OF_ENTITY
    + " ON CONFLICT (integration, entity, external_id) DO UPDATE SET survivor = excluded.survivor",
)
REFERS = """EXISTS (SELECT 1 FROM rekeyed k WHERE k.run_id = :run_id AND k.entity = '{target}'
  AND k.old_id = {value})"""
REFERS_MANY = "EXISTS (SELECT 1 FROM json_each(m.base, '$.{field}') j WHERE {refers})"
# The plus: in the order of the ids from after one of them, instead of sorting the whole entity for each page.
BASES = """
SELECT m.id, m.base, m.fingerprint FROM {mappings} m
WHERE +m.entity_type = :entity AND m.id > :after_id AND ({refers}) ORDER BY m.id LIMIT 2000
"""
NEW_NAMES = """
SELECT old_id, new_id FROM rekeyed WHERE run_id = :run_id AND entity = :entity
  AND old_id IN (SELECT value FROM json_each(:ids))
"""
REBASE = "UPDATE {mappings} SET base = ?, fingerprint = ? WHERE id = ?"
# Records that died while they were read keep their verdict; all others are judged anew.
FORGET_ABSENT = "DELETE FROM staged WHERE run_id = :run_id AND verdict IN ('missing', 'withdraw')"
FORGET_VERDICTS = """
UPDATE staged SET verdict = NULL, changes = NULL, seen_fingerprint = NULL, seen_version = NULL
WHERE run_id = :run_id AND part = '' AND NOT (verdict = 'dead' AND changes IS NULL)
"""
FORGET_PLACES = "UPDATE run_counts SET applied_to = NULL, left_out = 0, done = 0 WHERE run_id = :run_id"


async def clear(c: Connection, run_id: int) -> None:
    """Forget the pairs of a plan."""
    await c.run(CLEAR, {"run_id": run_id})


async def pair(c: Connection, run_id: int, entity: Entity, rule: Sameness) -> None:
    """Find pairs that a rule makes, one to one, among the records that have none yet; parents come first."""
    columns = {one.name: one for one in FIELDS[entity]}
    usable = [f"s.body ->> '{name}' IS NOT NULL" for name in rule.needed]
    if "local_id" in rule.needed:
        usable.append("s.body ->> 'local_id' <> s.external_id")

    def key(*, old: bool) -> str:
        return "json_array(" + ", ".join(_part(columns[one], old) for one in names) + ")"

    names = (*rule.needed, *rule.beside)
    sql = PAIR.format(old_key=key(old=True), new_key=key(old=False), usable=" AND ".join(usable))
    await c.run(sql, {"run_id": run_id, "entity": entity.value, "rule": rule.name})


def _part(rule: Any, old: bool) -> str:
    """One field of a key; references of vanished records read as they are called now."""
    value = f"s.body ->> '{rule.name}'"
    if rule.many:
        called = NOW_CALLED.format(target=rule.refers_to, value="j.value") if old else "j.value"
        return NOW_CALLED_ALL.format(called=called, field=rule.name)
    if rule.refers_to is not None:
        return NOW_CALLED.format(target=rule.refers_to, value=f"({value})") if old else value
    return f"lower(trim({value}))"


async def count(c: Connection, run_id: int, entity: Entity | None = None) -> int:
    """How many pairs a plan holds."""
    params = {"run_id": run_id} if entity is None else {"run_id": run_id, "entity": entity.value}
    row = await c.one(COUNT if entity is None else COUNT_ONE, params)
    return int(row["n"]) if row is not None else 0


async def found(c: Connection, run_id: int, entity: Entity) -> Rekeyed:
    """What of the missing records of an entity came back under other ids."""
    row = await c.one(MISSING, {"run_id": run_id, "entity": entity.value})
    return Rekeyed(entity, await count(c, run_id, entity), int(row["n"]) if row is not None else 0)


async def listed(c: Connection, run_id: int, *, limit: int = 200) -> list[tuple[Entity, str, str, str]]:
    """Pairs of a plan as (entity, old id, new id, rule)."""
    rows = await c.all(LIST, {"run_id": run_id, "limit": limit})
    return [(Entity(row[0]), row[1], row[2], row[3]) for row in rows]


async def tie(c: Connection, integration: str, run_id: int, *, actor: str, now_ms: int) -> int:
    """Tie the old records of all pairs to their new ids, with what refers to them; how many were tied.

    The internal ids stay. Nothing is fetched and no record of the roster changes.
    """
    tied = 0
    names = {"mappings": table_of(integration)}
    for entity in Entity:
        params = {"run_id": run_id, "entity": entity.value}
        if not await count(c, run_id, entity):
            continue
        await c.run(MAKE_ROOM.format(**names), params)
        tied += await c.run(TIE.format(**names), params)
        await c.run(OPEN_QUESTIONS, {**params, "integration": integration})
        more = {**params, "integration": integration, "now_ms": now_ms, "actor": actor}
        for sql in ALIASES:
            await c.run(sql, more)
    for entity in Entity:
        await _rename_references(c, integration, run_id, entity)
    return tied


async def _rename_references(c: Connection, integration: str, run_id: int, entity: Entity) -> None:
    """What was last agreed on names records by the SIS's ids: those that were changed are put there, too."""
    rules = [rule for rule in FIELDS[entity] if rule.refers_to is not None]
    if not rules:
        return
    refers = " OR ".join(
        REFERS_MANY.format(field=rule.name, refers=REFERS.format(target=rule.refers_to, value="j.value"))
        if rule.many
        else REFERS.format(target=rule.refers_to, value=f"(m.base ->> '{rule.name}')")
        for rule in rules
    )
    mappings = table_of(integration)
    sql = BASES.format(mappings=mappings, refers=refers)
    after_id = 0
    while True:
        rows = await c.all(sql, {"run_id": run_id, "entity": entity.value, "after_id": after_id})
        if not rows:
            return
        bodies = {row["id"]: (json.loads(row["base"]), row["fingerprint"]) for row in rows}
        names = await _new_names(c, run_id, entity, [fields for fields, _ in bodies.values()])
        told = []
        for id_, (fields, fingerprint) in bodies.items():
            base = body_of(entity, renamed(entity, fields, partial(_called, names)))
            told.append((base, fingerprint_of(base) if fingerprint else "", id_))
        await c.many(REBASE.format(mappings=mappings), told)
        after_id = rows[-1]["id"]


async def _new_names(
    c: Connection, run_id: int, entity: Entity, bodies: Iterable[Mapping[str, Any]]
) -> dict[Entity, dict[str, str]]:
    names: dict[Entity, dict[str, str]] = {}
    for target, wanted in referred_to(entity, bodies).items():
        params = {"run_id": run_id, "entity": target.value, "ids": json.dumps(sorted(wanted))}
        names[target] = {row[0]: row[1] for row in await c.all(NEW_NAMES, params)}
    return names


def _called(names: Mapping[Entity, Mapping[str, str]], target: Entity, one: str) -> str:
    return names[target].get(one, one)


async def plan_anew(c: Connection, run_id: int) -> None:
    """Take every verdict back, so that the run plans once more from what it has fetched."""
    for sql in (FORGET_ABSENT, FORGET_VERDICTS, FORGET_PLACES, CLEAR):
        await c.run(sql, {"run_id": run_id})
