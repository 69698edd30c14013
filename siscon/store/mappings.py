"""The ties between external and internal ids: one table for each integration, made when it is activated."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from siscon.domain.errors import DatabaseError
from siscon.domain.mappings import INTEGRATION_NAME, Mapping, SyncStatus
from siscon.domain.records import Entity
from siscon.store.database import Connection, Row

# The base is the body last agreed on. An index of what is not synced costs nothing for what is.
TABLE = """
CREATE TABLE IF NOT EXISTS {table} (
  id INTEGER PRIMARY KEY,
  entity_type TEXT NOT NULL,
  external_id TEXT NOT NULL,
  internal_id INTEGER,
  sync_status TEXT NOT NULL CHECK (sync_status IN ('pending', 'synced', 'error')),
  last_synced_at INTEGER,
  error_message TEXT NOT NULL DEFAULT '',
  fingerprint TEXT NOT NULL DEFAULT '',
  base TEXT NOT NULL DEFAULT '{{}}',
  missing_since INTEGER,
  missing_runs INTEGER NOT NULL DEFAULT 0,
  withdrawn_at INTEGER,
  missing_run INTEGER,
  UNIQUE (entity_type, external_id),
  UNIQUE (entity_type, internal_id)
) STRICT;
"""
UNSETTLED_INDEX = """
CREATE INDEX IF NOT EXISTS {table}_unsettled ON {table} (sync_status, entity_type, id) WHERE sync_status <> 'synced';
"""
MISSING_INDEX = """
CREATE INDEX IF NOT EXISTS {table}_missing ON {table} (entity_type, id) WHERE missing_since IS NOT NULL;
"""

REBASE = """
UPDATE {table} SET base = ?, fingerprint = ?, sync_status = ?, error_message = ?
WHERE entity_type = ? AND external_id = ?
"""
EMPTY = "DELETE FROM {table}"
TIE = """
INSERT INTO {table}
  (entity_type, external_id, internal_id, sync_status, last_synced_at, error_message, fingerprint, base)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (entity_type, external_id) DO UPDATE SET
  internal_id = excluded.internal_id, sync_status = excluded.sync_status, last_synced_at = excluded.last_synced_at,
  error_message = excluded.error_message, fingerprint = excluded.fingerprint, base = excluded.base,
  missing_since = NULL, missing_runs = 0, withdrawn_at = NULL, missing_run = NULL
"""
MARK = """
INSERT INTO {table} (entity_type, external_id, sync_status, error_message) VALUES (?, ?, ?, ?)
ON CONFLICT (entity_type, external_id) DO UPDATE SET
  sync_status = excluded.sync_status, error_message = excluded.error_message, missing_since = NULL, missing_runs = 0,
  withdrawn_at = NULL, missing_run = NULL
"""
MARK_BURIED = """
INSERT INTO {table} (entity_type, external_id, sync_status, error_message)
SELECT entity, external_id, 'error', reason FROM dead_records
WHERE run_id = :run_id AND integration = :integration AND entity = :entity
  AND status = 'open' AND external_id IS NOT NULL AND part = '' AND mended IS NULL
ON CONFLICT (entity_type, external_id) DO UPDATE SET
  sync_status = excluded.sync_status, error_message = excluded.error_message, missing_since = NULL, missing_runs = 0,
  withdrawn_at = NULL, missing_run = NULL
"""
# The plus keeps SQLite from walking all ids of the entity for its "not null": it would take that for the better key.
INTERNAL_IDS = """
SELECT external_id, internal_id FROM {table}
WHERE entity_type = :entity AND external_id IN (SELECT value FROM json_each(:ids)) AND +internal_id IS NOT NULL
"""
EXTERNAL_IDS = """
SELECT internal_id, external_id FROM {table}
WHERE entity_type = :entity AND internal_id IN (SELECT value FROM json_each(:ids))
"""
FIND = "SELECT * FROM {table} WHERE entity_type = :entity AND external_id = :external_id"
FIND_MANY = """
SELECT * FROM {table} WHERE entity_type = :entity AND external_id IN (SELECT value FROM json_each(:ids))
"""
COUNT_KNOWN = "SELECT count(*) AS n FROM {table} WHERE entity_type = :entity AND internal_id IS NOT NULL"
FORGET_VANISHED = """
DELETE FROM {table} WHERE entity_type = :entity AND internal_id IS NULL
AND NOT EXISTS (SELECT 1 FROM staged s
  WHERE s.run_id = :run_id AND s.entity = {table}.entity_type AND s.external_id = {table}.external_id AND s.part = '')
AND NOT EXISTS (SELECT 1 FROM overtaken o
  WHERE o.run_id = :run_id AND o.entity = {table}.entity_type AND o.external_id = {table}.external_id)
"""
BY_IDS = "SELECT * FROM {table} WHERE id IN (SELECT value FROM json_each(:ids))"
COUNT = "SELECT count(*) AS n FROM {table}"


@dataclass(frozen=True, slots=True)
class Tie:
    """What becomes of one mapping when its record is applied."""

    external_id: str
    internal_id: int
    sync_status: SyncStatus
    error_message: str
    fingerprint: str
    base: str


def table_of(integration: str) -> str:
    """The name of an integration's table; raises ``DatabaseError`` for a name that cannot be one."""
    if not INTEGRATION_NAME.fullmatch(integration):
        raise DatabaseError(
            "An integration's name must be lower-case letters, digits and underscores, at most 31, "
            "beginning with a letter. Change it in config.yaml.",
            code="bad_integration_name",
        )
    return f"{integration}_mappings"


