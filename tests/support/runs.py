"""Runs put into the queue by hand."""

from __future__ import annotations

from collections.abc import Sequence

from siscon.domain.records import Entity
from siscon.domain.runs import Lane, RunKind
from siscon.store import runs
from siscon.store.database import Database


async def a_run(
    db: Database,
    now_ms: int,
    *,
    integration: str = "harbor",
    lane: Lane = Lane.BULK,
    entities: Sequence[Entity] = (),
    due_at_ms: int | None = None,
) -> int:
    """Queue an import; its number."""
    async with db.transaction() as c:
        run_id = await runs.enqueue(
            c,
            integration=integration,
            kind=RunKind.IMPORT,
            lane=lane,
            entities=entities,
            full=False,
            requested_by="tester",
            due_at_ms=due_at_ms,
            now_ms=now_ms,
        )
    assert run_id is not None
    return run_id
