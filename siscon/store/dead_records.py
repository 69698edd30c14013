"""Dead records: what could not be applied, why, and what the SIS had said, sealed."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from siscon.domain.dead_records import DeadGroup, DeadRecord
from siscon.domain.filters import ALL, Filter
from siscon.domain.records import Entity, Part, Record
from siscon.store import filtered, filtering
from siscon.store.database import Connection, Row
from siscon.store.walking import Meant

BURY = """
INSERT INTO dead_records (integration, entity, record_key, external_id, run_id, status, code, category, severity,
  field, reason, first_seen_at_ms, last_seen_at_ms, raw, digest, form, part)
VALUES (:integration, :entity, :record_key, :external_id, :run_id, 'open', :code, :category, :severity,
  :field, :reason, :now_ms, :now_ms, :raw, :digest, :form, :part)
ON CONFLICT (integration, entity, record_key) WHERE status = 'open' DO UPDATE SET
  attempts = CASE WHEN dead_records.run_id = excluded.run_id THEN dead_records.attempts
    WHEN dead_records.digest NOT IN ('', excluded.digest) THEN 1 ELSE dead_records.attempts + 1 END,
  external_id = excluded.external_id, run_id = excluded.run_id, code = excluded.code, category = excluded.category,
  severity = excluded.severity, field = excluded.field, reason = excluded.reason,
  last_seen_at_ms = excluded.last_seen_at_ms, raw = excluded.raw, digest = excluded.digest,
  mended = CASE WHEN dead_records.digest = excluded.digest THEN dead_records.mended END, form = excluded.form
"""
# What another run buries while this one is under way is that run's: this one's list may be older.
NOT_ANOTHERS = """NOT EXISTS (SELECT 1 FROM overtaken o WHERE o.run_id = :run_id
    AND o.entity = dead_records.entity AND o.external_id = dead_records.record_key)
  AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.id = dead_records.run_id AND r.id <> :run_id
    AND r.status IN ('queued', 'running', 'paused', 'interrupted'))"""
# Only what this run itself has read and applied; what a later run buried it knows nothing of.
CAME_THROUGH = """integration = :integration AND entity = :entity AND EXISTS (
  SELECT 1 FROM staged s WHERE s.run_id = :run_id AND s.entity = dead_records.entity
    AND s.external_id = dead_records.external_id AND s.part = '' AND s.verdict IN ('create', 'update', 'unchanged',
    'conflict')) AND EXISTS (
  SELECT 1 FROM {table} m
  WHERE m.entity_type = dead_records.entity AND m.external_id = dead_records.external_id
    AND m.sync_status <> 'error')"""
MEND_SETTLED = f"""
UPDATE dead_records SET status = 'mended', raw = NULL
WHERE status = 'open' AND (run_id < :run_id OR run_id = :run_id AND part = '') AND {CAME_THROUGH} AND {NOT_ANOTHERS}
"""
# It was given up as it was then; since the SIS has said something else of it, its old word is news again.
FORGET_GIVEN_UP = f"""
UPDATE dead_records SET digest = '' WHERE status = 'discarded' AND digest <> '' AND part = '' AND {CAME_THROUGH}
"""
MEND_VANISHED = f"""
UPDATE dead_records SET status = 'mended', raw = NULL
WHERE integration = :integration AND entity = :entity AND status = 'open' AND run_id < :run_id AND NOT EXISTS (
  SELECT 1 FROM staged s WHERE s.run_id = :run_id AND s.entity = dead_records.entity
    AND s.external_id = dead_records.record_key AND s.part = '' AND s.verdict NOT IN ('missing', 'withdraw'))
  AND {NOT_ANOTHERS}
