"""Conflicts: fields that both sides changed, and that wait for a person."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from siscon.domain import kept_filters
from siscon.domain.conflicts import Conflict, ConflictKind
from siscon.domain.errors import UsageError
from siscon.domain.filters import ALL, Filter
from siscon.domain.records import FIELDS, Entity
from siscon.store import filtered, filtering
from siscon.store.database import Connection, Row
from siscon.store.walking import Meant

# A conflict that is still open is brought up to date; the moment it was opened stays.
OPEN = """
INSERT INTO conflicts (integration, entity, external_id, internal_id, run_id, status, base, sis, local,
  sis_fingerprint, local_version, opened_at_ms, kind, other_external_id, why, sis_modified_at, local_edited_at_ms)
VALUES (:integration, :entity, :external_id, :internal_id, :run_id, 'open', :base, :sis, :local,
  :sis_fingerprint, :local_version, :now_ms, :kind, :other, :why, :sis_modified_at, :local_edited_at_ms)
ON CONFLICT (integration, entity, external_id, kind) WHERE status = 'open' DO UPDATE SET
  internal_id = excluded.internal_id, run_id = excluded.run_id, base = excluded.base, sis = excluded.sis,
  local = excluded.local, sis_fingerprint = excluded.sis_fingerprint, local_version = excluded.local_version,
  other_external_id = excluded.other_external_id, why = excluded.why, sis_modified_at = excluded.sis_modified_at,
  local_edited_at_ms = excluded.local_edited_at_ms
"""
# The run looked at the record and found nothing to ask, or asks another thing: it would have put its own number on
# it. What a later run asked stays, and what one asked that has overtaken this one: an older plan knows nothing of it.
CLOSE_GONE = """
UPDATE conflicts SET status = 'gone', settled_at_ms = :now_ms
WHERE integration = :integration AND entity = :entity AND status = 'open'
  AND kind IN ('fields', 'identity') AND run_id < :run_id
  AND (EXISTS (
  SELECT 1 FROM staged s WHERE s.run_id = :run_id AND s.entity = conflicts.entity
    AND s.external_id = conflicts.external_id AND s.part = '' AND s.verdict IN ('update', 'unchanged'))
  OR EXISTS (
  SELECT 1 FROM conflicts o WHERE o.integration = conflicts.integration AND o.entity = conflicts.entity
    AND o.external_id = conflicts.external_id AND o.status = 'open' AND o.kind IN ('fields', 'identity')
    AND o.run_id = :run_id))
  AND NOT EXISTS (SELECT 1 FROM overtaken o WHERE o.run_id = :run_id AND o.entity = conflicts.entity
    AND o.external_id = conflicts.external_id)
"""
SETTLE = """
UPDATE conflicts SET status = 'settled', settled_at_ms = ?, settled_by = ?, settled_run_id = ?, decision = ?
WHERE id = ?
"""
# What was decided of it leaves the question; the rest goes on waiting, against the record as it is now.
KEEP_OPEN = """
UPDATE conflicts SET status = 'open', settled_at_ms = NULL, settled_by = NULL, settled_run_id = NULL,
  base = ?, sis = ?, local = ?, local_version = ?
WHERE id = ?
"""
REOPEN = """
UPDATE OR IGNORE conflicts SET status = 'open', settled_at_ms = NULL, settled_by = NULL, settled_run_id = NULL,
  decision = NULL, local_version = ?
WHERE settled_run_id = ? AND integration = ? AND entity = ? AND external_id = ? AND status = 'settled'
"""
MATCHING = """status = 'open' AND kind = 'fields' AND integration = :integration AND id > :after_id AND id <= :up_to
  AND (:entity IS NULL OR entity = :entity)
  AND (:field IS NULL OR (json_type(sis, '$.' || :field) IS NOT NULL
    AND (:sis IS NULL OR sis ->> ('$.' || :field) = :sis) AND (:local IS NULL OR local ->> ('$.' || :field) = :local)
    AND (:base IS NULL OR base ->> ('$.' || :field) = :base)))
  AND (:ids IS NULL OR id IN (SELECT value FROM json_each(:ids)))
  AND (:but IS NULL OR id NOT IN (SELECT value FROM json_each(:but)))"""
COUNT_MATCHING = f"SELECT count(*) AS n, max(id) AS newest FROM conflicts WHERE {MATCHING} AND {{narrower}}"
NEXT_MATCHING = f"SELECT * FROM conflicts WHERE {MATCHING} AND {{narrower}} ORDER BY id LIMIT :limit"
OPEN_ONES = "status = 'open'"
# Only what is chosen stands in the question: one that asks "or is none chosen" is answered by no index.
CHOOSING = {
    "integration": "integration = :integration",
    "entity": "entity = :entity",
    "up_to": "id <= :up_to",
    "ids": "id IN (SELECT value FROM json_each(:ids))",
}
LIST_OPEN = "SELECT * FROM conflicts WHERE {chosen} AND id > :after_id ORDER BY id LIMIT :limit"
COUNT_OPEN = "SELECT count(*) AS n FROM conflicts WHERE {chosen}"
FIND = "SELECT * FROM conflicts WHERE id = :id"
BY_IDS = "SELECT * FROM conflicts WHERE id IN (SELECT value FROM json_each(:ids))"


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which open conflicts are meant; None: any. ``up_to``: no newer ones.

    ``where`` narrows them further, as a person has typed it.
    """

    integration: str | None = None
    entity: Entity | None = None
    ids: tuple[int, ...] | None = None
    up_to: int | None = None
    where: Filter = ALL

    @property
    def clause(self) -> str:
        """The condition that chooses."""
        told = [sql for name, sql in CHOOSING.items() if getattr(self, name) is not None]
        return " AND ".join([OPEN_ONES, *told, filtering.clause(self.where, filtered.CONFLICTS)])

    @property
    def meant(self) -> Meant:
        """The rows in the database."""
        return Meant("conflicts", self.clause, self.params())

    def params(self) -> dict[str, Any]:
        """The values of its placeholders."""
        return {
            "integration": self.integration,
            "entity": self.entity.value if self.entity else None,
            "ids": None if self.ids is None else json.dumps(self.ids),
            "up_to": self.up_to,
            **filtering.params(self.where),
        }


