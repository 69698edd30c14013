"""Parts of fetched records, which are staged beside them until they are laid over them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from siscon.domain.records import Entity
from siscon.store.database import Connection
from siscon.store.mappings import table_of

# Fields that nobody could read come as a part with the values last agreed on.
KEEP = """
INSERT INTO staged (run_id, entity, external_id, part, body, fingerprint)
SELECT s.run_id, s.entity, s.external_id, :part, (
    SELECT json_group_object(f.key, f.value) FROM json_each(m.base) f
    WHERE f.type = 'text' AND f.key IN (SELECT value FROM json_each(:fields))
  ), ''
FROM staged s JOIN {table} m ON m.entity_type = s.entity AND m.external_id = s.external_id
WHERE s.run_id = :run_id AND s.entity = :entity AND s.part = '' AND s.verdict IS NULL
ON CONFLICT (run_id, entity, external_id, part) DO UPDATE SET body = json_patch(staged.body, excluded.body)
"""
KEEP_OF = """
INSERT INTO staged (run_id, entity, external_id, part, body, fingerprint)
SELECT :run_id, m.entity_type, m.external_id, :part, (
    SELECT json_group_object(f.key, json(f.value)) FROM (
      SELECT e.key, CASE e.type WHEN 'text' THEN json_quote(e.value) ELSE e.value END AS value
      FROM json_each(m.base) e WHERE e.key IN (SELECT value FROM json_each(:fields))) f
  ), ''
FROM {table} m WHERE m.entity_type = :entity AND m.external_id = :external_id
ON CONFLICT (run_id, entity, external_id, part) DO UPDATE SET body = json_patch(staged.body, excluded.body)
"""
KEPT = "kept"
"""The part in which fields come that nobody could read this time."""
HAS_PARTS = "SELECT 1 FROM staged WHERE run_id = :run_id AND entity = :entity AND part <> '' LIMIT 1"
PIECES = """
SELECT external_id, part, body, modified_at FROM staged
WHERE run_id = :run_id AND entity = :entity AND external_id > :after AND external_id <= :upto AND part <> ''
ORDER BY external_id, part
"""
BODIES = """
SELECT external_id, body, modified_at FROM staged
WHERE run_id = :run_id AND entity = :entity AND external_id IN (SELECT value FROM json_each(:ids)) AND part = ''
  AND verdict IS NULL
"""
DROP_PIECES = """
DELETE FROM staged
WHERE run_id = :run_id AND entity = :entity AND external_id > :after AND external_id <= :upto AND part <> ''
"""
REBODY = """
UPDATE staged SET body = ?, fingerprint = ?, modified_at = ?
WHERE run_id = ? AND entity = ? AND external_id = ? AND part = ''
"""

GIVE_BODY = """
UPDATE staged SET body = ?, fingerprint = ? WHERE run_id = ? AND entity = ? AND external_id = ? AND part = ''
"""


@dataclass(frozen=True, slots=True)
class Piece:
    """A staged record or part: its fields as JSON text, and when the SIS last changed it (empty: it did not say).

    ``kept`` says that its fields are what was last agreed on, for they could not be read.
    """

    body: str
    modified_at: str
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Completed:
    """A record with its parts laid over it."""

    external_id: str
    body: str
    fingerprint: str
    modified_at: str


async def keep(c: Connection, integration: str, run_id: int, entity: Entity, fields: Sequence[str]) -> None:
    """Give every known staged record what was last agreed on in text fields that could not be read this time."""
    params = {"run_id": run_id, "entity": entity.value, "part": KEPT, "fields": json.dumps(list(fields))}
    await c.run(KEEP.format(table=table_of(integration)), params)


async def keep_of(
    c: Connection, integration: str, run_id: int, entity: Entity, pieces: Iterable[tuple[str, Sequence[str]]]
) -> None:
    """Give single records, as (external id, fields), what was last agreed on in fields that made no sense this time."""
    rows = [
        {
            "run_id": run_id,
            "entity": entity.value,
            "part": KEPT,
            "external_id": external_id,
            "fields": json.dumps(list(fields)),
        }
        for external_id, fields in pieces
    ]
    if rows:
        await c.many(KEEP_OF.format(table=table_of(integration)), rows)


async def has_parts(c: Connection, run_id: int, entity: Entity) -> bool:
    """Whether pieces wait to be laid over their records."""
    return await c.one(HAS_PARTS, {"run_id": run_id, "entity": entity.value}) is not None


async def pieces(
    c: Connection, run_id: int, entity: Entity, *, after: str, upto: str
) -> dict[str, list[Piece]]:
    """External id -> its pieces in order, within a stretch; what is kept lies below what was told after all."""
    params = {"run_id": run_id, "entity": entity.value, "after": after, "upto": upto}
    found: dict[str, list[Piece]] = {}
    for row in await c.all(PIECES, params):
        piece = Piece(row["body"], row["modified_at"], row["part"] == KEPT)
        ours = found.setdefault(row["external_id"], [])
        ours.insert(0 if piece.kept else len(ours), piece)
    return found


async def bodies(c: Connection, run_id: int, entity: Entity, ids: Iterable[str]) -> dict[str, Piece]:
    """The records among ``ids`` that have no verdict yet, by external id."""
    params = {"run_id": run_id, "entity": entity.value, "ids": json.dumps(list(ids))}
    return {row["external_id"]: Piece(row["body"], row["modified_at"]) for row in await c.all(BODIES, params)}


async def lay_over(
    c: Connection, run_id: int, entity: Entity, completed: Iterable[Completed], *, after: str, upto: str
) -> None:
    """Give records their completed bodies, and drop a stretch's pieces."""
    rows = [
        (one.body, one.fingerprint, one.modified_at, run_id, entity.value, one.external_id)
        for one in completed
    ]
    if rows:
        await c.many(REBODY, rows)
    await c.run(DROP_PIECES, {"run_id": run_id, "entity": entity.value, "after": after, "upto": upto})


async def give_bodies(
    c: Connection, run_id: int, entity: Entity, bodies: Iterable[tuple[str, str, str]]
) -> None:
    """Give records other bodies, as (external id, body, fingerprint); when the SIS changed them stays."""
    rows = [(body, mark, run_id, entity.value, external_id) for external_id, body, mark in bodies]
    if rows:
        await c.many(GIVE_BODY, rows)
