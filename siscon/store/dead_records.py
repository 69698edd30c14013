"""Dead records: what could not be applied, why, and what the SIS had said, sealed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any

from siscon.domain.dead_records import DeadGroup, DeadRecord
from siscon.domain.records import Entity
from siscon.store.database import Connection, Row

BURY = """
INSERT INTO dead_records (integration, entity, record_key, external_id, run_id, status, code, category, severity,
  field, reason, first_seen_at_ms, last_seen_at_ms, raw)
VALUES (:integration, :entity, :record_key, :external_id, :run_id, 'open', :code, :category, :severity,
  :field, :reason, :now_ms, :now_ms, :raw)
ON CONFLICT (integration, entity, record_key) WHERE status = 'open' DO UPDATE SET
  attempts = dead_records.attempts + (CASE WHEN dead_records.run_id = excluded.run_id THEN 0 ELSE 1 END),
  external_id = excluded.external_id, run_id = excluded.run_id, code = excluded.code, category = excluded.category,
  severity = excluded.severity, field = excluded.field, reason = excluded.reason,
  last_seen_at_ms = excluded.last_seen_at_ms, raw = excluded.raw
"""
MEND_SETTLED = """
UPDATE dead_records SET status = 'mended', raw = NULL
WHERE integration = :integration AND entity = :entity AND status = 'open' AND EXISTS (
  SELECT 1 FROM {table} m
  WHERE m.entity_type = dead_records.entity AND m.external_id = dead_records.external_id AND m.sync_status <> 'error')
"""
MEND_VANISHED = """
UPDATE dead_records SET status = 'mended', raw = NULL
WHERE integration = :integration AND entity = :entity AND status = 'open' AND run_id <> :run_id AND NOT EXISTS (
  SELECT 1 FROM staged s WHERE s.run_id = :run_id AND s.entity = dead_records.entity
    AND s.external_id = dead_records.record_key AND s.part = '' AND s.verdict NOT IN ('missing', 'withdraw'))
"""
COLUMNS = """id, integration, entity, record_key, external_id, run_id, status, code, category, severity, field,
  reason, attempts, first_seen_at_ms, last_seen_at_ms"""
CHOSEN = """status = 'open' AND id > :after_id AND (:integration IS NULL OR integration = :integration)
  AND (:entity IS NULL OR entity = :entity) AND (:code IS NULL OR code = :code)"""
LIST_OPEN = f"SELECT {COLUMNS} FROM dead_records WHERE {CHOSEN} ORDER BY id LIMIT :limit"
IDS = f"SELECT id FROM dead_records WHERE {CHOSEN} ORDER BY id LIMIT :limit"
COUNT_OPEN = f"SELECT count(*) AS n FROM dead_records WHERE {CHOSEN}"
BY_IDS = f"SELECT {COLUMNS} FROM dead_records WHERE id IN (SELECT value FROM json_each(:ids))"
# Sentences may differ in details within one cause: the group shows one of them.
GROUPS = """
SELECT integration, entity, code, field, min(category) AS category, min(severity) AS severity,
  min(reason) AS reason, count(*) AS n, min(first_seen_at_ms) AS first_seen_at_ms,
  max(last_seen_at_ms) AS last_seen_at_ms
