"""How far: where the run under way stands with an entity, and the watermark that the last good run reached."""

from __future__ import annotations

from dataclasses import dataclass

from siscon.domain.records import Entity
from siscon.store.database import Connection

FIND = "SELECT * FROM cursors WHERE integration = :integration AND entity = :entity"
BEGIN = """
INSERT INTO cursors (integration, entity, run_id) VALUES (:integration, :entity, :run_id)
ON CONFLICT (integration, entity) DO UPDATE SET
  run_id = excluded.run_id, resume = NULL, next_watermark = NULL, complete = 0, partial = 0
WHERE cursors.run_id IS DISTINCT FROM excluded.run_id
"""
SAVE_RESUME = """
UPDATE cursors SET resume = :resume, next_watermark = :next_watermark, complete = :complete,
  partial = max(partial, :partial)
WHERE integration = :integration AND entity = :entity
"""
COMMIT_WATERMARK = """
UPDATE cursors SET watermark = next_watermark, watermark_at_ms = :now_ms
WHERE integration = :integration AND entity = :entity AND run_id = :run_id
  AND complete = 1 AND partial = 0 AND next_watermark IS NOT NULL
"""

FORGET_RUN = "UPDATE cursors SET run_id = NULL WHERE run_id = :run_id"


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where one entity of one integration stands.

    ``watermark`` and ``resume`` are the provider's own text; ``complete`` says that the fetch reached its end;
    ``partial`` that records may be lacking all the same.
    """

    watermark: str | None = None
    run_id: int | None = None
    resume: str | None = None
    next_watermark: str | None = None
    complete: bool = False
    partial: bool = False

    @property
    def whole(self) -> bool:
        """True when what was not fetched is not there: only then may a record be called missing."""
        return self.complete and not self.partial


async def get(c: Connection, integration: str, entity: Entity) -> Cursor:
    """Where an entity stands; an empty cursor when it was never fetched."""
    row = await c.one(FIND, _place(integration, entity))
    if row is None:
        return Cursor()
    return Cursor(
        watermark=row["watermark"],
        run_id=row["run_id"],
        resume=row["resume"],
        next_watermark=row["next_watermark"],
        complete=bool(row["complete"]),
        partial=bool(row["partial"]),
    )


async def begin(c: Connection, integration: str, entity: Entity, run_id: int) -> None:
    """Start an entity from its beginning; nothing happens when the run has begun it before."""
    await c.run(BEGIN, {**_place(integration, entity), "run_id": run_id})


async def save_resume(
    c: Connection,
    integration: str,
    entity: Entity,
    *,
    resume: str | None,
    next_watermark: str | None,
    complete: bool,
    partial: bool = False,
) -> None:
    """Note how far the fetch is; stands in the transaction of the page it follows."""
    told = {"resume": resume, "next_watermark": next_watermark, "complete": int(complete)}
    told["partial"] = int(partial)
    await c.run(SAVE_RESUME, {**_place(integration, entity), **told})


async def commit_watermark(
    c: Connection, integration: str, entity: Entity, *, run_id: int, now_ms: int
) -> bool:
    """Let the next run begin where this one's fetch did.

    False when it may lack records or had no mark, or when another run has fetched since.
    """
    told = {**_place(integration, entity), "run_id": run_id, "now_ms": now_ms}
    return await c.run(COMMIT_WATERMARK, told) == 1


async def forget_run(c: Connection, run_id: int) -> None:
    """Let a run that has lost what it had fetched start over, should it ever go on."""
    await c.run(FORGET_RUN, {"run_id": run_id})


def _place(integration: str, entity: Entity) -> dict[str, str]:
    return {"integration": integration, "entity": entity.value}
