"""Fetched records and, once planned, the verdict on each: this table is the plan."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from siscon.domain.plans import Verdict
from siscon.domain.records import Entity
from siscon.domain.runs import ENDED
from siscon.store.database import Connection
from siscon.store.mappings import table_of

PUT = """
INSERT INTO staged (run_id, entity, external_id, part, body, fingerprint, verdict, modified_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (run_id, entity, external_id, part) DO UPDATE SET
  body = excluded.body, fingerprint = excluded.fingerprint, verdict = excluded.verdict,
  modified_at = excluded.modified_at
"""
# The last id of a stretch: the one at the given distance, else the very last.
STRETCH = """
SELECT coalesce(
  (SELECT external_id FROM staged WHERE run_id = :run_id AND entity = :entity AND external_id > :after
   ORDER BY external_id LIMIT 1 OFFSET :size),
  (SELECT max(external_id) FROM staged WHERE run_id = :run_id AND entity = :entity AND external_id > :after)
) AS upto
"""
IN_STRETCH = "s.run_id = :run_id AND s.entity = :entity AND s.external_id > :after AND s.external_id <= :upto"
# One look into the mappings for each record; what neither is new nor equal to its base gets no verdict yet.
JUDGE_PLAIN = (
    """
UPDATE staged AS s SET verdict = nullif(coalesce((
  SELECT CASE WHEN m.internal_id IS NULL THEN 'create'
    WHEN m.fingerprint = s.fingerprint AND m.sync_status = 'synced' THEN 'unchanged'
    ELSE '' END
  FROM {table} m WHERE m.entity_type = s.entity AND m.external_id = s.external_id), 'create'), '')
WHERE """
    + IN_STRETCH
    + """ AND s.part = '' AND s.verdict IS NULL
"""
)
UNJUDGED = (
    """
SELECT s.external_id, s.body, m.base, m.fingerprint, m.internal_id, s.modified_at FROM staged s
JOIN {table} m ON m.entity_type = s.entity AND m.external_id = s.external_id
WHERE """
    + IN_STRETCH
    + " AND s.verdict IS NULL ORDER BY s.external_id LIMIT :limit"
)
JUDGE = """
UPDATE staged SET verdict = ?, changes = ?, seen_fingerprint = ?, seen_version = ?
WHERE run_id = ? AND entity = ? AND external_id = ? AND part = ''
"""
COUNTS = (
    "SELECT verdict, count(*) AS n FROM staged WHERE run_id = :run_id AND entity = :entity GROUP BY verdict"
)
TO_DO = "(s.verdict IN ('create', 'update', 'conflict', 'withdraw') OR s.verdict = 'dead' AND s.changes IS NOT NULL)"
NEXT_BATCH = (
    """
SELECT max(external_id) AS upto, coalesce(sum(verdict = 'create'), 0) AS creates, count(*) AS n FROM (
  SELECT s.external_id, s.verdict FROM staged s
  WHERE s.run_id = :run_id AND s.entity = :entity AND s.external_id > :after AND """
    + TO_DO
    + " ORDER BY s.external_id LIMIT :limit)"
)
ONE_TO_DO = (
    "SELECT s.external_id, s.body, s.verdict FROM staged s WHERE " + IN_STRETCH + " AND " + TO_DO + " LIMIT 1"
)
TO_CHANGE = (
    """
SELECT s.external_id, s.body, s.fingerprint, s.verdict, s.seen_fingerprint, s.seen_version, s.changes,
  m.internal_id, m.fingerprint AS now_fingerprint, s.modified_at
FROM staged s LEFT JOIN {table} m ON m.entity_type = s.entity AND m.external_id = s.external_id
WHERE """
    + IN_STRETCH
    + " AND s.verdict <> 'create' AND "
    + TO_DO
    + " ORDER BY s.external_id"
)
COMING = """
SELECT external_id FROM staged WHERE run_id = :run_id AND entity = :entity AND part = '' AND verdict = 'create'
  AND external_id IN (SELECT value FROM json_each(:ids))
"""
HELD = """
SELECT external_id FROM staged WHERE run_id = :run_id AND entity = :entity AND part = ''
  AND external_id IN (SELECT value FROM json_each(:ids))
"""
FETCHED = "SELECT external_id FROM staged WHERE run_id = :run_id AND entity = :entity AND part = ''"
CLEAR = "DELETE FROM staged WHERE run_id = :run_id"
COUNT_COMPLETED = """
SELECT count(*) AS n FROM staged
WHERE run_id = :run_id AND entity = :entity AND verdict = 'update' AND seen_fingerprint = ''
"""
COUNT_DEACTIVATED = """
SELECT count(*) AS n FROM staged
WHERE run_id = :run_id AND entity = :entity AND verdict IN ('update', 'conflict')
  AND changes ->> '$.status[0]' = 'active' AND changes ->> '$.status[1]' = 'inactive'
"""
# Hops from run to run along the key: as many looks as there are runs with staged rows.
ENDED_WITH_ROWS = """
WITH RECURSIVE held (id) AS (
  SELECT min(run_id) FROM staged
  UNION ALL SELECT (SELECT min(run_id) FROM staged WHERE run_id > held.id) FROM held WHERE held.id IS NOT NULL)
SELECT r.id FROM held JOIN runs r ON r.id = held.id WHERE r.status IN (SELECT value FROM json_each(:ended)) LIMIT 1
"""
FIRST_OF_RUN = "SELECT entity FROM staged WHERE run_id = :run_id ORDER BY entity LIMIT 1"
DROP_SOME = "DELETE FROM staged WHERE run_id = :run_id AND entity = :entity AND external_id <= :upto"

LEFT_OUT = "left_out"
"""A key in ``changes`` beside the fields: field -> what is left of a reference that leads nowhere yet."""
ASK = "ask"
"""A key in ``changes`` beside the fields: the fields that a person must decide."""
IDENTITY = "identity"
"""A key in ``changes`` beside the fields: why what came is somebody else; then nothing of it is applied."""
IN_QUESTION = "in_question"
"""The one key in ``changes`` of a record that would go to somebody of whom nobody knows who it is: by which field."""
RULES = "rules"
"""A key in ``changes`` beside the fields: field -> the rule that decided it."""


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict on one record that needed a closer look; ``changes`` is field -> [local, new, base] as JSON text."""

    external_id: str
    verdict: Verdict
    changes: str
    seen_fingerprint: str
    seen_version: int


@dataclass(frozen=True, slots=True)
class Unjudged:
    """A fetched record that differs from its base, beside that base (both are JSON text)."""

    external_id: str
    body: str
    base: str
    base_fingerprint: str
    internal_id: int
    modified_at: str = ""


@dataclass(frozen=True, slots=True)
class Planned:
    """A record with its verdict, beside what its mapping says now."""

    external_id: str
    body: str
    fingerprint: str
    verdict: Verdict
    seen_fingerprint: str | None
    seen_version: int | None
    changes: str | None
    internal_id: int | None
    now_fingerprint: str | None
    modified_at: str = ""


@dataclass(frozen=True, slots=True)
class NextBatch:
    """What is to be applied next, up to an external id: so many are new, so many are known."""

    upto: str
    creates: int
    others: int

    @property
    def size(self) -> int:
        return self.creates + self.others


@dataclass(frozen=True, slots=True)
class ToDo:
    """One record of a plan, as it was fetched."""

    external_id: str
    body: str
    verdict: Verdict


async def put(
    c: Connection, run_id: int, entity: Entity, rows: Iterable[tuple[str, str, str, str, str | None, str]]
) -> None:
    """Stage a page; ``rows`` are (external id, part, body, fingerprint, verdict, when the SIS changed it).

    The same id again: the later wins.
    """
    await c.many(PUT, [(run_id, entity.value, *row) for row in rows])


async def stretch(c: Connection, run_id: int, entity: Entity, *, after: str, size: int) -> str | None:
    """The last external id of the next ``size`` rows after ``after``; None when nothing is left."""
    params = {"run_id": run_id, "entity": entity.value, "after": after, "size": size}
    row = await c.one(STRETCH, params)
    return row[0] if row is not None else None


async def judge_plain(
    c: Connection, integration: str, run_id: int, entity: Entity, *, after: str, upto: str
) -> None:
    """Set the verdict on all of a stretch that need no closer look: unchanged, and new."""
    params = {"run_id": run_id, "entity": entity.value, "after": after, "upto": upto}
    await c.run(JUDGE_PLAIN.format(table=table_of(integration)), params)


async def unjudged(
    c: Connection, integration: str, run_id: int, entity: Entity, *, after: str, upto: str, limit: int
) -> list[Unjudged]:
    """Records of a stretch that differ from their base."""
    params = {"run_id": run_id, "entity": entity.value, "after": after, "upto": upto, "limit": limit}
    rows = await c.all(UNJUDGED.format(table=table_of(integration)), params)
    return [Unjudged(row[0], row[1], row[2], row[3], row[4], row[5]) for row in rows]


async def judge(c: Connection, run_id: int, entity: Entity, verdicts: Iterable[Judged]) -> None:
    """Set the verdicts that came of a closer look."""
    rows = [
        (
            one.verdict.value,
            one.changes,
            one.seen_fingerprint,
            one.seen_version,
            run_id,
            entity.value,
            one.external_id,
        )
        for one in verdicts
    ]
    await c.many(JUDGE, rows)


async def count_verdicts(c: Connection, run_id: int, entity: Entity) -> dict[Verdict, int]:
    """Verdict -> number of records, for a plan that is complete."""
    rows = await c.all(COUNTS, {"run_id": run_id, "entity": entity.value})
    return {Verdict(row["verdict"]): row["n"] for row in rows}


async def count_completed(c: Connection, run_id: int, entity: Entity) -> int:
    """How many updates are of records that could be applied only in part before."""
    row = await c.one(COUNT_COMPLETED, {"run_id": run_id, "entity": entity.value})
    return int(row["n"]) if row is not None else 0


async def count_deactivated(c: Connection, run_id: int, entity: Entity) -> int:
    """How many updates take a record out of use because the SIS says so."""
    row = await c.one(COUNT_DEACTIVATED, {"run_id": run_id, "entity": entity.value})
    return int(row["n"]) if row is not None else 0


async def next_batch(
    c: Connection, run_id: int, entity: Entity, *, after: str, limit: int
) -> NextBatch | None:
    """The next batch to apply; None: all done."""
    params = {"run_id": run_id, "entity": entity.value, "after": after, "limit": limit}
    row = await c.one(NEXT_BATCH, params)
    if row is None or not row["n"]:
        return None
    return NextBatch(row["upto"], row["creates"], row["n"] - row["creates"])


async def one_to_do(c: Connection, run_id: int, entity: Entity, *, after: str, upto: str) -> ToDo:
    """The one record to apply within a stretch that holds no other."""
    row = await c.one(ONE_TO_DO, {"run_id": run_id, "entity": entity.value, "after": after, "upto": upto})
    assert row is not None, "the stretch holds one"
    return ToDo(row["external_id"], row["body"], Verdict(row["verdict"]))


async def to_change(
    c: Connection, integration: str, run_id: int, entity: Entity, *, after: str, upto: str
) -> list[Planned]:
    """The records of a batch that are known already: to change, to put before a person, or to bury."""
    params = {"run_id": run_id, "entity": entity.value, "after": after, "upto": upto}
    rows = await c.all(TO_CHANGE.format(table=table_of(integration)), params)
    return [
        Planned(row[0], row[1], row[2], Verdict(row[3]), row[4], row[5], row[6], row[7], row[8], row[9])
        for row in rows
    ]


async def drop(c: Connection, run_id: int, entity: Entity, *, limit: int = 5_000) -> bool:
    """Remove the first ``limit`` staged rows of an entity of a run that has ended; False when none were left."""
    upto = await stretch(c, run_id, entity, after="", size=limit)
    if upto is not None:
        await c.run(DROP_SOME, {"run_id": run_id, "entity": entity.value, "upto": upto})
    return upto is not None


async def ended_with_rows(c: Connection) -> int | None:
    """A run that has ended and still has staged rows; None when there is none."""
    row = await c.one(ENDED_WITH_ROWS, {"ended": json.dumps([one.value for one in ENDED])})
    return int(row[0]) if row is not None else None


async def drop_ended(c: Connection, run_id: int) -> None:
    """Remove some staged rows of a run that has ended."""
    row = await c.one(FIRST_OF_RUN, {"run_id": run_id})
    if row is not None:
        await drop(c, run_id, Entity(row[0]))


async def held(c: Connection, run_id: int, entity: Entity, ids: Iterable[str]) -> set[str]:
    """Those of ``ids`` that a run has fetched already."""
    params = {"run_id": run_id, "entity": entity.value, "ids": json.dumps(list(ids))}
    return {row[0] for row in await c.all(HELD, params)}


async def fetched(c: Connection, run_id: int, entity: Entity) -> set[str]:
    """All external ids that a run of single records has fetched so far."""
    return {row[0] for row in await c.all(FETCHED, {"run_id": run_id, "entity": entity.value})}


async def clear(c: Connection, run_id: int) -> None:
    """Remove all that a run has fetched."""
    await c.run(CLEAR, {"run_id": run_id})


async def about_to_come(c: Connection, run_id: int, entity: Entity, ids: Iterable[str]) -> list[str]:
    """Those of ``ids`` that the plan of this run will create."""
    params = {"run_id": run_id, "entity": entity.value, "ids": json.dumps(sorted(ids))}
    return [row[0] for row in await c.all(COMING, params)]
