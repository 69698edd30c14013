"""Schedules as stored: what each starts, its next moment, the moments that started a run, and what was missed."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass

from siscon.domain.records import Entity
from siscon.domain.timetables import Busy, Missed, Schedule, Start, Starts
from siscon.store.database import Connection, Row

# A line that stays keeps its next moment, so that what was due while nothing ran is made up for. Of what an older
# version left the zone is not known.
PUT = """
INSERT INTO schedules (integration, name, line, zone, starts, entities, jitter_s, missed, busy, enabled)
VALUES (:integration, :name, :line, :zone, :starts, :entities, :jitter_s, :missed, :busy, :enabled)
ON CONFLICT (integration, name) DO UPDATE SET
  due_at_ms = CASE WHEN schedules.line = excluded.line AND schedules.zone IN (excluded.zone, '')
    AND excluded.enabled = 1 THEN due_at_ms END,
  start_at_ms = CASE WHEN schedules.line = excluded.line AND schedules.zone IN (excluded.zone, '')
    AND excluded.enabled = 1 THEN start_at_ms END,
  held_by = '', line = excluded.line, zone = excluded.zone, starts = excluded.starts, entities = excluded.entities,
  jitter_s = excluded.jitter_s, missed = excluded.missed, busy = excluded.busy, enabled = excluded.enabled
"""
DROP_OTHERS = """
DELETE FROM schedules WHERE integration = :integration AND name NOT IN (SELECT value FROM json_each(:names))
"""
DISARM = """
UPDATE schedules SET due_at_ms = NULL, start_at_ms = NULL, held_by = '' WHERE integration = :integration
"""
LET_GO = """
UPDATE schedules SET due_at_ms = NULL, start_at_ms = NULL, held_by = ''
WHERE integration = :integration AND coalesce(start_at_ms, due_at_ms) <= :now_ms
"""
ARM = """
UPDATE schedules SET due_at_ms = :due_at_ms, start_at_ms = :start_at_ms, held_by = :held_by
WHERE integration = :integration AND name = :name
"""
# What the lists of integrations show: when the next run starts by itself.
TELL_NEXT = """
UPDATE integrations SET next_due_at_ms = (SELECT min(start_at_ms) FROM schedules WHERE integration = :integration)
WHERE name = :integration
"""
OF = "SELECT * FROM schedules WHERE integration = :integration ORDER BY starts, name"
ALL = "SELECT * FROM schedules ORDER BY integration, starts, name"
ANSWERED = """
SELECT 1 FROM schedule_runs WHERE integration = :integration AND schedule = :name AND fire_at_ms = :fire_ms
"""
CLAIM = """
INSERT INTO schedule_runs (integration, schedule, fire_at_ms, at_ms) VALUES (:integration, :name, :fire_ms, :now_ms)
ON CONFLICT DO NOTHING
"""
NOTE_RUN = """
UPDATE schedule_runs SET run_id = :run_id
WHERE integration = :integration AND schedule = :name AND fire_at_ms = :fire_ms
"""
LAST_RUN = """
SELECT run_id FROM schedule_runs WHERE integration = :integration AND schedule = :name AND run_id IS NOT NULL
ORDER BY fire_at_ms DESC LIMIT 1
"""
NOTE_MISS = """
INSERT INTO schedule_misses (integration, schedule, at_ms, moments, text)
VALUES (:integration, :name, :at_ms, :moments, :text)
"""
MISSES = """
SELECT integration, schedule, sum(moments) AS n, max(id) AS last FROM schedule_misses WHERE at_ms >= :since_ms
GROUP BY integration, schedule
"""
MISS_TEXTS = "SELECT id, text FROM schedule_misses WHERE id IN (SELECT value FROM json_each(:ids))"
PRUNE_RUNS = "DELETE FROM schedule_runs WHERE fire_at_ms < :before_ms"
PRUNE_MISSES = "DELETE FROM schedule_misses WHERE at_ms < :before_ms"


@dataclass(frozen=True, slots=True)
class Armed:
    """A schedule and where it stands: the moment that is next (``due_at_ms``), and when its run starts.

    ``held_by`` names the window that puts the start off. None: no clock has armed it, or it rests.
    """

    integration: str
    schedule: Schedule
    due_at_ms: int | None
    start_at_ms: int | None
    held_by: str


@dataclass(frozen=True, slots=True)
class Misses:
    """How many moments of a schedule started no run of their own in time, and what was said of the last."""

    moments: int = 0
    text: str = ""


async def put_all(c: Connection, integration: str, wanted: Collection[Schedule], *, enabled: bool) -> None:
    """Write down the schedules of an integration as configured; those that are configured no longer go."""
    for one in wanted:
        await c.run(
            PUT,
            {
                "integration": integration,
                "name": one.name,
                "line": one.line,
                "zone": one.zone,
                "starts": one.starts.value,
                "entities": json.dumps([entity.value for entity in one.entities]),
                "jitter_s": one.jitter_s,
                "missed": one.missed.value,
                "busy": one.busy.value,
                "enabled": int(one.enabled and enabled),
            },
        )
    names = json.dumps([one.name for one in wanted])
    await c.run(DROP_OTHERS, {"integration": integration, "names": names})
    await c.run(TELL_NEXT, {"integration": integration})


async def disarm(c: Connection, integration: str) -> None:
    """Let an integration have no next moment."""
    await c.run(DISARM, {"integration": integration})
    await c.run(TELL_NEXT, {"integration": integration})


async def let_go(c: Connection, integration: str, *, now_ms: int) -> None:
    """Let what is due and has not started go: it is not made up for."""
    await c.run(LET_GO, {"integration": integration, "now_ms": now_ms})
    await c.run(TELL_NEXT, {"integration": integration})


async def arm(c: Connection, integration: str, name: str, start: Start | None) -> None:
    """Say which moment of a schedule is next and when its run starts; None: none."""
    told = {
        "due_at_ms": start.fire_ms if start else None,
        "start_at_ms": start.settled_ms if start else None,
        "held_by": start.held_by if start else "",
    }
    await c.run(ARM, {**told, "integration": integration, "name": name})
    await c.run(TELL_NEXT, {"integration": integration})


async def of(c: Connection, integration: str) -> list[Armed]:
    """The schedules of an integration, by name, full comparisons last."""
    return [_armed(row) for row in await c.all(OF, {"integration": integration})]


async def all_schedules(c: Connection) -> list[Armed]:
    """Every schedule, by integration."""
    return [_armed(row) for row in await c.all(ALL)]


async def is_answered(c: Connection, integration: str, name: str, fire_ms: int) -> bool:
    """Whether a moment has started a run already."""
    told = {"integration": integration, "name": name, "fire_ms": fire_ms}
    return await c.one(ANSWERED, told) is not None


async def claim(c: Connection, integration: str, name: str, fire_ms: int, *, now_ms: int) -> bool:
    """Make a moment one's own, for the run that is queued in the same transaction; False: somebody was faster."""
    told = {"integration": integration, "name": name, "fire_ms": fire_ms}
    return await c.run(CLAIM, {**told, "now_ms": now_ms}) == 1


