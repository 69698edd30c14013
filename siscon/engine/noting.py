"""What the audit is told of what the engine does by itself: runs that begin and end, tokens that are
renewed, and settings that come into use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from siscon import __version__
from siscon.config import Settings, fingerprint
from siscon.domain.audited import SETTINGS
from siscon.domain.runs import Run, RunStatus
from siscon.store import audit, run_counts
from siscon.store.database import Connection, Database
from siscon.store.vault import Vault

ENGINE = "engine"
COUNTED = ("created", "updated", "withdrawn", "missing", "conflict", "failed", "skipped")


async def run_begins(c: Connection, vault: Vault, run: Run, *, now_ms: int) -> None:
    """A run is claimed: for whom, and whether it goes on where it stood."""
    detail = {"kind": run.kind.value, "for": run.requested_by, "attempt": run.attempt}
    await _append(c, vault, "begin run", run, detail, now_ms)


async def run_ends(c: Connection, vault: Vault, run: Run, status: RunStatus, *, now_ms: int) -> None:
    """A run rests or is over, with what it changed of each entity; its batches are acts of their own, with digests."""
    counts: dict[str, dict[str, int]] = {}
    for one in await run_counts.of_run(c, run.id):
        told = {name: getattr(one, name) for name in COUNTED}
        if any(told.values()):
            counts[one.entity.value] = {name: number for name, number in told.items() if number}
    detail = {"for": run.requested_by, "status": status.value, "counts": counts}
    await _append(c, vault, "end run", run, detail, now_ms)


async def token_renewed(c: Connection, vault: Vault, integration: str, scope: str, *, now_ms: int) -> None:
    """A login has a new token, without any person."""
    await audit.append(
        c,
        vault,
        actor=ENGINE,
        action="renew token",
        target=integration,
        detail={"integration": integration, "scope": scope},
        at_ms=now_ms,
    )


async def _append(
    c: Connection, vault: Vault, action: str, run: Run, detail: dict[str, Any], now_ms: int
) -> None:
    await audit.append(
        c,
        vault,
        actor=ENGINE,
        action=action,
        target=run.integration,
        detail={"run": run.id, **detail},
        at_ms=now_ms,
    )


async def settings_in_use(
    db: Database, vault: Vault, settings: Settings, *, now_ms: Callable[[], int]
) -> None:
    """Say once which settings, roles and schema are in use from now on; nothing where they are as they were last."""
    async with db.transaction() as c:
        detail = {
            "digest": fingerprint(settings),
            "roles": settings.model_dump(mode="json", include={"roles"})["roles"],
            "schema": await audit.schema(c),
            "version": __version__,
        }
        if await audit.newest_detail(c, SETTINGS) != detail:
            await audit.append(
                c,
                vault,
                actor=ENGINE,
                action=SETTINGS,
                target=settings.file.name,
                detail=detail,
                at_ms=now_ms(),
            )