@cache
def _sql(template: str, integration: str) -> str:
    return template.format(table=table_of(integration))


async def create_table(c: Connection, integration: str) -> None:
    """Make the table of an integration, once; a table that is there stays as it is."""
    for template in (TABLE, UNSETTLED_INDEX, MISSING_INDEX):
        await c.run(_sql(template, integration))


async def empty_table(c: Connection, integration: str) -> None:
    """Untie everything of an integration; the records stay."""
    await c.run(_sql(EMPTY, integration))


async def tie(c: Connection, integration: str, entity: Entity, ties: Iterable[Tie], *, now_ms: int) -> None:
    """Write the mappings of applied records; who was missing is so no longer."""
    rows = [
        (
            entity.value,
            one.external_id,
            one.internal_id,
            one.sync_status.value,
            now_ms,
            one.error_message,
            one.fingerprint,
            one.base,
        )
        for one in ties
    ]
    if rows:
        await c.many(_sql(TIE, integration), rows)


async def rebase(
    c: Connection, integration: str, entity: Entity, bases: Iterable[tuple[str, str, str, SyncStatus, str]]
) -> None:
    """Agree on other bases, as (external id, body, fingerprint, status, message); who is missing stays so."""
    rows = [
        (body, mark, status.value, message, entity.value, external_id)
        for external_id, body, mark, status, message in bases
    ]
    if rows:
        await c.many(_sql(REBASE, integration), rows)


async def mark(
    c: Connection,
    integration: str,
    entity: Entity,
    marks: Iterable[tuple[str, str]],
    *,
    status: SyncStatus,
) -> None:
    """Set the sync status of records that were not applied; ``marks`` are (external id, message)."""
    rows = [(entity.value, external_id, status.value, message) for external_id, message in marks]
    if rows:
        await c.many(_sql(MARK, integration), rows)


async def mark_buried(c: Connection, integration: str, entity: Entity, run_id: int) -> None:
    """Set the sync status of all records that a run has buried while it fetched."""
    params = {"integration": integration, "entity": entity.value, "run_id": run_id}
    await c.run(_sql(MARK_BURIED, integration), params)


async def internal_ids(
    c: Connection, integration: str, entity: Entity, external_ids: Iterable[str]
) -> dict[str, int]:
    """External id -> internal id for those of ``external_ids`` that have one."""
    wanted = json.dumps(sorted(external_ids))
    rows = await c.all(_sql(INTERNAL_IDS, integration), {"entity": entity.value, "ids": wanted})
    return {row[0]: row[1] for row in rows}


async def external_ids(
    c: Connection, integration: str, entity: Entity, internal_ids: Iterable[int]
) -> dict[int, str]:
    """Internal id -> external id for those of ``internal_ids`` that this integration knows."""
    wanted = json.dumps(sorted(internal_ids))
    rows = await c.all(_sql(EXTERNAL_IDS, integration), {"entity": entity.value, "ids": wanted})
    return {row[0]: row[1] for row in rows}


async def find(c: Connection, integration: str, entity: Entity, external_id: str) -> Mapping | None:
    """One mapping, or None."""
    row = await c.one(_sql(FIND, integration), {"entity": entity.value, "external_id": external_id})
    return from_row(row) if row is not None else None


async def find_many(
    c: Connection, integration: str, entity: Entity, external_ids: Iterable[str]
) -> dict[str, Mapping]:
    """External id -> mapping, for those that exist."""
    wanted = json.dumps(list(external_ids))
    rows = await c.all(_sql(FIND_MANY, integration), {"entity": entity.value, "ids": wanted})
    return {row["external_id"]: from_row(row) for row in rows}


async def count_known(c: Connection, integration: str, entity: Entity) -> int:
    """How many records of an entity have an internal id."""
    row = await c.one(_sql(COUNT_KNOWN, integration), {"entity": entity.value})
    return int(row[0]) if row is not None else 0


async def forget_vanished(c: Connection, integration: str, entity: Entity, run_id: int) -> None:
    """Drop the mappings of records that never came in and that the complete fetch of a run lacked."""
    await c.run(_sql(FORGET_VANISHED, integration), {"entity": entity.value, "run_id": run_id})


async def by_ids(c: Connection, integration: str, ids: Iterable[int]) -> dict[int, Mapping]:
    """The mappings with these table ids."""
    rows = await c.all(_sql(BY_IDS, integration), {"ids": json.dumps(list(ids))})
    return {row["id"]: from_row(row) for row in rows}


async def count(c: Connection, integration: str) -> int:
    """How many mappings an integration has."""
    row = await c.one(_sql(COUNT, integration))
    return int(row[0]) if row is not None else 0


def from_row(row: Row) -> Mapping:
    """One mapping as it is stored."""
    return Mapping(
        entity=Entity(row["entity_type"]),
        external_id=row["external_id"],
        internal_id=row["internal_id"],
        sync_status=SyncStatus(row["sync_status"]),
        last_synced_at_ms=row["last_synced_at"],
        error_message=row["error_message"],
        fingerprint=row["fingerprint"],
        base=row["base"],
        missing_since_ms=row["missing_since"],
    )
