"""Listings as plain rows with stable keys, read page by page: what the command line prints."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from collections.abc import Mapping as Names
from datetime import UTC, datetime
from typing import Any, TypeVar

from siscon.domain.conflicts import Conflict
from siscon.domain.dead_records import DeadRecord
from siscon.domain.filters import ALL, Filter
from siscon.domain.mappings import Mapping
from siscon.domain.records import Entity, to_dict
from siscon.ops import views
from siscon.store import conflicts, dead_records, integrations, mapping_lists, records
from siscon.store.database import Connection, Database
from siscon.store.mapping_lists import MappingRow
from siscon.store.records import RecordRow

PAGE = 500

Row = dict[str, Any]
T = TypeVar("T")


class _Left:
    """How many rows are still wanted; None: all."""

    def __init__(self, limit: int | None) -> None:
        self.rows = limit if limit is not None else 1 << 62


async def _paged(
    db: Database,
    left: _Left,
    read: Callable[[Connection, int, int], Awaitable[list[T]]],
    id_of: Callable[[T], int],
) -> AsyncIterator[T]:
    """Rows in the order of their ids, one short read for each page, so that nothing is locked or kept in memory."""
    after_id = 0
    while left.rows > 0:
        size = min(PAGE, left.rows)
        async with db.read() as c:
            page = await read(c, after_id, size)
        left.rows -= len(page)
        for one in page:
            yield one
        if len(page) < size:
            return
        after_id = id_of(page[-1])


def iso(at_ms: int | None) -> str | None:
    """A moment as ISO 8601 in UTC with milliseconds."""
    if at_ms is None:
        return None
    at = datetime.fromtimestamp(at_ms // 1000, UTC).replace(tzinfo=None)
    return f"{at.isoformat()}.{at_ms % 1000:03d}Z"


async def names(db: Database, *, only: str | None = None) -> list[str]:
    """The integrations that have tables, by name."""
    async with db.read() as c:
        known = await integrations.all_integrations(c)
    return sorted(one.name for one in known if only in (None, one.name))


async def record_rows(
    db: Database, *, integration: str | None, entity: Entity | None, limit: int | None = None
) -> AsyncIterator[Row]:
    """The local roster as each integration knows it, references as that integration's own ids."""
    left = _Left(limit)
    for name in await names(db, only=integration):
        for kind in (entity,) if entity else Entity:

            async def read(
                c: Connection, after_id: int, size: int, at: tuple[str, Entity] = (name, kind)
            ) -> list[RecordRow]:
                return await records.page(c, *at, after_id=after_id, limit=size)

            async for one in _paged(db, left, read, lambda row: row.mapping_id):
                yield record_row(name, kind, one)


def record_row(integration: str, entity: Entity, row: RecordRow) -> Row:
    """One local record with every field."""
    values = to_dict(row.record)
    external_id = values.pop("external_id")
    head = {"integration": integration, "entity": entity.value, "external_id": external_id}
    tail = {"missing_since": iso(row.missing_since_ms), "updated_at": iso(row.updated_at_ms)}
    return {**head, "internal_id": row.internal_id, **values, **tail}


async def one_record(db: Database, integration: str, entity: Entity, external_id: str) -> Row | None:
    """One local record, or None."""
    async with db.read() as c:
        if await integrations.one(c, integration) is None:
            return None
        found = await records.show(c, integration, entity, external_id)
    return record_row(integration, entity, found) if found else None


async def mapping_rows(
    db: Database,
    *,
    integration: str | None,
    entity: Entity | None,
    where: Filter = ALL,
    limit: int | None = None,
) -> AsyncIterator[Row]:
    """The ties between external and internal ids."""
    left = _Left(limit)
    for name in await names(db, only=integration):

        async def read(c: Connection, after_id: int, size: int, at: str = name) -> list[MappingRow]:
            chosen = mapping_lists.Chosen(at, entity, where=where)
            return await mapping_lists.page(c, chosen, after_id=after_id, limit=size)

        async for row in _paged(db, left, read, lambda row: row.id):
            yield mapping_row(name, row.mapping)


def mapping_row(integration: str, tie: Mapping) -> Row:
    """One tie between two ids."""
    return {
        "integration": integration,
        "entity": tie.entity.value,
        "external_id": tie.external_id,
        "internal_id": tie.internal_id,
        "sync_status": tie.sync_status.value,
        "last_synced_at": iso(tie.last_synced_at_ms),
        "error_message": tie.error_message,
        "missing_since": iso(tie.missing_since_ms),
    }


