"""One integration in full, and what its removal takes: counts, and a copy of its ties for people and spreadsheets."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from siscon.config import IntegrationSettings
from siscon.domain.errors import SisconError
from siscon.ops import rows
from siscon.ops.files import cell, whole_or_not
from siscon.ops.views import token_views
from siscon.providers import registry
from siscon.store import integrations, removal
from siscon.store.database import Database

COLUMNS = (
    "integration",
    "entity",
    "external_id",
    "internal_id",
    "sync_status",
    "last_synced_at",
    "missing_since",
)


async def integration_row(
    db: Database, name: str, settings: IntegrationSettings | None, *, now_ms: int
) -> dict[str, Any]:
    """Everything that may be shown of one integration."""
    configured = {name: settings.provider} if settings is not None else {}
    listed = await rows.integration_rows(db, configured, now_ms=now_ms)
    row = next(one for one in listed if one["name"] == name)
    async with db.read() as c:
        known = await integrations.one(c, name)
        counts = await removal.counts(c, name) if known is not None else {}
    logins = [one.state for one in await token_views(db, now_ms=now_ms) if one.integration == name]
    state = logins[0] if logins else None
    more: dict[str, Any] = {
        "breaker": known.breaker_state if known else None,
        "breaker_until": rows.iso(known.breaker_until_ms) if known else None,
        "login": state.health.value if state else "none",
        "login_error": state.last_error if state else "",
        "mappings": counts.get("mappings", 0),
    }
    if settings is not None:
        more |= {
            "base_url": settings.base_url,
            "entities": [one.value for one in settings.entities],
            "incremental": settings.incremental,
            "package": _package(settings.provider),
        }
    return {**row, **more}


def _package(provider: str) -> str:
    try:
        return str(registry.package_of(provider, registry.load(provider)))
    except SisconError as error:
        return error.sentence


async def removal_counts(db: Database, name: str) -> Mapping[str, int] | None:
    """How much would go with an integration; None when there is no such integration."""
    async with db.read() as c:
        return await removal.counts(c, name) if await integrations.one(c, name) is not None else None


async def export_mappings(db: Database, name: str, folder: Path, *, stamp: str) -> tuple[Path, int]:
    """Write every tie of an integration as CSV for its owner alone, whole or not at all; the file and its rows."""
    path = folder / f"{name}-mappings-{stamp}.csv"
    count = 0
    with whole_or_not(path) as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        async for row in rows.mapping_rows(db, integration=name, entity=None):
            writer.writerow([cell(row[column]) for column in COLUMNS])
            count += 1
    return path, count