FROM dead_records WHERE status = 'open' AND (:integration IS NULL OR integration = :integration)
GROUP BY integration, entity, code, field ORDER BY n DESC, integration, entity, code LIMIT 500
"""
RAW = "SELECT integration, entity, record_key, raw FROM dead_records WHERE id = :id"
CHUNK = 5000


@dataclass(frozen=True, slots=True)
class DeadEntry:
    """One record to bury. ``raw`` is what the SIS said, sealed for :func:`place_of`."""

    integration: str
    entity: Entity
    record_key: str
    external_id: str | None
    run_id: int
    code: str
    category: str
    severity: str
    field: str | None
    reason: str
    raw: bytes | None = None


def place_of(integration: str, entity: Entity, record_key: str) -> str:
    """The place to which the raw answer of a dead record is sealed."""
    return f"dead_records|{integration}|{entity.value}|{record_key}|raw"


async def bury(c: Connection, entries: Iterable[DeadEntry], *, now_ms: int) -> None:
    """Write down what could not be applied; a record that is dead already counts one more attempt per run."""
    await c.many(
        BURY,
        [
            {
                "integration": one.integration,
                "entity": one.entity.value,
                "record_key": one.record_key,
                "external_id": one.external_id,
                "run_id": one.run_id,
                "code": one.code,
                "category": one.category,
                "severity": one.severity,
                "field": one.field,
                "reason": one.reason,
                "raw": one.raw,
                "now_ms": now_ms,
            }
            for one in entries
        ],
    )


async def mend_settled(c: Connection, integration: str, entity: Entity, *, table: str) -> None:
    """Close what came through after all, as the mappings ``table`` says; what the SIS had said of it is forgotten."""
    await c.run(MEND_SETTLED.format(table=table), {"integration": integration, "entity": entity.value})


async def mend_vanished(c: Connection, integration: str, entity: Entity, run_id: int) -> None:
    """Close what the complete list of a run no longer holds, with or without an id: nobody sends it any more."""
    await c.run(MEND_VANISHED, {"integration": integration, "entity": entity.value, "run_id": run_id})


async def groups(c: Connection, *, integration: str | None = None) -> list[DeadGroup]:
    """Open dead records by cause, the largest group first."""
    return [_group(row) for row in await c.all(GROUPS, {"integration": integration})]


async def list_open(
    c: Connection,
    *,
    integration: str | None = None,
    entity: Entity | None = None,
    code: str | None = None,
    after_id: int = 0,
    limit: int = 200,
) -> list[DeadRecord]:
    """Open dead records, oldest first, after a number."""
    params = {**_chosen(integration, entity, code, after_id), "limit": limit}
    return [_record(row) for row in await c.all(LIST_OPEN, params)]


async def ids(
    c: Connection, *, integration: str | None = None, entity: Entity | None = None, code: str | None = None
) -> AsyncIterator[list[int]]:
    """The numbers of all open dead records in chunks, oldest first."""
    after_id = 0
    while True:
        params = {**_chosen(integration, entity, code, after_id), "limit": CHUNK}
        chunk = [row["id"] for row in await c.all(IDS, params)]
        if chunk:
            yield chunk
        if len(chunk) < CHUNK:
            return
        after_id = chunk[-1]


async def by_ids(c: Connection, record_ids: Iterable[int]) -> list[DeadRecord]:
    """The dead records of these numbers, open or not, in no particular order."""
    return [_record(row) for row in await c.all(BY_IDS, {"ids": json.dumps(list(record_ids))})]


async def count_open(
    c: Connection, *, integration: str | None = None, entity: Entity | None = None, code: str | None = None
) -> int:
    """How many records wait for retry or discard."""
    row = await c.one(COUNT_OPEN, _chosen(integration, entity, code, 0))
    return int(row["n"]) if row else 0


async def raw(c: Connection, record_id: int) -> tuple[bytes, str] | None:
    """What the SIS had said, sealed, and the place it is sealed for; None when it is no longer kept."""
    row = await c.one(RAW, {"id": record_id})
    if row is None or row["raw"] is None:
        return None
    return row["raw"], place_of(row["integration"], Entity(row["entity"]), row["record_key"])


def _chosen(
    integration: str | None, entity: Entity | None, code: str | None, after_id: int
) -> dict[str, Any]:
    return {
        "integration": integration,
        "entity": entity.value if entity else None,
        "code": code,
        "after_id": after_id,
    }


def _record(row: Row) -> DeadRecord:
    return DeadRecord(
        id=row["id"],
        integration=row["integration"],
        entity=Entity(row["entity"]),
        record_key=row["record_key"],
        external_id=row["external_id"],
        run_id=row["run_id"],
        status=row["status"],
        code=row["code"],
        category=row["category"],
        severity=row["severity"],
        field=row["field"],
        reason=row["reason"],
        attempts=row["attempts"],
        first_seen_at_ms=row["first_seen_at_ms"],
        last_seen_at_ms=row["last_seen_at_ms"],
    )


def _group(row: Row) -> DeadGroup:
    return DeadGroup(
        integration=row["integration"],
        entity=Entity(row["entity"]),
        code=row["code"],
        category=row["category"],
        severity=row["severity"],
        field=row["field"],
        reason=row["reason"],
        count=row["n"],
        first_seen_at_ms=row["first_seen_at_ms"],
        last_seen_at_ms=row["last_seen_at_ms"],
    )