ANY = Chosen()


@dataclass(frozen=True, slots=True)
class NewConflict:
    """A conflict as applying finds it; fingerprint and version tell later whether either side has moved on."""

    integration: str
    entity: Entity
    external_id: str
    internal_id: int
    run_id: int
    base: Mapping[str, Any]
    sis: Mapping[str, Any]
    local: Mapping[str, Any]
    sis_fingerprint: str
    local_version: int
    kind: ConflictKind = ConflictKind.FIELDS
    other_external_id: str | None = None
    why: str = ""
    sis_modified_at: str = ""
    local_edited_at_ms: int | None = None


async def open_many(c: Connection, found: Iterable[NewConflict], *, now_ms: int) -> None:
    """Open conflicts; of one record there is at most one open at a time, the newest."""
    await c.many(
        OPEN,
        [
            {
                "integration": one.integration,
                "entity": one.entity.value,
                "external_id": one.external_id,
                "internal_id": one.internal_id,
                "run_id": one.run_id,
                "base": _text(one.base),
                "sis": _text(one.sis),
                "local": _text(one.local),
                "sis_fingerprint": one.sis_fingerprint,
                "local_version": one.local_version,
                "now_ms": now_ms,
                "kind": one.kind.value,
                "other": one.other_external_id,
                "why": one.why,
                "sis_modified_at": one.sis_modified_at,
                "local_edited_at_ms": one.local_edited_at_ms,
            }
            for one in found
        ],
    )


@dataclass(frozen=True, slots=True)
class Pattern:
    """Which open conflicts about fields are meant: of an integration, up to a number; None: any.

    ``sis``, ``local`` and ``base`` are values of ``field`` on each side. ``ids`` and ``but`` are numbers as JSON: only
    these, and not those. ``narrower`` is what a person has typed besides.
    """

    integration: str
    up_to: int
    entity: str | None = None
    field: str | None = None
    sis: str | None = None
    local: str | None = None
    base: str | None = None
    ids: str | None = None
    but: str | None = None
    narrower: Filter = ALL

    @classmethod
    def of(
        cls,
        integration: str,
        where: Mapping[str, str],
        *,
        up_to: int,
        ids: Collection[int] = (),
        but: Collection[int] = (),
    ) -> Pattern:
        """The pattern that a person has put together; raises ``UsageError`` where it makes no sense."""
        known = {"entity", "field", "sis", "local", "base"}
        narrower = kept_filters.read(where, filtered.CONFLICTS)
        where = {name: value for name, value in where.items() if name not in kept_filters.WORDS}
        if strange := where.keys() - known:
            raise UsageError(
                f"A pattern cannot ask for '{min(strange)}', but for {', '.join(sorted(known))}."
            )
        names = {rule.name for rules in FIELDS.values() for rule in rules}
        if "field" in where and where["field"] not in names:
            raise UsageError("There is no such field: write its name as in 'siscon conflicts show'.")
        if where.keys() & {"sis", "local", "base"} and "field" not in where:
            raise UsageError("A value belongs to a field: name the field as well.")
        numbers = {
            "ids": json.dumps(list(ids)) if ids else None,
            "but": json.dumps(list(but)) if but else None,
        }
        return cls(integration, up_to, **where, **numbers, narrower=narrower)

    def within(self, sql: str) -> str:
        """A statement about what matches."""
        return sql.format(narrower=filtering.clause(self.narrower, filtered.CONFLICTS))

    def params(self) -> dict[str, Any]:
        """The values of the placeholders of such a statement."""
        own = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "narrower"}
        return {**own, **filtering.params(self.narrower)}