async def note_run(c: Connection, integration: str, name: str, fire_ms: int, run_id: int) -> None:
    """Say which run a moment has started."""
    told = {"integration": integration, "name": name, "fire_ms": fire_ms}
    await c.run(NOTE_RUN, {**told, "run_id": run_id})


async def last_run_id(c: Connection, integration: str, name: str) -> int | None:
    """The run that the latest of its moments started."""
    row = await c.one(LAST_RUN, {"integration": integration, "name": name})
    return None if row is None else int(row["run_id"])


async def note_miss(
    c: Connection, integration: str, name: str, *, at_ms: int, moments: int, text: str
) -> None:
    """Count moments that started no run of their own in time."""
    told = {"integration": integration, "name": name, "at_ms": at_ms}
    await c.run(NOTE_MISS, {**told, "moments": moments, "text": text})


async def misses(c: Connection, *, since_ms: int) -> dict[tuple[str, str], Misses]:
    """What was missed since a moment, by integration and schedule."""
    rows = await c.all(MISSES, {"since_ms": since_ms})
    found = await c.all(MISS_TEXTS, {"ids": json.dumps([row["last"] for row in rows])})
    texts = {row["id"]: row["text"] for row in found}
    return {(row["integration"], row["schedule"]): Misses(row["n"], texts[row["last"]]) for row in rows}


async def prune(c: Connection, before_ms: int) -> int:
    """Forget moments and misses that lie before a moment; how many moments that were."""
    await c.run(PRUNE_MISSES, {"before_ms": before_ms})
    return await c.run(PRUNE_RUNS, {"before_ms": before_ms})


def _armed(row: Row) -> Armed:
    schedule = Schedule(
        name=row["name"],
        line=row["line"],
        zone=row["zone"] or "UTC",
        starts=Starts(row["starts"]),
        entities=tuple(Entity(one) for one in json.loads(row["entities"])),
        jitter_s=row["jitter_s"],
        missed=Missed(row["missed"]),
        busy=Busy(row["busy"]),
        enabled=bool(row["enabled"]),
    )
    return Armed(row["integration"], schedule, row["due_at_ms"], row["start_at_ms"], row["held_by"])
