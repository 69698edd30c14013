"""What reports are made of: sums over the runs of a period, made by the database, however many runs there are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from siscon.domain.periods import Period
from siscon.domain.records import Entity
from siscon.domain.runs import Lane, RunKind, RunStatus
from siscon.store.database import Connection, Row

# The index leads from an integration to the runs that ended in a period; the others are never looked at. Joined with
# the integrations, SQLite would read all runs for a filter first.
IN_PERIOD = """r.integration IN (SELECT name FROM integrations WHERE :integration IS NULL OR name = :integration)
  AND r.finished_at_ms >= :from_ms AND r.finished_at_ms < :until_ms"""
# Who only wanted to see a plan, and throws it away, took nothing from the syncs: that is as if it was cancelled.
PUT_AWAY = "r.error_code IN ('discarded', 'superseded') AND r.dry = 0"
IMPORTS = "r.kind = 'import' AND r.lane <> 'single'"
ENDS = f"""
SELECT r.integration, r.kind, r.lane, r.schedule, r.full_compare, r.status,
  {PUT_AWAY} AS put_away, r.requested_by = 'webhook' AS by_webhook, count(*) AS runs, sum(r.requests) AS requests,
  sum(r.finished_at_ms - coalesce(r.started_at_ms, r.finished_at_ms)) AS took_ms
FROM runs r WHERE {IN_PERIOD} GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
"""
ENTITIES = f"""
SELECT r.integration, c.entity, min(c.position) AS place, count(*) AS runs,
  sum(r.status LIKE 'completed%' AND c.done = 1 AND c.left_out = 0) AS through, sum(c.fetched) AS fetched,
  sum(c.created) AS created, sum(c.updated) AS updated, sum(c.missing) AS missing, sum(c.withdrawn) AS withdrawn,
  sum(c.failed) AS failed, sum(c.conflict) AS conflict
FROM runs r CROSS JOIN run_counts c ON c.run_id = r.id
WHERE {IN_PERIOD} AND {IMPORTS} GROUP BY r.integration, c.entity ORDER BY r.integration, place
"""
COUNT_ENDED = f"SELECT count(*) AS n FROM runs r WHERE {IN_PERIOD}"
NEWEST_ENDED = f"""
SELECT r.id FROM runs r WHERE {IN_PERIOD} ORDER BY r.finished_at_ms DESC, r.id DESC LIMIT :limit
"""
NOT_ENDED = """
SELECT id FROM runs WHERE status IN ('running', 'queued', 'paused', 'held', 'planned', 'interrupted')
  AND queued_at_ms < :until_ms AND (:integration IS NULL OR integration = :integration) ORDER BY id DESC LIMIT :limit
"""
FAILED = f"""
SELECT r.id FROM runs r WHERE {IN_PERIOD} AND +r.status = 'failed' ORDER BY r.finished_at_ms DESC LIMIT :limit
"""
SLOTS = """
SELECT e.key AS slot, e.value ->> 0 AS from_ms, e.value ->> 1 AS until_ms FROM json_each(:slots) e
"""
OF_SLOTS = f"""
WITH slots AS MATERIALIZED ({SLOTS}),
found AS (
  SELECT s.slot, r.id, r.status, {PUT_AWAY} AS put_away, r.requests,
    r.finished_at_ms - coalesce(r.started_at_ms, r.finished_at_ms) AS took_ms
  FROM slots s CROSS JOIN runs r ON r.integration = :integration
    AND r.finished_at_ms >= s.from_ms AND r.finished_at_ms < s.until_ms
  WHERE {IMPORTS})
"""
DAY_ENDS = f"""{OF_SLOTS}
SELECT slot, status, put_away, count(*) AS runs, sum(requests) AS requests, max(took_ms) AS took_ms
FROM found GROUP BY slot, status, put_away
"""
DAY_COUNTS = f"""{OF_SLOTS}
SELECT slot, sum(fetched) AS fetched, sum(created) AS created, sum(updated) AS updated, sum(missing) AS missing,
  sum(withdrawn) AS withdrawn, max(failed) AS failed, sum(conflict) AS conflict
FROM (SELECT f.slot, f.id, sum(c.fetched) AS fetched, sum(c.created) AS created, sum(c.updated) AS updated,
    sum(c.missing) AS missing, sum(c.withdrawn) AS withdrawn, sum(c.failed) AS failed, sum(c.conflict) AS conflict
  FROM found f JOIN run_counts c ON c.run_id = f.id GROUP BY f.id)
GROUP BY slot
"""
LOOK_BACK_MS = 31 * 86_400_000
"""So far before a moment the last good import is looked for; an older one is no news to anybody."""
FRESH_AT = f"""
SELECT m.key AS slot, e.value AS entity, (
  SELECT r.finished_at_ms FROM runs r JOIN run_counts c ON c.run_id = r.id AND c.entity = e.value
  WHERE r.integration = :integration AND r.finished_at_ms <= m.value AND r.finished_at_ms > m.value - {LOOK_BACK_MS}
    AND r.kind = 'import' AND r.lane = 'bulk' AND r.status LIKE 'completed%' AND c.done = 1 AND c.left_out = 0
  ORDER BY r.finished_at_ms DESC LIMIT 1) AS ended_ms
