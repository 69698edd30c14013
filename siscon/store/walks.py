"""How far a run that tries single records again has read a list; the cursors are those of imports."""

from __future__ import annotations

from dataclasses import dataclass

from siscon.domain.records import Entity
from siscon.store.database import Connection

FIND = "SELECT resume, complete, partial FROM walks WHERE run_id = :run_id AND entity = :entity"
SAVE = """
INSERT INTO walks (run_id, entity, resume, complete, partial) VALUES (:run_id, :entity, :resume, :complete, :partial)
ON CONFLICT (run_id, entity) DO UPDATE SET
  resume = excluded.resume, complete = excluded.complete, partial = max(partial, excluded.partial)
RETURNING resume, complete, partial
"""
FORGET = "DELETE FROM walks WHERE run_id = :run_id"


@dataclass(frozen=True, slots=True)
class Walk:
    """Where a run stands in a list: ``resume`` is the provider's own text, ``complete`` says that it reached the end,
    ``partial`` that records may be lacking all the same.
    """

    resume: str | None
    complete: bool
    partial: bool

    @property
    def whole(self) -> bool:
        """True when what the list did not hold is not there."""
        return self.complete and not self.partial


async def get(c: Connection, run_id: int, entity: Entity) -> Walk | None:
    """Where a run stands in the list of an entity; None when it has not begun to read it."""
    row = await c.one(FIND, {"run_id": run_id, "entity": entity.value})
    return None if row is None else Walk(row["resume"], bool(row["complete"]), bool(row["partial"]))


async def save(c: Connection, run_id: int, entity: Entity, *, resume: str | None, partial: bool) -> Walk:
    """Note how far a run has read; stands in the transaction of the page it follows."""
    place = {"run_id": run_id, "entity": entity.value, "resume": resume}
    row = await c.one(SAVE, {**place, "complete": int(resume is None), "partial": int(partial)})
    assert row is not None, "the statement returns what it wrote"
    return Walk(row["resume"], bool(row["complete"]), bool(row["partial"]))


async def forget(c: Connection, run_id: int) -> None:
    """Let a run read from the beginning, because it is over or what it had fetched is gone."""
    await c.run(FORGET, {"run_id": run_id})
