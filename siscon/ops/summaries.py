"""A run in a few lines: processed, created, updated, who left, who moved, who was named, what failed and why."""

from __future__ import annotations

from collections.abc import Collection

from siscon.domain.runs import Counts, Run
from siscon.ops.rows import Row
from siscon.store import integrations, run_counts, runs, summaries
from siscon.store.database import Database
from siscon.store.summaries import Move, Told

MOST_MOVES = 3
"""So many of those who moved are named; 'siscon records history' tells of each."""


async def summary(db: Database, run_id: int) -> Row | None:
    """What a run came to, or None where there is no such run."""
    async with db.read() as c:
        run = await runs.get(c, run_id)
        if run is None:
            return None
        counts = await run_counts.of_run(c, run_id)
        known = await integrations.one(c, run.integration)
        told = await summaries.tell(c, run.integration, run_id) if known is not None else NOTHING
    return _row(run, counts, told)


NOTHING = Told([], [], [], {}, 0, [])


def _row(run: Run, counts: Collection[Counts], told: Told) -> Row:
    def total(name: str) -> int:
        return sum(getattr(one, name) for one in counts)

    lasted_ms = (run.finished_at_ms or 0) - (run.started_at_ms or 0) if run.finished_at_ms else 0
    back = sum(
        one.count for one in told.statuses if one.before == "inactive" and one.after in ("active", "future")
    )
    return {
        "run_id": run.id,
        "integration": run.integration,
        "status": run.status.value,
        "processed": total("fetched"),
        **{
            name: total(name)
            for name in ("created", "updated", "unchanged", "conflict", "skipped", "failed", "warnings")
        },
        "drops": {"missing": total("missing"), "withdrawn": total("withdrawn"), "came_back": back},
        "transfers": {"schools": _moves(told.schools), "sections": _moves(told.sections)},
        "status_changes": [
            {"entity": one.entity.value, "from": one.before, "to": one.after, "count": one.count}
            for one in told.statuses
        ],
        "sections_with_other_teachers": told.teachers,
        "accounts": {entity.value: count for entity, count in told.named.items()},
        "errors": [
            {
                "entity": one.entity.value,
                "code": one.code,
                "field": one.field or None,
                "count": one.count,
                "examples": one.examples,
                "reason": one.reason,
            }
            for one in told.causes
        ],
        "seconds": round(lasted_ms / 1000 or sum(one.seconds for one in counts), 3),
        "requests": run.requests,
    }


def _moves(found: list[Move]) -> Row:
    some = [{"student": one.student, "from": one.from_id, "to": one.to_id} for one in found[:MOST_MOVES]]
    return {"count": len(found), "examples": some}
