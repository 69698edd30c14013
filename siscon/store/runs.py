"""Runs: this table is the queue. What may follow what stands in the domain; every other move is refused here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from siscon.domain.errors import DatabaseError
from siscon.domain.filters import ALL, Filter
from siscon.domain.records import Entity
from siscon.domain.runs import ENDED, MOVES, Lane, Phase, Run, RunKind, RunStatus
from siscon.store import filtered, filtering
from siscon.store.database import Connection, Row
from siscon.store.walking import Meant

COLUMNS = """id, integration, kind, lane, status, phase, entities, full_compare, requested_by, due_at_ms,
  queued_at_ms, started_at_ms, finished_at_ms, attempt, engine, cancel_requested_by, approved_by, error_code, error,
  requests, waiting_until_ms, dry, request, reason, deaths, schedule, pause_requested_by, resume_at_ms"""
ENQUEUE = """
INSERT INTO runs (integration, kind, lane, status, entities, full_compare, requested_by, due_at_ms, queued_at_ms,
  dry, request, reason, schedule)
VALUES (:integration, :kind, :lane, 'queued', :entities, :full, :requested_by, :due_at_ms, :now_ms,
  :dry, :request, :reason, :schedule)
ON CONFLICT (integration, kind, schedule, due_at_ms) WHERE due_at_ms IS NOT NULL DO NOTHING
RETURNING id
"""
ADD_FINISHED = """
INSERT INTO runs (integration, kind, lane, status, phase, entities, requested_by, queued_at_ms, started_at_ms,
  finished_at_ms, attempt, request, reason)
VALUES (:integration, :kind, 'quick', 'completed', 'apply', :entities, :requested_by, :now_ms, :now_ms, :now_ms, 1,
  :request, :reason)
RETURNING id
"""
FIND = f"SELECT {COLUMNS} FROM runs WHERE id = :id"
CLAIM = f"""
UPDATE runs SET status = 'running', engine = :engine, attempt = attempt + 1, waiting_until_ms = NULL,
  started_at_ms = coalesce(started_at_ms, :now_ms), finished_at_ms = NULL, error_code = '', error = ''
WHERE id = :id AND status = 'queued' AND NOT EXISTS (SELECT 1 FROM runs other
  WHERE other.integration = runs.integration AND other.lane = runs.lane
    AND other.status IN ('running', 'held', 'paused'))
RETURNING {COLUMNS}
"""
# From a listing of this very program, never from outside: the states from which each state may be reached.
MOVE: Mapping[RunStatus, str] = {
    to: """
UPDATE runs SET status = :to, error_code = coalesce(:error_code, error_code), error = coalesce(:error, error),
  finished_at_ms = :finished_at_ms,
  waiting_until_ms = NULL,
  engine = CASE WHEN :requeued = 1 THEN NULL ELSE engine END,
  cancel_requested_by = CASE WHEN :requeued = 1 THEN NULL ELSE cancel_requested_by END,
  pause_requested_by = CASE WHEN :requeued = 1 OR :finished_at_ms IS NOT NULL THEN NULL ELSE pause_requested_by END,
  resume_at_ms = CASE WHEN :requeued = 1 OR :finished_at_ms IS NOT NULL THEN NULL ELSE resume_at_ms END