"""
COLUMNS = """id, integration, entity, record_key, external_id, run_id, status, code, category, severity, field,
  reason, attempts, first_seen_at_ms, last_seen_at_ms, part, digest"""
OPEN = "status = 'open'"
# Only what is chosen stands in the question: one that asks "or is none chosen" is answered by no index.
CHOOSING = {
    "integration": "integration = :integration",
    "entity": "entity = :entity",
    "code": "code = :code",
    "field": "coalesce(field, '') = :field",
    "run_id": "run_id = :run_id",
    "up_to": "id <= :up_to",
    "ids": "id IN (SELECT value FROM json_each(:ids))",
    "but": "id NOT IN (SELECT value FROM json_each(:but))",
}
LIST_OPEN = f"SELECT {COLUMNS} FROM dead_records WHERE {{chosen}} AND id > :after_id ORDER BY id LIMIT :limit"
COUNT_OPEN = "SELECT count(*) AS n FROM dead_records WHERE {chosen}"
SUMMARY = """
SELECT entity, count(*) AS n, count(external_id) AS named, max(id) AS up_to
FROM dead_records WHERE {chosen} GROUP BY entity
"""
NAMED = "SELECT external_id FROM dead_records WHERE {chosen} AND external_id IS NOT NULL ORDER BY id"
DISCARD = """
UPDATE dead_records SET status = 'discarded', raw = NULL, settled_at_ms = :now_ms, settled_by = :actor,
  settled_why = :reason WHERE {chosen}
"""
CLOSE_GONE = f"""
UPDATE dead_records SET status = 'mended', raw = NULL, settled_at_ms = :now_ms
WHERE integration = :integration AND entity = :entity AND status = 'open'
  AND external_id IN (SELECT value FROM json_each(:ids)) AND {NOT_ANOTHERS}
"""
# References may come later without the record changing, so those are tried for ever.
GIVEN_UP = """d.digest <> '' AND (d.status = 'discarded' OR d.status = 'open' AND d.part = ''
  AND (d.code = 'kills_the_engine'
  OR d.attempts >= :tries AND d.code NOT IN ('unknown_reference', 'identity_in_question')))"""
GIVEN_UP_KEYS = f"""
SELECT d.record_key, d.digest FROM dead_records d
WHERE d.integration = :integration AND d.entity = :entity AND d.record_key IN (SELECT value FROM json_each(:keys))
  AND {GIVEN_UP}
"""
ANY_GIVEN_UP = f"""
SELECT 1 FROM dead_records d WHERE d.integration = :integration AND d.entity = :entity AND {GIVEN_UP} LIMIT 1
"""
PASS_OVER = f"""
UPDATE staged AS s SET verdict = 'skip'
WHERE s.run_id = :run_id AND s.entity = :entity AND s.external_id > :after AND s.external_id <= :upto AND s.part = ''
  AND (s.verdict IS NULL OR s.verdict = 'create') AND EXISTS (
  SELECT 1 FROM dead_records d WHERE d.integration = :integration AND d.entity = s.entity
    AND d.record_key = s.external_id AND d.digest = s.fingerprint AND {GIVEN_UP})
"""
BY_IDS = f"SELECT {COLUMNS} FROM dead_records WHERE id IN (SELECT value FROM json_each(:ids))"
# Sentences may differ in details within one cause: the group shows one of them.
GROUPS = """
SELECT integration, entity, code, field, min(category) AS category, min(severity) AS severity,
  min(reason) AS reason, count(*) AS n, min(first_seen_at_ms) AS first_seen_at_ms,
  max(last_seen_at_ms) AS last_seen_at_ms