async def error_rows(
    db: Database, chosen: dead_records.Chosen, *, limit: int | None = None
) -> AsyncIterator[Row]:
    """The records that could not be applied and wait."""

    async def read(c: Connection, after_id: int, size: int) -> list[DeadRecord]:
        return await dead_records.list_open(c, chosen, after_id=after_id, limit=size)

    async for one in _paged(db, _Left(limit), read, lambda row: row.id):
        yield error_row(one)


def error_row(one: DeadRecord) -> Row:
    """One dead record."""
    return {
        "id": one.id,
        "integration": one.integration,
        "entity": one.entity.value,
        "external_id": one.external_id,
        "record_key": one.record_key,
        "code": one.code,
        "category": one.category,
        "severity": one.severity,
        "field": one.field,
        "reason": one.reason,
        "attempts": one.attempts,
        "run_id": one.run_id,
        "first_seen_at": iso(one.first_seen_at_ms),
        "last_seen_at": iso(one.last_seen_at_ms),
    }


async def conflict_rows(
    db: Database, chosen: conflicts.Chosen, *, limit: int | None = None
) -> AsyncIterator[Row]:
    """The fields that both sides changed and that wait for a person."""

    async def read(c: Connection, after_id: int, size: int) -> list[Conflict]:
        return await conflicts.list_open(c, chosen, after_id=after_id, limit=size)

    async for one in _paged(db, _Left(limit), read, lambda row: row.id):
        yield conflict_row(one)


def conflict_row(one: Conflict) -> Row:
    """One question, with what either side says and, once it was decided, by whom and how."""
    return {
        "integration": one.integration,
        "entity": one.entity.value,
        "external_id": one.external_id,
        "internal_id": one.internal_id,
        "id": one.id,
        "fields": sorted({*one.sis, *one.local}),
        "base": dict(one.base),
        "sis": dict(one.sis),
        "local": dict(one.local),
        "run_id": one.run_id,
        "opened_at": iso(one.opened_at_ms),
        "kind": one.kind.value,
        "other_external_id": one.other_external_id,
        "why": one.why,
        "status": one.status,
        "sis_modified_at": one.sis_modified_at or None,
        "local_edited_at": iso(one.local_edited_at_ms),
        "settled_by": one.settled_by,
        "settled_at": iso(one.settled_at_ms),
        "decision": dict(one.decision),
    }


async def token_rows(db: Database, *, now_ms: int) -> list[Row]:
    """How each login is; never the login itself."""
    rows = []
    for view in await views.token_views(db, now_ms=now_ms):
        state = view.state
        rows.append(
            {
                "integration": view.integration,
                "provider": view.provider,
                "health": state.health.value if state else "none",
                "obtained_at": iso(state.obtained_at_ms) if state else None,
                "expires_at": iso(state.expires_at_ms) if state else None,
                "refresh_at": iso(state.refresh_at_ms) if state else None,
                "failures": state.failures if state else 0,
                "last_error": state.last_error if state else "",
                "scope": state.scope if state else "",
            }
        )
    return rows


async def integration_rows(db: Database, configured: Names[str, str], *, now_ms: int) -> list[Row]:
    """Every integration; ``configured`` holds name -> provider of those that the configuration names."""
    rows: dict[str, Row] = {
        name: {"name": name, "provider": provider, "state": "new"} for name, provider in configured.items()
    }
    for health in await views.health(db, now_ms=now_ms):
        one = health.integration
        rows[one.name] = {
            "name": one.name,
            "provider": one.provider,
            "state": health.state.value,
            "title": one.title,
            "configured": one.name in configured,
            "enabled": one.enabled,
            "paused": one.rests(now_ms),
            "paused_until": iso(one.paused_until_ms) if one.rests(now_ms) else None,
            "schedule": one.schedule,
            "requests_per_minute": one.requests_per_minute,
            "next_due_at": iso(one.starts_next_ms(now_ms)),
            "last_good_at": iso(one.last_good_at_ms),
            "last_error": one.last_error,
            "run_id": health.run.id if health.run else None,
            "held_run_id": health.held_run.id if health.held_run else None,
            "errors": health.dead,
            "conflicts": health.conflicts,
        }
    return [rows[name] for name in sorted(rows)]
