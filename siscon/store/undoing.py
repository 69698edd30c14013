"""What undoing a run reads and writes: its changes, the plan made of them, records taken out and put back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from siscon.domain.plans import Verdict
from siscon.domain.records import Entity
from siscon.store.changes import ChangeRow, change_row
from siscon.store.database import Connection
from siscon.store.mappings import table_of
from siscon.store.records import MANY, SINGLE, TABLES, links_of

CHOSEN = """run_id = :run_id AND (:entity IS NULL OR entity = :entity)
  AND (:external_id IS NULL OR external_id = :external_id)"""
COUNTS = f"SELECT entity, kind, count(*) AS n FROM changes WHERE {CHOSEN} GROUP BY entity, kind"
PAGE = f"SELECT * FROM changes WHERE {CHOSEN} AND id > :after_id ORDER BY id LIMIT :limit"
STAGED = """
SELECT external_id, body, verdict, changes FROM staged
WHERE run_id = :run_id AND entity = :entity AND part = '' AND external_id IN (SELECT value FROM json_each(:ids))
"""
PUT = """
INSERT INTO staged (run_id, entity, external_id, part, body, fingerprint, verdict, changes)
VALUES (?, ?, ?, '', ?, '', ?, ?)
ON CONFLICT (run_id, entity, external_id, part) DO UPDATE SET
  body = excluded.body, verdict = excluded.verdict, changes = excluded.changes
"""
NEXT = """
SELECT external_id, body, verdict, changes FROM staged
WHERE run_id = :run_id AND entity = :entity AND part = '' AND external_id > :after
  AND (:verdict IS NULL OR verdict = :verdict) ORDER BY external_id LIMIT :limit
"""
DONE = "DELETE FROM staged WHERE run_id = ? AND entity = ? AND external_id = ?"
DELETE = "DELETE FROM {table} WHERE id = ?"
UNLINK = "DELETE FROM {links} WHERE owner = ?"
UNTIE = "DELETE FROM {table} WHERE entity_type = ? AND external_id = ?"
GIVE_UP_QUESTIONS = """
UPDATE conflicts SET status = 'gone', settled_at_ms = ?
WHERE integration = ? AND entity = ? AND status = 'open' AND (external_id = ? OR kind = 'duplicate'
  AND other_external_id = ?)
"""


@dataclass(frozen=True, slots=True)
class Step:
    """What undoing would do with one record: ``body`` is what belongs to it, ``told`` names fields and values."""

    external_id: str
    body: Mapping[str, Any]
    verdict: Verdict
    told: Mapping[str, Any]


async def counts(
    c: Connection, run_id: int, *, entity: str | None = None, external_id: str | None = None
) -> dict[tuple[Entity, str], int]:
    """(entity, kind) -> number of changes that a run made."""
    rows = await c.all(COUNTS, {"run_id": run_id, "entity": entity, "external_id": external_id})
    return {(Entity(row["entity"]), row["kind"]): row["n"] for row in rows}


async def page(
    c: Connection,
    run_id: int,
    *,
    entity: str | None,
    external_id: str | None,
    after_id: int,
    limit: int,
) -> list[ChangeRow]:
    """The changes that a run made, in their order, from after a number."""
    params = {"run_id": run_id, "entity": entity, "external_id": external_id}
    return [change_row(row) for row in await c.all(PAGE, {**params, "after_id": after_id, "limit": limit})]


async def staged(c: Connection, run_id: int, entity: Entity, external_ids: Iterable[str]) -> dict[str, Step]:
    """External id -> what the plan says so far, for those that it knows."""
    params = {"run_id": run_id, "entity": entity.value, "ids": json.dumps(sorted(external_ids))}
    return {row["external_id"]: _step(row) for row in await c.all(STAGED, params)}


async def put(c: Connection, run_id: int, entity: Entity, steps: Iterable[Step]) -> None:
    """Write steps into the plan, or over what it said of those records."""
    rows = [
        (run_id, entity.value, one.external_id, text(one.body), one.verdict.value, text(one.told))
        for one in steps
    ]
    if rows:
        await c.many(PUT, rows)


async def next_steps(
    c: Connection, run_id: int, entity: Entity, *, verdict: Verdict | None, after: str, limit: int
) -> list[Step]:
    """The next steps of a plan in the order of their external ids; with ``verdict`` only those."""
    params = {"run_id": run_id, "entity": entity.value, "after": after, "limit": limit}
    rows = await c.all(NEXT, {**params, "verdict": verdict.value if verdict else None})
    return [_step(row) for row in rows]


async def done(c: Connection, run_id: int, entity: Entity, steps: Iterable[Step]) -> None:
    """Strike out steps that were carried out."""
    await c.many(DONE, [(run_id, entity.value, one.external_id) for one in steps])


async def take_out(
    c: Connection, integration: str, entity: Entity, records: Iterable[tuple[str, int]], *, now_ms: int
) -> None:
    """Take records out of the roster with their links and ties, as (external id, internal id).

    Raises ``DatabaseError`` (constraint) while anything else refers to one of them.
    """
    listed = list(records)
    for rule in MANY[entity]:
        await c.many(UNLINK.format(links=links_of(entity, rule)), [(id_,) for _, id_ in listed])
    await c.many(DELETE.format(table=TABLES[entity]), [(id_,) for _, id_ in listed])
    await c.many(UNTIE.format(table=table_of(integration)), [(entity.value, name) for name, _ in listed])
    await c.many(GIVE_UP_QUESTIONS, [(now_ms, integration, entity.value, name, name) for name, _ in listed])


async def put_back(
    c: Connection, entity: Entity, rows: Iterable[tuple[int, Mapping[str, Any]]], *, now_ms: int
) -> None:
    """Put records that were taken out back under their internal ids; references as internal ids, singles only."""
    names = [rule.name for rule in SINGLE[entity]]
    marks = ", ".join("?" * (len(names) + 3))
    sql = f"INSERT INTO {TABLES[entity]} (id, {', '.join(names)}, created_at_ms, updated_at_ms) VALUES ({marks})"
    await c.many(sql, [(id_, *map(fields.get, names), now_ms, now_ms) for id_, fields in rows])


def _step(row: Any) -> Step:
    return Step(
        row["external_id"],
        json.loads(row["body"]),
        Verdict(row["verdict"]),
        json.loads(row["changes"] or "{}"),
    )


def text(value: Mapping[str, Any]) -> str:
    """Fields as compact JSON."""
    return json.dumps(dict(value), ensure_ascii=False, separators=(",", ":"))