FROM dead_records WHERE status = 'open' AND (:integration IS NULL OR integration = :integration)
GROUP BY integration, entity, code, field ORDER BY n DESC, integration, entity, code LIMIT 500
"""
IS_OPEN = """
SELECT 1 FROM dead_records
WHERE integration = :integration AND entity = :entity AND record_key = :key AND status = 'open'
"""
RAW = "SELECT integration, entity, record_key, raw, form FROM dead_records WHERE id = :id"


@dataclass(frozen=True, slots=True)
class DeadEntry:
    """One record to bury. ``raw`` is what the SIS said, sealed for :func:`place_of`."""

    integration: str
    entity: Entity
    record_key: str
    external_id: str | None
    run_id: int
    code: str
    category: str
    severity: str
    field: str | None
    reason: str
    raw: bytes | None = None
    digest: str = ""
    form: str = ""
    part: str = ""


@dataclass(frozen=True, slots=True)
class Raw:
    """What an SIS had said, sealed, the place it is sealed for, and whether it is a row as it came (``wire``) or the
    ``fields`` that were read of it.
    """

    sealed: bytes
    place: str
    form: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which open dead records are meant; None: any. ``field`` empty: those without one. ``up_to``: no newer ones.

    ``where`` narrows them further, as a person has typed it. ``but``: all the same not these.
    """

    integration: str | None = None
    entity: Entity | None = None
    code: str | None = None
    field: str | None = None
    run_id: int | None = None
    ids: tuple[int, ...] | None = None
    up_to: int | None = None
    where: Filter = ALL
    but: tuple[int, ...] | None = None

    @property
    def clause(self) -> str:
        """The condition that chooses."""
        told = [sql for name, sql in CHOOSING.items() if getattr(self, name) is not None]
        return " AND ".join([OPEN, *told, filtering.clause(self.where, filtered.DEAD_RECORDS)])

    @property
    def meant(self) -> Meant:
        """The rows in the database."""
        return Meant("dead_records", self.clause, self.params())

    def params(self) -> dict[str, Any]:
        """The values of the placeholders in the clause that chooses."""
        return {
            "integration": self.integration,
            "entity": self.entity.value if self.entity else None,
            "code": self.code,
            "field": self.field,
            "run_id": self.run_id,
            "ids": None if self.ids is None else json.dumps(self.ids),
            "up_to": self.up_to,
            "but": None if self.but is None else json.dumps(self.but),
            **filtering.params(self.where),
        }


ANY = Chosen()


@dataclass(frozen=True, slots=True)
class Summary:
    """How many dead records of an entity are meant, how many of them have an id, and the newest number among them."""

    entity: Entity
    count: int
    named: int
    up_to: int


def place_of(integration: str, entity: Entity, record_key: str) -> str:
    """The place to which the raw answer of a dead record is sealed."""
    return f"dead_records|{integration}|{entity.value}|{record_key}|raw"


async def bury(c: Connection, entries: Iterable[DeadEntry], *, now_ms: int) -> None:
    """Write down what could not be applied; a record that is dead already counts one more attempt per run."""
    await c.many(
        BURY,
        [
            {
                "integration": one.integration,
                "entity": one.entity.value,
                "record_key": one.record_key,
                "external_id": one.external_id,
                "run_id": one.run_id,
                "code": one.code,
                "category": one.category,
                "severity": one.severity,
                "field": one.field,
                "reason": one.reason,
                "raw": one.raw,
                "digest": one.digest,
                "form": one.form,
                "part": one.part,
                "now_ms": now_ms,
            }
            for one in entries
        ],
    )


async def mend_settled(c: Connection, integration: str, entity: Entity, run_id: int, *, table: str) -> None:
    """Close what came through in a run after all, as the mappings ``table`` says; what the SIS had said of it, and that
    it was given up, is forgotten.
    """
    params = {"integration": integration, "entity": entity.value, "run_id": run_id}
    for statement in (MEND_SETTLED, FORGET_GIVEN_UP):
        await c.run(statement.format(table=table), params)


async def mend_vanished(c: Connection, integration: str, entity: Entity, run_id: int) -> None:
    """Close what the complete list of a run no longer holds, with or without an id: nobody sends it any more."""
    await c.run(MEND_VANISHED, {"integration": integration, "entity": entity.value, "run_id": run_id})


async def groups(c: Connection, *, integration: str | None = None) -> list[DeadGroup]:
    """Open dead records by cause, the largest group first."""
    return [_group(row) for row in await c.all(GROUPS, {"integration": integration})]


async def list_open(
    c: Connection, chosen: Chosen = ANY, *, after_id: int = 0, limit: int = 200
) -> list[DeadRecord]:
    """Open dead records, oldest first, after a number."""
    return [
        _record(row)
        for row in await c.all(
            LIST_OPEN.format(chosen=chosen.clause), {**chosen.params(), "after_id": after_id, "limit": limit}
        )
    ]


async def by_ids(c: Connection, record_ids: Iterable[int]) -> list[DeadRecord]:
    """The dead records of these numbers, open or not, in no particular order."""
    return [_record(row) for row in await c.all(BY_IDS, {"ids": json.dumps(list(record_ids))})]


async def count_open(c: Connection, chosen: Chosen = ANY) -> int:
    """How many records wait for retry or discard."""
    row = await c.one(COUNT_OPEN.format(chosen=chosen.clause), chosen.params())
    return int(row["n"]) if row else 0


