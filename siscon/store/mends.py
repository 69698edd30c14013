"""Records in error that a person has mended: what stands in their place as long as the SIS says the same of them."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from siscon.domain.dead_records import DeadRecord
from siscon.domain.records import Entity
from siscon.store.database import Connection, Row

# It stays in error until the record has come through.
KEEP = """
UPDATE dead_records SET mended = :sealed, external_id = :external_id, settled_at_ms = :now_ms,
  settled_by = :actor, settled_why = :reason
WHERE id = :id AND status = 'open' AND digest = :digest
"""
IN_FORCE = "integration = :integration AND entity = :entity AND mended IS NOT NULL AND digest <> ''"
ANY = f"SELECT 1 FROM dead_records WHERE {IN_FORCE} AND form = 'fields' LIMIT 1"
# What a person mended last counts, where the SIS has said the same thing before.
OF_ROWS = f"""
SELECT record_key, digest, mended FROM dead_records
WHERE {IN_FORCE} AND record_key IN (SELECT value FROM json_each(:keys)) ORDER BY id
"""
OF_STAGED = """
SELECT s.external_id, d.mended FROM dead_records d JOIN staged s
  ON s.run_id = :run_id AND s.entity = d.entity AND s.external_id = d.record_key AND s.part = '' AND s.verdict IS NULL
  AND s.fingerprint = d.digest
WHERE d.integration = :integration AND d.entity = :entity AND d.mended IS NOT NULL AND d.form = 'fields'
  AND d.digest <> '' AND s.external_id > :after AND s.external_id <= :upto ORDER BY d.id
"""
LIST = """
SELECT id, integration, entity, record_key, settled_at_ms, settled_by, settled_why FROM dead_records
WHERE mended IS NOT NULL AND (:integration IS NULL OR integration = :integration) AND id > :after_id
ORDER BY id LIMIT :limit
"""
FORGET = "UPDATE dead_records SET mended = NULL WHERE id = :id AND mended IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Mend:
    """What a person put in the place of a record in error, without the values."""

    id: int
    integration: str
    entity: Entity
    record_key: str
    at_ms: int
    by: str
    why: str


def place_of(integration: str, entity: Entity, record_key: str) -> str:
    """The place to which the mended fields are sealed."""
    return f"dead_records|{integration}|{entity.value}|{record_key}|mended"


async def keep(
    c: Connection, dead: DeadRecord, sealed: bytes, *, external_id: str, actor: str, reason: str, now_ms: int
) -> bool:
    """Put the mended fields in the place of what the SIS had said; False where it says something else by now."""
    values = {"id": dead.id, "digest": dead.digest, "external_id": external_id, "sealed": sealed}
    return await c.run(KEEP, {**values, "actor": actor, "reason": reason, "now_ms": now_ms}) == 1


async def of_rows(
    c: Connection, integration: str, entity: Entity, said: Collection[tuple[str, str]]
) -> dict[tuple[str, str], bytes]:
    """(Record key, digest) -> mended fields, sealed, for those of ``said`` that were mended as they are."""
    params = {
        "integration": integration,
        "entity": entity.value,
        "keys": json.dumps([key for key, _ in said]),
    }
    found = {(row[0], row[1]): row[2] for row in await c.all(OF_ROWS, params)}
    return {one: sealed for one, sealed in found.items() if one in said}


async def any_of_fields(c: Connection, integration: str, entity: Entity) -> bool:
    """Whether the fields of any record of an entity were mended after they had been read."""
    return await c.one(ANY, {"integration": integration, "entity": entity.value}) is not None


async def of_staged(
    c: Connection, integration: str, run_id: int, entity: Entity, *, after: str, upto: str
) -> dict[str, bytes]:
    """External id -> mended fields, sealed, for the staged records of a stretch that were mended as they are."""
    place: dict[str, Any] = {"integration": integration, "entity": entity.value, "run_id": run_id}
    rows = await c.all(OF_STAGED, {**place, "after": after, "upto": upto})
    return {row["external_id"]: row["mended"] for row in rows}


async def in_force(
    c: Connection, *, integration: str | None = None, after_id: int = 0, limit: int = 200
) -> list[Mend]:
    """What stands in the place of records now, oldest first, after a number."""
    params = {"integration": integration, "after_id": after_id, "limit": limit}
    return [_mend(row) for row in await c.all(LIST, params)]


async def forget(c: Connection, dead_id: int) -> bool:
    """Let the SIS's own word count again; False where nothing stood in its place."""
    return await c.run(FORGET, {"id": dead_id}) == 1


def _mend(row: Row) -> Mend:
    return Mend(
        id=row["id"],
        integration=row["integration"],
        entity=Entity(row["entity"]),
        record_key=row["record_key"],
        at_ms=row["settled_at_ms"],
        by=row["settled_by"],
        why=row["settled_why"],
    )