WHERE id = :id AND status IN ("""
    + ", ".join(f"'{before}'" for before, after in MOVES.items() if to in after)
    + ")"
    for to in RunStatus
}
SETTLE = "UPDATE runs SET entities = :entities, full_compare = :full WHERE id = :id"
SAY_WHY_HELD = "UPDATE runs SET error_code = :code, error = :why WHERE id = :id"
SET_PHASE = "UPDATE runs SET phase = :phase WHERE id = :id"
ADD_REQUESTS = "UPDATE runs SET requests = requests + :n, waiting_until_ms = :waiting_until_ms WHERE id = :id"
REQUEST_CANCEL = """
UPDATE runs SET cancel_requested_by = :actor
WHERE id = :id AND cancel_requested_by IS NULL
  AND status IN ('queued', 'running', 'paused', 'held', 'planned', 'interrupted')
"""
REQUEST_PAUSE = """
UPDATE runs SET pause_requested_by = :actor, resume_at_ms = :resume_at_ms
WHERE id = :id AND cancel_requested_by IS NULL AND status IN ('queued', 'running', 'paused')
"""
TO_RESUME = "SELECT id FROM runs WHERE status = 'paused' AND resume_at_ms <= :now_ms ORDER BY id LIMIT 1000"
APPROVE = "UPDATE runs SET approved_by = :actor, dry = 0 WHERE id = :id AND status IN ('held', 'planned')"
NOTE_DEATH = """
UPDATE runs SET deaths = CASE WHEN stood_at = :stood_at THEN deaths + 1 ELSE 1 END, stood_at = :stood_at WHERE id = :id
"""
CHOSEN = "(:integration IS NULL OR integration = :integration) AND (:status IS NULL OR status = :status)"
LATEST = f"SELECT {COLUMNS} FROM runs WHERE id < :before_id AND {CHOSEN} AND {{where}} ORDER BY id DESC LIMIT :limit"
BY_IDS = f"SELECT {COLUMNS} FROM runs WHERE id IN (SELECT value FROM json_each(:ids))"
# Among the newest runs only: a plan that somebody decided on months ago is a matter of the history.
DECIDED = f"""
SELECT {COLUMNS}, coalesce((SELECT e.text FROM events e
    WHERE e.run_id = runs.id AND e.kind = 'run held' ORDER BY e.id LIMIT 1), '') AS why_held
FROM runs WHERE id > (SELECT coalesce(max(id), 0) FROM runs) - 5000
  AND status IN ('completed', 'completed with warnings', 'completed with errors', 'failed', 'cancelled')
  AND (approved_by IS NOT NULL OR error_code IN ('discarded', 'superseded'))
ORDER BY id DESC LIMIT :limit
"""
ACTIVE = f"""
SELECT {COLUMNS} FROM runs WHERE status IN ('running', 'queued', 'paused', 'interrupted') ORDER BY id LIMIT 1000
"""
CLAIMABLE = f"""
SELECT {COLUMNS} FROM runs WHERE id IN (
  SELECT min(id) FROM runs queued WHERE status = 'queued' AND NOT (due_at_ms IS NOT NULL AND attempt = 0
    AND integration IN (SELECT value FROM json_each(:resting))) AND NOT EXISTS (SELECT 1 FROM runs busy
    WHERE busy.integration = queued.integration AND busy.lane = queued.lane
      AND busy.status IN ('running', 'held', 'paused'))
  GROUP BY integration, lane)
ORDER BY id
"""
OF_DEAD_ENGINES = f"""
SELECT {COLUMNS} FROM runs WHERE status = 'running' AND NOT EXISTS (SELECT 1 FROM leases l
  WHERE l.name = 'engine:' || runs.engine AND l.owner = runs.engine AND l.expires_at_ms >= :now_ms)
ORDER BY id
"""

NEWEST = 2**62


async def enqueue(
    c: Connection,
    *,
    integration: str,
    kind: RunKind,
    lane: Lane,
    entities: Sequence[Entity],
    full: bool,
    requested_by: str,
    due_at_ms: int | None,
    now_ms: int,
    dry: bool = False,
    request: Mapping[str, Any] | None = None,
    reason: str = "",
    schedule: str = "",
) -> int | None:
    """Queue a run; None when one of that kind was already queued for the same due moment of ``schedule``."""
    row = await c.one(
        ENQUEUE,
        {
            "integration": integration,
            "kind": kind.value,
            "lane": lane.value,
            "entities": json.dumps([one.value for one in entities]),
            "full": int(full),
            "requested_by": requested_by,
            "due_at_ms": due_at_ms,
            "now_ms": now_ms,
            "dry": int(dry),
            "request": json.dumps(dict(request or {}), ensure_ascii=False),
            "reason": reason,
            "schedule": schedule,
        },
    )
    return None if row is None else int(row["id"])


async def add_finished(
    c: Connection,
    *,
    integration: str,
    kind: RunKind,
    entities: Sequence[Entity],
    requested_by: str,
    request: Mapping[str, Any],
    reason: str,
    now_ms: int,
) -> int:
    """Enter the act of a person as a run that is completed in the same transaction, so that it can be undone."""
    row = await c.one(
        ADD_FINISHED,
        {
            "integration": integration,
            "kind": kind.value,
            "entities": json.dumps([one.value for one in entities]),
            "requested_by": requested_by,
            "request": json.dumps(dict(request), ensure_ascii=False),
            "reason": reason,
            "now_ms": now_ms,
        },
    )
    assert row is not None, "the statement returns what it made"
    return int(row["id"])


async def claim(c: Connection, run_id: int, *, engine: str, now_ms: int) -> Run:
    """Make a queued run one's own; refused when it is no longer queued or its lane is taken."""
    row = await c.one(CLAIM, {"id": run_id, "engine": engine, "now_ms": now_ms})
    if row is None:
        raise DatabaseError(
            f"Run {run_id} cannot be started: it is not queued any more, or another run of its integration is "
            "under way.",
            code="illegal_move",
        )
    return _run(row)


async def get(c: Connection, run_id: int) -> Run | None:
    """The run of that number, or None."""
    row = await c.one(FIND, {"id": run_id})
    return None if row is None else _run(row)


async def move(
    c: Connection, run_id: int, to: RunStatus, *, now_ms: int, error_code: str = "", error: str = ""
) -> None:
    """Bring a run into another state; a move that the table of legal moves does not hold is refused.

    A run whose plan waits keeps the reason that :func:`say_why_held` gave, unless another is told.
    """
    keep = to in (RunStatus.HELD, RunStatus.PLANNED) and not error
    changed = await c.run(
        MOVE[to],
        {
            "id": run_id,
            "to": to.value,
            "error_code": None if keep else error_code,
            "error": None if keep else error,
            "finished_at_ms": now_ms if to in ENDED else None,
            "requeued": int(to is RunStatus.QUEUED),
        },
    )
    if changed != 1:
        found = await get(c, run_id)
        now = f"it is {found.status}" if found else "there is no such run"
        raise DatabaseError(f"Run {run_id} cannot become {to}: {now}.", code="illegal_move")


async def settle(c: Connection, run_id: int, *, entities: Sequence[Entity], full: bool) -> None:
    """Settle what a run imports, in order, and whether it compares everything; done when it is first carried."""
    told = {"entities": json.dumps([one.value for one in entities]), "full": int(full)}
    await c.run(SETTLE, {**told, "id": run_id})


async def say_why_held(c: Connection, run_id: int, why: str, *, code: str = "too_much") -> None:
    """Write down what the guard fears; the caller moves the run."""
    await c.run(SAY_WHY_HELD, {"id": run_id, "why": why, "code": code})


async def set_phase(c: Connection, run_id: int, phase: Phase) -> None:
    """Say what a running import does now."""
    await c.run(SET_PHASE, {"id": run_id, "phase": phase.value})


async def add_requests(c: Connection, run_id: int, n: int, waiting_until_ms: int | None = None) -> None:
    """Count requests, and say until when the run waits for its rate limit (None: it does not wait)."""
    await c.run(ADD_REQUESTS, {"id": run_id, "n": n, "waiting_until_ms": waiting_until_ms})


async def request_cancel(c: Connection, run_id: int, actor: str) -> None:
    """Ask a run to end; the first one who asked stays on record."""
    await c.run(REQUEST_CANCEL, {"id": run_id, "actor": actor})


async def request_pause(c: Connection, run_id: int, actor: str, *, resume_at_ms: int | None) -> None:
    """Ask a run to rest where it stands, until a moment if one is told; it keeps what it has fetched."""
    await c.run(REQUEST_PAUSE, {"id": run_id, "actor": actor, "resume_at_ms": resume_at_ms})


async def to_resume(c: Connection, *, now_ms: int) -> list[int]:
    """The paused runs whose time has come to go on by themselves."""
    return [row["id"] for row in await c.all(TO_RESUME, {"now_ms": now_ms})]


async def approve(c: Connection, run_id: int, actor: str) -> None:
    """Note who takes the responsibility for a plan that waits; the caller moves the run."""
    await c.run(APPROVE, {"id": run_id, "actor": actor})


async def note_death(c: Connection, run_id: int, *, stood_at: str) -> None:
    """An engine died over a run: count how often that happened where the run stands."""
    await c.run(NOTE_DEATH, {"id": run_id, "stood_at": stood_at})


async def latest(
    c: Connection,
    *,
    integration: str | None = None,
    status: RunStatus | None = None,
    where: Filter = ALL,
    before_id: int | None = None,
    limit: int = 50,
) -> list[Run]:
    """The newest runs first that a filter means, from ``before_id`` (not included) downwards."""
    params = {**_chosen(integration, status), "before_id": before_id or NEWEST, "limit": limit}
    sql = LATEST.format(where=filtering.clause(where, filtered.RUNS))
    return [_run(row) for row in await c.all(sql, {**params, **filtering.params(where)})]


async def decided(c: Connection, *, limit: int) -> list[tuple[Run, str]]:
    """The runs whose plan somebody approved or discarded lately and that have ended, and why each had been held."""
    return [(_run(row), row["why_held"]) for row in await c.all(DECIDED, {"limit": limit})]


async def active(c: Connection) -> list[Run]:
    """Runs that go on without a person (running, queued, interrupted) or wait for one's word (paused)."""
    return [_run(row) for row in await c.all(ACTIVE)]


async def claimable(c: Connection, *, resting: Iterable[str] = ()) -> list[Run]:
    """The oldest queued run of each lane that is free, oldest first; of integrations that rest none that a schedule
    started and that has not begun.
    """
    return [_run(row) for row in await c.all(CLAIMABLE, {"resting": json.dumps(list(resting))})]


async def running_of_dead_engines(c: Connection, *, now_ms: int) -> list[Run]:
    """Runs under way whose engine's lease has run out or was given back."""
    return [_run(row) for row in await c.all(OF_DEAD_ENGINES, {"now_ms": now_ms})]


def meant(where: Filter, *, integration: str | None = None) -> Meant:
    """The runs that a person means by a filter."""
    told = ["integration = :integration"] if integration is not None else []
    told.append(filtering.clause(where, filtered.RUNS))
    return Meant("runs", " AND ".join(told), {"integration": integration, **filtering.params(where)})


async def by_ids(c: Connection, run_ids: Iterable[int]) -> list[Run]:
    """The runs of these numbers, in no particular order."""
    return [_run(row) for row in await c.all(BY_IDS, {"ids": json.dumps(list(run_ids))})]


def _chosen(integration: str | None, status: RunStatus | None) -> dict[str, str | None]:
    return {"integration": integration, "status": status.value if status else None}


def _run(row: Row) -> Run:
    return Run(
        id=row["id"],
        integration=row["integration"],
        kind=RunKind(row["kind"]),
        lane=Lane(row["lane"]),
        status=RunStatus(row["status"]),
        phase=Phase(row["phase"]) if row["phase"] else None,
        entities=tuple(Entity(one) for one in json.loads(row["entities"])),
        full=bool(row["full_compare"]),
        requested_by=row["requested_by"],
        due_at_ms=row["due_at_ms"],
        queued_at_ms=row["queued_at_ms"],
        started_at_ms=row["started_at_ms"],
        finished_at_ms=row["finished_at_ms"],
        attempt=row["attempt"],
        engine=row["engine"],
        cancel_requested_by=row["cancel_requested_by"],
        approved_by=row["approved_by"],
        error_code=row["error_code"],
        error=row["error"],
        requests=row["requests"],
        waiting_until_ms=row["waiting_until_ms"],
        dry=bool(row["dry"]),
        request=json.loads(row["request"]),
        reason=row["reason"],
        deaths=row["deaths"],
        schedule=row["schedule"],
        pause_requested_by=row["pause_requested_by"],
        resume_at_ms=row["resume_at_ms"],
    )