async def count_matching(c: Connection, pattern: Pattern) -> int:
    """How many open conflicts a pattern matches."""
    row = await c.one(pattern.within(COUNT_MATCHING), {**pattern.params(), "after_id": 0})
    return int(row["n"]) if row is not None else 0


async def newest_matching(c: Connection, pattern: Pattern) -> int:
    """The number of the newest conflict that a pattern matches; 0 when there is none."""
    row = await c.one(pattern.within(COUNT_MATCHING), {**pattern.params(), "after_id": 0})
    return int(row["newest"] or 0) if row is not None else 0


async def next_matching(c: Connection, pattern: Pattern, *, after_id: int, limit: int) -> list[Conflict]:
    """The next open conflicts that a pattern matches, oldest first."""
    params = {**pattern.params(), "after_id": after_id, "limit": limit}
    return [_conflict(row) for row in await c.all(pattern.within(NEXT_MATCHING), params)]


async def settle(
    c: Connection,
    decided: Iterable[tuple[Conflict, Mapping[str, Any]]],
    *,
    by: str,
    run_id: int,
    now_ms: int,
) -> None:
    """Close conflicts that a person has decided, as (conflict, field -> value that holds)."""
    await c.many(SETTLE, [(now_ms, by, run_id, _text(values), conflict.id) for conflict, values in decided])


async def keep_open(c: Connection, rest: Iterable[tuple[Conflict, Collection[str], int]]) -> None:
    """Of conflicts that were decided in part, as (conflict, fields left, local version now), the rest stays open."""
    rows = []
    for conflict, names, version in rest:
        sides = [
            _text({name: side[name] for name in names if name in side})
            for side in (conflict.base, conflict.sis, conflict.local)
        ]
        rows.append((*sides, version, conflict.id))
    await c.many(KEEP_OPEN, rows)


async def reopen(
    c: Connection, run_id: int, integration: str, entity: Entity, records: Iterable[tuple[str, int]]
) -> None:
    """Open again what a run had decided of these records, as (external id, local version now)."""
    rows = [(version, run_id, integration, entity.value, external_id) for external_id, version in records]
    if rows:
        await c.many(REOPEN, rows)


async def close_gone(c: Connection, integration: str, entity: Entity, run_id: int, *, now_ms: int) -> int:
    """Close the open conflicts of records on which a run found both sides agreed again; how many there were."""
    place = {"integration": integration, "entity": entity.value, "run_id": run_id}
    return await c.run(CLOSE_GONE, {**place, "now_ms": now_ms})


async def list_open(
    c: Connection, chosen: Chosen = ANY, *, after_id: int = 0, limit: int = 200
) -> list[Conflict]:
    """Open conflicts, oldest first, after a number."""
    sql = LIST_OPEN.format(chosen=chosen.clause)
    return [
        _conflict(row) for row in await c.all(sql, {**chosen.params(), "after_id": after_id, "limit": limit})
    ]


async def by_ids(c: Connection, conflict_ids: Iterable[int]) -> list[Conflict]:
    """The conflicts of these numbers, open or not, in no particular order."""
    return [_conflict(row) for row in await c.all(BY_IDS, {"ids": json.dumps(list(conflict_ids))})]


async def count_open(c: Connection, chosen: Chosen = ANY) -> int:
    """How many conflicts wait for a person."""
    row = await c.one(COUNT_OPEN.format(chosen=chosen.clause), chosen.params())
    return int(row["n"]) if row else 0


async def get(c: Connection, conflict_id: int) -> Conflict | None:
    """The conflict of that number, or None."""
    row = await c.one(FIND, {"id": conflict_id})
    return None if row is None else _conflict(row)


def _text(fields: Mapping[str, Any]) -> str:
    return json.dumps(dict(fields), ensure_ascii=False, separators=(",", ":"))


def _conflict(row: Row) -> Conflict:
    return Conflict(
        id=row["id"],
        integration=row["integration"],
        entity=Entity(row["entity"]),
        external_id=row["external_id"],
        internal_id=row["internal_id"],
        run_id=row["run_id"],
        status=row["status"],
        base=json.loads(row["base"]),
        sis=json.loads(row["sis"]),
        local=json.loads(row["local"]),
        opened_at_ms=row["opened_at_ms"],
        kind=ConflictKind(row["kind"]),
        other_external_id=row["other_external_id"],
        why=row["why"],
        sis_fingerprint=row["sis_fingerprint"],
        local_version=row["local_version"],
        sis_modified_at=row["sis_modified_at"],
        local_edited_at_ms=row["local_edited_at_ms"],
        settled_by=row["settled_by"],
        settled_at_ms=row["settled_at_ms"],
        decision=json.loads(row["decision"] or "{}"),
    )