FROM json_each(:moments) m CROSS JOIN json_each(:entities) e
"""
QUESTIONS = """
SELECT integration, sum(opened_at_ms >= :from_ms AND opened_at_ms < :until_ms) AS opened,
  sum(status <> 'open' AND settled_at_ms >= :from_ms AND settled_at_ms < :until_ms) AS settled,
  sum(status = 'open') AS open
FROM conflicts WHERE (:integration IS NULL OR integration = :integration) GROUP BY integration
"""
IN_ERROR = """
SELECT integration, sum(first_seen_at_ms >= :from_ms AND first_seen_at_ms < :until_ms) AS opened,
  sum(status <> 'open' AND settled_at_ms >= :from_ms AND settled_at_ms < :until_ms) AS settled,
  sum(status = 'open') AS open
FROM dead_records WHERE (:integration IS NULL OR integration = :integration) GROUP BY integration
"""
# Among the newest events only, for no index has them by moment: so many are more than a busy week.
ALARMS = """
SELECT kind, integration, count(*) AS n, max(id) AS last FROM events
WHERE id > (SELECT coalesce(max(id), 0) FROM events) - 200000 AND at_ms >= :from_ms AND at_ms < :until_ms
  AND kind IN ('breaker opened', 'token failed', 'schedule missed', 'task failed')