async def summary(c: Connection, chosen: Chosen) -> list[Summary]:
    """What is meant, entity by entity in their order of dependency."""
    found = {
        Entity(row["entity"]): row
        for row in await c.all(SUMMARY.format(chosen=chosen.clause), chosen.params())
    }
    return [
        Summary(one, found[one]["n"], found[one]["named"], found[one]["up_to"])
        for one in Entity
        if one in found
    ]


async def named(c: Connection, chosen: Chosen) -> list[str]:
    """The external ids of those that have one, oldest first."""
    return [row[0] for row in await c.all(NAMED.format(chosen=chosen.clause), chosen.params())]


async def discard(c: Connection, chosen: Chosen, *, actor: str, reason: str, now_ms: int) -> int:
    """Give up what is meant, and forget what the SIS had said of it; how many those were."""
    return await c.run(
        DISCARD.format(chosen=chosen.clause),
        {**chosen.params(), "actor": actor, "reason": reason, "now_ms": now_ms},
    )


async def close_gone(
    c: Connection, integration: str, run_id: int, entity: Entity, external_ids: Iterable[str], *, now_ms: int
) -> int:
    """Close what the whole list of a run does not hold any more; how many those were."""
    place = {"integration": integration, "run_id": run_id, "entity": entity.value, "now_ms": now_ms}
    return await c.run(CLOSE_GONE, {**place, "ids": json.dumps(list(external_ids))})


async def is_open(c: Connection, integration: str, record: Record | Part) -> bool:
    """Whether a record of that id is in error already."""
    params = {"integration": integration, "entity": record.entity.value, "key": record.external_id}
    return await c.one(IS_OPEN, params) is not None


async def given_up(
    c: Connection, integration: str, entity: Entity, said: Collection[tuple[str, str]], *, tries: int
) -> set[tuple[str, str]]:
    """Those of ``said`` (record key, digest) that were given up as they are now."""
    params = {
        "integration": integration,
        "entity": entity.value,
        "keys": json.dumps([key for key, _ in said]),
        "tries": tries,
    }
    return {(row[0], row[1]) for row in await c.all(GIVEN_UP_KEYS, params)} & set(said)


async def any_given_up(c: Connection, integration: str, entity: Entity, *, tries: int) -> bool:
    """Whether any record of an entity was given up."""
    params = {"integration": integration, "entity": entity.value, "tries": tries}
    return await c.one(ANY_GIVEN_UP, params) is not None


async def pass_over(
    c: Connection, integration: str, run_id: int, entity: Entity, *, after: str, upto: str, tries: int
) -> None:
    """Skip the staged records of a stretch that were given up as they are now."""
    place = {"integration": integration, "run_id": run_id, "entity": entity.value}
    await c.run(PASS_OVER, {**place, "after": after, "upto": upto, "tries": tries})


async def raw(c: Connection, record_id: int) -> Raw | None:
    """What the SIS had said of a dead record; None when it is no longer kept."""
    row = await c.one(RAW, {"id": record_id})
    if row is None or row["raw"] is None:
        return None
    place = place_of(row["integration"], Entity(row["entity"]), row["record_key"])
    return Raw(row["raw"], place, row["form"])


def _record(row: Row) -> DeadRecord:
    return DeadRecord(
        id=row["id"],
        integration=row["integration"],
        entity=Entity(row["entity"]),
        record_key=row["record_key"],
        external_id=row["external_id"],
        run_id=row["run_id"],
        status=row["status"],
        code=row["code"],
        category=row["category"],
        severity=row["severity"],
        field=row["field"],
        reason=row["reason"],
        attempts=row["attempts"],
        first_seen_at_ms=row["first_seen_at_ms"],
        last_seen_at_ms=row["last_seen_at_ms"],
        part=row["part"],
        digest=row["digest"],
    )


def _group(row: Row) -> DeadGroup:
    return DeadGroup(
        integration=row["integration"],
        entity=Entity(row["entity"]),
        code=row["code"],
        category=row["category"],
        severity=row["severity"],
        field=row["field"],
        reason=row["reason"],
        count=row["n"],
        first_seen_at_ms=row["first_seen_at_ms"],
        last_seen_at_ms=row["last_seen_at_ms"],
    )
