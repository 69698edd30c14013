"""Records of which another run, in another lane, has applied what it fetched while this run was under way.

Which of the two is right nobody can tell any more, so a run leaves alone what it was overtaken in. Which run began to
read before another had ended is told by numbers that only grow, not by a clock.
"""

from __future__ import annotations

from siscon.domain.records import Entity
from siscon.store.database import Connection

MOMENT = "UPDATE sequences SET next = next + 1 WHERE name = 'reading' RETURNING next"
BEGIN = "UPDATE run_counts SET read_from = coalesce(read_from, :moment) WHERE run_id = :run_id AND entity = :entity"
END = "UPDATE run_counts SET read_to = :moment WHERE run_id = :run_id"
# Imports follow one another in one lane, and one that was passed by another fetches anew: they do not tell each other.
# The plus leads SQLite to the few runs that have not ended instead of through the whole history of the integration.
TELL = """
INSERT OR IGNORE INTO overtaken (run_id, entity, external_id)
SELECT k.run_id, s.entity, s.external_id FROM runs r
CROSS JOIN run_counts k ON k.run_id = r.id AND k.entity = :entity
CROSS JOIN run_counts mine ON mine.run_id = :run_id AND mine.entity = :entity AND k.read_from <= mine.read_to
CROSS JOIN staged s ON s.run_id = :run_id AND s.entity = :entity AND s.part = ''
WHERE r.status IN ('queued', 'running', 'paused', 'held', 'planned', 'interrupted')
  AND +r.integration = :integration AND r.id <> :run_id AND (:single OR r.kind <> 'import')
  AND s.verdict <> 'skip' AND (:single OR s.verdict <> 'unchanged')
"""
THESE = "external_id IN (SELECT external_id FROM overtaken WHERE run_id = :run_id AND entity = :entity)"
PASS_OVER = """
UPDATE staged SET verdict = 'skip'
WHERE run_id = :run_id AND entity = :entity AND part = '' AND (verdict IS NULL OR verdict = 'create')
  AND external_id IN (SELECT external_id FROM overtaken
    WHERE run_id = :run_id AND entity = :entity AND external_id > :after AND external_id <= :upto)
"""
PASS_OVER_FETCHED = f"""
UPDATE staged SET verdict = 'skip'
WHERE run_id = :run_id AND entity = :entity AND part = '' AND verdict IN ('create', 'update', 'conflict') AND {THESE}
"""
PASS_OVER_ABSENT = f"""
UPDATE staged SET verdict = 'skip'
WHERE run_id = :run_id AND entity = :entity AND part = '' AND verdict IN ('missing', 'withdraw') AND {THESE}
"""
COUNT = f"""
SELECT count(*) AS n FROM staged
WHERE run_id = :run_id AND entity = :entity AND part = '' AND verdict = 'skip' AND {THESE}
"""
FORGET = "DELETE FROM overtaken WHERE run_id = :run_id"


async def begin_reading(c: Connection, run_id: int, entity: Entity) -> None:
    """Note, before the first request, that a run reads a list; done again, it changes nothing."""
    await c.run(BEGIN, {"run_id": run_id, "entity": entity.value, "moment": await _moment(c)})


async def end_reading(c: Connection, run_id: int) -> None:
    """Note that a run has fetched all it wants: whoever begins to read from now on has the newer word."""
    await c.run(END, {"run_id": run_id, "moment": await _moment(c)})


async def tell(c: Connection, integration: str, run_id: int, entity: Entity, *, single: bool) -> None:
    """Tell the runs under way that this one, before it applies its plan of an entity, may have the newer word.

    A run of ``single`` records tells what it found unchanged, too: that it is there, and so.
    """
    params = {"integration": integration, "run_id": run_id, "entity": entity.value, "single": int(single)}
    await c.run(TELL, params)


async def pass_over(c: Connection, run_id: int, entity: Entity, *, after: str, upto: str) -> None:
    """Skip those of a stretch that are not judged yet, or would come in."""
    await c.run(PASS_OVER, {"run_id": run_id, "entity": entity.value, "after": after, "upto": upto})


async def pass_over_planned(c: Connection, run_id: int, entity: Entity) -> tuple[int, int]:
    """Skip what was planned before this run was overtaken: how many fetched records, and how many absent ones."""
    place = {"run_id": run_id, "entity": entity.value}
    return await c.run(PASS_OVER_FETCHED, place), await c.run(PASS_OVER_ABSENT, place)


async def count(c: Connection, run_id: int, entity: Entity) -> int:
    """How many records of a plan are skipped because another run has overtaken this one."""
    row = await c.one(COUNT, {"run_id": run_id, "entity": entity.value})
    return int(row["n"]) if row is not None else 0


async def forget(c: Connection, run_id: int) -> None:
    """Drop what a run was told, because it is over or fetches anew."""
    await c.run(FORGET, {"run_id": run_id})


async def _moment(c: Connection) -> int:
    row = await c.one(MOMENT)
    assert row is not None, "the sequence is made with the table"
    return int(row["next"])