GROUP BY kind, integration ORDER BY max(id) DESC
"""
MISSED = """
SELECT integration, schedule, sum(moments) AS n FROM schedule_misses
WHERE at_ms >= :from_ms AND at_ms < :until_ms GROUP BY integration, schedule
"""
CAUSES = """
SELECT entity, code, coalesce(field, '') AS field, count(*) AS n FROM dead_records
WHERE run_id = :run_id AND integration = :integration GROUP BY 1, 2, 3 ORDER BY n DESC, 1, 2, 3 LIMIT 50
"""


@dataclass(frozen=True, slots=True)
class Ends:
    """Runs of one integration that ended alike: how many, their requests, how long they took together."""

    integration: str
    kind: RunKind
    lane: Lane
    schedule: str
    full: bool
    status: RunStatus
    put_away: bool
    by_webhook: bool
    runs: int
    requests: int
    took_ms: int

    @property
    def is_import(self) -> bool:
        """Whether they brought whole lists or what changed, not the one record that somebody waited for."""
        return self.kind is RunKind.IMPORT and self.lane is not Lane.SINGLE


@dataclass(frozen=True, slots=True)
class EntityEnds:
    """What the imports of a period did with one entity; ``through``: so many of them brought it to its end."""

    integration: str
    entity: Entity
    runs: int
    through: int
    fetched: int
    created: int
    updated: int
    missing: int
    withdrawn: int
    failed: int
    conflict: int


@dataclass(frozen=True, slots=True)
class DayEnds:
    """Imports that ended alike on one day, the slot-th; ``took_ms`` is the longest."""

    slot: int
    status: RunStatus
    put_away: bool
    runs: int
    requests: int
    took_ms: int


@dataclass(frozen=True, slots=True)
class DayCounts:
    """What the imports of one day did; ``failed`` are the most records in error that one of them had."""

    fetched: int
    created: int
    updated: int
    missing: int
    withdrawn: int
    failed: int
    conflict: int


@dataclass(frozen=True, slots=True)
class Moved:
    """Questions, or records in error, of one integration: how many came, were settled, and are open now."""

    opened: int = 0
    settled: int = 0
    open: int = 0


@dataclass(frozen=True, slots=True)
class Alarm:
    """How often something alarming was reported of an integration (None: of the installation), and the last event."""

    kind: str
    integration: str | None
    count: int
    event_id: int


@dataclass(frozen=True, slots=True)
class CauseCount:
    """So many records of a run were set aside for one reason."""

    entity: Entity
    code: str
    field: str
    count: int


async def ends(c: Connection, period: Period, integration: str | None = None) -> list[Ends]:
    """How the runs ended that ended in a period."""
    return [
        Ends(
            row["integration"],
            RunKind(row["kind"]),
            Lane(row["lane"]),
            row["schedule"],
            bool(row["full_compare"]),
            RunStatus(row["status"]),
            bool(row["put_away"]),
            bool(row["by_webhook"]),
            row["runs"],
            row["requests"],
            row["took_ms"],
        )
        for row in await c.all(ENDS, _within(period, integration))
    ]


async def entity_ends(c: Connection, period: Period, integration: str | None = None) -> list[EntityEnds]:
    """What the imports that ended in a period did with each entity, in the order of the entities."""
    names = ("runs", "through", "fetched", "created", "updated", "missing", "withdrawn", "failed", "conflict")
    return [
        EntityEnds(row["integration"], Entity(row["entity"]), **{name: row[name] for name in names})
        for row in await c.all(ENTITIES, _within(period, integration))
    ]


async def ended_ids(
    c: Connection, period: Period, integration: str | None, *, limit: int
) -> tuple[list[int], int]:
    """The numbers of the newest runs that ended in a period, the newest first, and how many there are of all."""
    params = _within(period, integration)
    count = await c.one(COUNT_ENDED, params)
    rows = await c.all(NEWEST_ENDED, {**params, "limit": limit})
    return [row["id"] for row in rows], count["n"] if count else 0


async def not_ended_ids(c: Connection, period: Period, integration: str | None, *, limit: int) -> list[int]:
    """The numbers of the runs that have not ended and were there before the end of a period, the newest first."""
    params = {"until_ms": period.until_ms, "integration": integration, "limit": limit}
    return [row["id"] for row in await c.all(NOT_ENDED, params)]


async def failed_ids(c: Connection, period: Period, integration: str | None, *, limit: int) -> list[int]:
    """The numbers of the newest runs that failed in a period."""
    rows = await c.all(FAILED, {**_within(period, integration), "limit": limit})
    return [row["id"] for row in rows]


async def day_ends(c: Connection, integration: str, days: Sequence[Period]) -> list[DayEnds]:
    """How the imports of each day ended."""
    return [
        DayEnds(
            row["slot"],
            RunStatus(row["status"]),
            bool(row["put_away"]),
            row["runs"],
            row["requests"],
            row["took_ms"],
        )
        for row in await c.all(DAY_ENDS, _slots(integration, days))
    ]


async def day_counts(c: Connection, integration: str, days: Sequence[Period]) -> dict[int, DayCounts]:
    """What the imports of each day did; a day without counts is left out."""
    names = ("fetched", "created", "updated", "missing", "withdrawn", "failed", "conflict")
    rows = await c.all(DAY_COUNTS, _slots(integration, days))
    return {row["slot"]: DayCounts(**{name: row[name] for name in names}) for row in rows}


async def fresh_at(
    c: Connection, integration: str, moments: Sequence[int], entities: Sequence[Entity]
) -> dict[int, dict[Entity, int | None]]:
    """When the last good import of each entity before each moment had ended; None: none in the month before."""
    told = {
        "integration": integration,
        "moments": json.dumps(list(moments)),
        "entities": json.dumps([one.value for one in entities]),
    }
    found: dict[int, dict[Entity, int | None]] = {}
    for row in await c.all(FRESH_AT, told):
        found.setdefault(row["slot"], {})[Entity(row["entity"])] = row["ended_ms"]
    return found


async def questions(c: Connection, period: Period, integration: str | None = None) -> dict[str, Moved]:
    """The conflicts of each integration."""
    return _moved(await c.all(QUESTIONS, _within(period, integration)))


async def in_error(c: Connection, period: Period, integration: str | None = None) -> dict[str, Moved]:
    """The records in error of each integration; settled are those whose end has a moment."""
    return _moved(await c.all(IN_ERROR, _within(period, integration)))


async def alarms(c: Connection, period: Period) -> list[Alarm]:
    """What alarming was reported in a period, the latest first."""
    rows = await c.all(ALARMS, {"from_ms": period.from_ms, "until_ms": period.until_ms})
    return [Alarm(row["kind"], row["integration"], row["n"], row["last"]) for row in rows]


async def missed(c: Connection, period: Period) -> dict[tuple[str, str], int]:
    """How many moments of each schedule started nothing, or started late, by integration and schedule."""
    rows = await c.all(MISSED, {"from_ms": period.from_ms, "until_ms": period.until_ms})
    return {(row["integration"], row["schedule"]): row["n"] for row in rows}


async def causes(c: Connection, integration: str, run_id: int) -> list[CauseCount]:
    """Why records of a run are set aside, the commonest reason first; no word of what they hold."""
    rows = await c.all(CAUSES, {"run_id": run_id, "integration": integration})
    return [CauseCount(Entity(row["entity"]), row["code"], row["field"], row["n"]) for row in rows]


def _within(period: Period, integration: str | None) -> dict[str, int | str | None]:
    return {"from_ms": period.from_ms, "until_ms": period.until_ms, "integration": integration}


def _slots(integration: str, days: Sequence[Period]) -> dict[str, str]:
    return {"integration": integration, "slots": json.dumps([[one.from_ms, one.until_ms] for one in days])}


def _moved(rows: Sequence[Row]) -> dict[str, Moved]:
    return {
        row["integration"]: Moved(row["opened"] or 0, row["settled"] or 0, row["open"] or 0) for row in rows
    }
