"""What a login covers: as a run sees it, and as the last good run of its integration saw it. JSON text by name."""

from __future__ import annotations

import json
from collections.abc import Mapping

from siscon.store.database import Connection

OF_RUN = "SELECT coverage FROM runs WHERE id = :id"
SAVE_OF_RUN = "UPDATE runs SET coverage = :coverage WHERE id = :id"
KNOWN = "SELECT coverage FROM integrations WHERE name = :name"
SAVE_KNOWN = "UPDATE integrations SET coverage = :coverage WHERE name = :name"


async def of_run(c: Connection, run_id: int) -> dict[str, str] | None:
    """What a run saw; None when it has not looked yet."""
    row = await c.one(OF_RUN, {"id": run_id})
    return _read(row["coverage"]) if row and row["coverage"] else None


async def save_of_run(c: Connection, run_id: int, coverage: Mapping[str, str]) -> None:
    """Note what a run sees; an empty mapping: it has looked, and nobody could tell."""
    await c.run(SAVE_OF_RUN, {"id": run_id, "coverage": _written(coverage)})


async def known(c: Connection, integration: str) -> dict[str, str]:
    """What the last good runs of an integration saw; empty before the first."""
    row = await c.one(KNOWN, {"name": integration})
    return _read(row["coverage"]) if row and row["coverage"] else {}


async def save_known(c: Connection, integration: str, coverage: Mapping[str, str]) -> None:
    """From now on this is what an integration covers."""
    await c.run(SAVE_KNOWN, {"name": integration, "coverage": _written(coverage)})


def _read(text: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(text)
    return found


def _written(coverage: Mapping[str, str]) -> str:
    return json.dumps(dict(coverage), ensure_ascii=False, sort_keys=True)
