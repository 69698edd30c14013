"""What a run has counted, and how far it is, for each entity."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from siscon.domain.errors import DatabaseError
from siscon.domain.plans import PlanCounts
from siscon.domain.records import Entity
from siscon.domain.runs import Counts, Phase
from siscon.store.database import Connection, Row

ADDABLE = (
    *("fetched", "pages", "created", "updated", "unchanged", "conflict", "failed", "skipped", "missing"),
    *("withdrawn", "warnings", "requests", "seconds"),
)
START_COUNTS = """
INSERT INTO run_counts (run_id, entity, position) VALUES (?, ?, ?) ON CONFLICT (run_id, entity) DO NOTHING
"""
CLEAR_COUNTS = "DELETE FROM run_counts WHERE run_id = :run_id"
ONE = "SELECT * FROM run_counts WHERE run_id = :run_id AND entity = :entity"
LIST_COUNTS = "SELECT * FROM run_counts WHERE run_id = :run_id ORDER BY position"
SET_COUNT = """
UPDATE run_counts SET total = coalesce(:total, total), phase = coalesce(:phase, phase), done = coalesce(:done, done)
WHERE run_id = :run_id AND entity = :entity
"""
SET_PLANNED = """
UPDATE run_counts SET phase = 'plan', fetched = :fetched, unchanged = :unchanged, failed = :failed, missing = :missing,
  skipped = :skipped,
  known = :known, whole = :whole, completed = :completed
WHERE run_id = :run_id AND entity = :entity
"""
SUMS = (
    "SELECT run_id, "
    + ", ".join(f"sum({name}) AS {name}" for name in ADDABLE)
    + " FROM run_counts WHERE run_id IN (SELECT value FROM json_each(:ids)) GROUP BY run_id"
)
LEAVE_OUT = """
UPDATE run_counts SET left_out = 1
WHERE run_id = :run_id AND entity NOT IN (SELECT value FROM json_each(:entities))
"""
BEGIN_TRYING = """
UPDATE run_counts SET tries = CASE WHEN trying = :external_id THEN tries + 1 ELSE 1 END, trying = :external_id
WHERE run_id = :run_id AND entity = :entity RETURNING tries
"""
NO_LONGER_WHOLE = """
UPDATE run_counts SET whole = 0, missing = 0, warnings = warnings + :warnings
WHERE run_id = :run_id AND entity = :entity
"""
SAVE_APPLIED = "UPDATE run_counts SET applied_to = :to WHERE run_id = :run_id AND entity = :entity"


@dataclass(frozen=True, slots=True)
class Totals:
    """What a run did, over all its entities."""

    fetched: int = 0
    pages: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    conflict: int = 0
    failed: int = 0
    skipped: int = 0
    missing: int = 0
    withdrawn: int = 0
    warnings: int = 0
    requests: int = 0
    seconds: float = 0.0


async def start(c: Connection, run_id: int, entities: Iterable[Entity]) -> None:
    """Begin to count for these entities, in this order; counts that exist stay."""
    await c.many(START_COUNTS, [(run_id, entity.value, place) for place, entity in enumerate(entities)])


async def clear(c: Connection, run_id: int) -> None:
    """Forget what a run has counted, because it starts over."""
    await c.run(CLEAR_COUNTS, {"run_id": run_id})


async def of_run(c: Connection, run_id: int) -> list[Counts]:
    """What a run did so far with each entity, in order."""
    return [_counts(row) for row in await c.all(LIST_COUNTS, {"run_id": run_id})]


async def of_entity(c: Connection, run_id: int, entity: Entity) -> Counts:
    """What a run did so far with one entity; zeros when it has not begun to count."""
    row = await c.one(ONE, {"run_id": run_id, "entity": entity.value})
    return _counts(row) if row is not None else Counts(entity)


async def add(c: Connection, run_id: int, entity: Entity, **deltas: float) -> None:
    """Add to the counts of one entity; names are those of :class:`Counts`."""
    told = {name: delta for name, delta in deltas.items() if delta}
    if not told:
        return
    if strange := told.keys() - set(ADDABLE):
        raise DatabaseError(f"There is no count called {min(strange)}.", code="usage")
    sums = ", ".join(f"{name} = {name} + :{name}" for name in told)
    sql = f"UPDATE run_counts SET {sums} WHERE run_id = :run_id AND entity = :entity"
    await c.run(sql, {**told, "run_id": run_id, "entity": entity.value})


async def note(
    c: Connection,
    run_id: int,
    entity: Entity,
    *,
    total: int | None = None,
    phase: Phase | None = None,
    done: bool | None = None,
) -> None:
    """Set what is known of one entity; None leaves a value as it is."""
    await c.run(
        SET_COUNT,
        {
            "run_id": run_id,
            "entity": entity.value,
            "total": total,
            "phase": phase.value if phase else None,
            "done": None if done is None else int(done),
        },
    )


async def sums(c: Connection, run_ids: Iterable[int]) -> dict[int, Totals]:
    """The sums of these runs' counts over their entities; a run that has counted nothing yet has zeros."""
    wanted = list(run_ids)
    rows = await c.all(SUMS, {"ids": json.dumps(wanted)})
    found = {row["run_id"]: Totals(**{name: row[name] for name in ADDABLE}) for row in rows}
    return {run_id: found.get(run_id, Totals()) for run_id in wanted}


async def set_planned(c: Connection, run_id: int, counts: PlanCounts) -> None:
    """Set the exact counts that only a complete plan can tell; setting them again changes nothing."""
    await c.run(
        SET_PLANNED,
        {
            "run_id": run_id,
            "entity": counts.entity.value,
            "fetched": counts.fetched,
            "unchanged": counts.unchanged,
            "failed": counts.dead,
            "missing": counts.missing,
            "skipped": counts.given_up,
            "known": counts.known,
            "whole": int(counts.whole),
            "completed": counts.completed,
        },
    )


async def save_applied(c: Connection, run_id: int, entity: Entity, *, applied_to: str) -> None:
    """Note how far applying is; stands in the transaction of the batch it follows."""
    await c.run(SAVE_APPLIED, {"run_id": run_id, "entity": entity.value, "to": applied_to})


async def no_longer_whole(c: Connection, run_id: int, entity: Entity, *, warnings: int) -> None:
    """Another run has fetched since: what this one's list lacked says nothing any more."""
    await c.run(NO_LONGER_WHOLE, {"run_id": run_id, "entity": entity.value, "warnings": warnings})


async def begin_trying(c: Connection, run_id: int, entity: Entity, external_id: str) -> int:
    """Note, before it is begun, which record is; how often it has been by now."""
    row = await c.one(BEGIN_TRYING, {"run_id": run_id, "entity": entity.value, "external_id": external_id})
    assert row is not None, "a run counts what it applies"
    return int(row["tries"])


async def leave_out_all_but(c: Connection, run_id: int, entities: Iterable[Entity]) -> None:
    """A person approved the plan for these entities alone."""
    await c.run(LEAVE_OUT, {"run_id": run_id, "entities": json.dumps([one.value for one in entities])})


def _counts(row: Row) -> Counts:
    return Counts(
        entity=Entity(row["entity"]),
        **{name: row[name] for name in ADDABLE},
        total=row["total"],
        known=row["known"],
        phase=Phase(row["phase"]) if row["phase"] else None,
        done=bool(row["done"]),
        whole=bool(row["whole"]),
        left_out=bool(row["left_out"]),
        applied_to=row["applied_to"],
    )
