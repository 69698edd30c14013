"""Conflicts: fields that both sides changed, and that wait for a person."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from siscon.domain.conflicts import Conflict, ConflictKind
from siscon.domain.records import Entity
from siscon.store.database import Connection, Row

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
# The run looked at the record and found nothing to ask: it would have put its own number on the conflict.
CLOSE_GONE = """
UPDATE conflicts SET status = 'gone', settled_at_ms = :now_ms
WHERE integration = :integration AND entity = :entity AND status = 'open' AND kind = 'fields' AND run_id <> :run_id
  AND EXISTS (
  SELECT 1 FROM staged s WHERE s.run_id = :run_id AND s.entity = conflicts.entity
    AND s.external_id = conflicts.external_id AND s.part = '' AND s.verdict IN ('update', 'unchanged'))
"""
CHOSEN = """status = 'open' AND id > :after_id AND (:integration IS NULL OR integration = :integration)
  AND (:entity IS NULL OR entity = :entity)"""
LIST_OPEN = f"SELECT * FROM conflicts WHERE {CHOSEN} ORDER BY id LIMIT :limit"
IDS = f"SELECT id FROM conflicts WHERE {CHOSEN} ORDER BY id LIMIT :limit"
COUNT_OPEN = f"SELECT count(*) AS n FROM conflicts WHERE {CHOSEN}"
FIND = "SELECT * FROM conflicts WHERE id = :id"
BY_IDS = "SELECT * FROM conflicts WHERE id IN (SELECT value FROM json_each(:ids))"
CHUNK = 5000


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


async def close_gone(c: Connection, integration: str, entity: Entity, run_id: int, *, now_ms: int) -> int:
    """Close the open conflicts of records on which a run found both sides agreed again; how many there were."""
    place = {"integration": integration, "entity": entity.value, "run_id": run_id}
    return await c.run(CLOSE_GONE, {**place, "now_ms": now_ms})


async def list_open(
    c: Connection,
    *,
    integration: str | None = None,
    entity: Entity | None = None,
    after_id: int = 0,
    limit: int = 200,
) -> list[Conflict]:
    """Open conflicts, oldest first, after a number."""
    params = {**_chosen(integration, entity, after_id), "limit": limit}
    return [_conflict(row) for row in await c.all(LIST_OPEN, params)]


async def ids(
    c: Connection, *, integration: str | None = None, entity: Entity | None = None
) -> AsyncIterator[list[int]]:
    """The numbers of all open conflicts in chunks, oldest first."""
    after_id = 0
    while True:
        params = {**_chosen(integration, entity, after_id), "limit": CHUNK}
        chunk = [row["id"] for row in await c.all(IDS, params)]
        if chunk:
            yield chunk
        if len(chunk) < CHUNK:
            return
        after_id = chunk[-1]


async def by_ids(c: Connection, conflict_ids: Iterable[int]) -> list[Conflict]:
    """The conflicts of these numbers, open or not, in no particular order."""
    return [_conflict(row) for row in await c.all(BY_IDS, {"ids": json.dumps(list(conflict_ids))})]


async def count_open(c: Connection, *, integration: str | None = None, entity: Entity | None = None) -> int:
    """How many conflicts wait for a person."""
    row = await c.one(COUNT_OPEN, _chosen(integration, entity, 0))
    return int(row["n"]) if row else 0


async def get(c: Connection, conflict_id: int) -> Conflict | None:
    """The conflict of that number, or None."""
    row = await c.one(FIND, {"id": conflict_id})
    return None if row is None else _conflict(row)


def _chosen(integration: str | None, entity: Entity | None, after_id: int) -> dict[str, Any]:
    return {"integration": integration, "entity": entity.value if entity else None, "after_id": after_id}


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
