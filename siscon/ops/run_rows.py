"""Runs and engines as plain rows with stable keys: what the command line prints."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict

from siscon.domain.events import Event, EventKind
from siscon.domain.filters import ALL, Filter
from siscon.domain.leases import EngineInfo
from siscon.domain.paces import MINUTE_MS, Pace, lasted
from siscon.domain.runs import Counts, Run, RunStatus
from siscon.ops import summaries
from siscon.ops.rows import PAGE, Row, iso
from siscon.ops.waiting import why_waiting
from siscon.store import events, leases, paces, run_counts, runs
from siscon.store.database import Database


async def run_rows(
    db: Database,
    *,
    integration: str | None = None,
    status: RunStatus | None = None,
    where: Filter = ALL,
    limit: int = 50,
) -> list[Row]:
    """Runs, newest first, with the sums of their counts."""
    async with db.read() as c:
        found = await runs.latest(c, integration=integration, status=status, where=where, limit=limit)
        counts = {run.id: await run_counts.of_run(c, run.id) for run in found}
    return [run_row(run, counts[run.id]) for run in found]


def run_row(run: Run, counts: Collection[Counts]) -> Row:
    """One run as a row."""
    summed = ("fetched", "created", "updated", "unchanged", "conflict", "failed", "missing")
    return {
        "id": run.id,
        "integration": run.integration,
        "status": run.status.value,
        "phase": run.phase.value if run.phase else None,
        "kind": run.kind.value,
        "entities": [one.value for one in run.entities],
        "full": run.full,
        "requested_by": run.requested_by,
        "queued_at": iso(run.queued_at_ms),
        "started_at": iso(run.started_at_ms),
        "finished_at": iso(run.finished_at_ms),
        "attempt": run.attempt,
        "requests": run.requests,
        **{name: sum(getattr(one, name) for one in counts) for name in summed},
        "error_code": run.error_code,
        "error": run.error,
    }


async def one_run(db: Database, run_id: int) -> Row | None:
    """One run in full: its row, its counts by entity, its latest events (oldest first), what it came to."""
    async with db.read() as c:
        run = await runs.get(c, run_id)
        if run is None:
            return None
        counts = await run_counts.of_run(c, run_id)
        news = await events.latest(c, limit=PAGE, run_id=run_id)
        pace = await paces.of_run(c, run_id)
    told = [_event_row(one) for one in sorted(news, key=lambda one: one.id)]
    by_entity = [count_row(run, one) for one in counts]
    came_to = await summaries.summary(db, run_id)
    return {
        **run_row(run, counts),
        "counts": by_entity,
        "events": told,
        "summary": came_to,
        **_pace_row(run, pace),
    }


def _pace_row(run: Run, pace: Pace) -> Row:
    """When the phases began and how long they lasted, how requests went, and how many there were in each minute."""
    last_ms = run.finished_at_ms or max(
        [*pace.phases.values(), *((one.minute + 1) * MINUTE_MS for one in pace.minutes)], default=0
    )
    long = lasted(pace.phases, last_ms)
    return {
        "phases": [
            {"phase": phase.value, "began_at": iso(pace.phases[phase]), "seconds": round(ms / 1000, 1)}
            for phase, ms in long.items()
        ],
        "requests_failed": pace.failed,
        "requests_throttled": pace.throttled,
        "requests_a_minute": pace.requests,
    }


async def runs_by_id(db: Database, ids: Collection[int]) -> list[Run]:
    """The runs with these ids, in that order; the unknown are left out."""
    async with db.read() as c:
        found = [await runs.get(c, run_id) for run_id in ids]
    return [run for run in found if run is not None]


TROUBLE = frozenset(
    {EventKind.RUN_WAITING, EventKind.BREAKER_OPENED, EventKind.BREAKER_CLOSED, EventKind.TOKEN_FAILED}
)
"""What whoever waits for a run wants to be told while it lasts."""


async def newest_event(db: Database) -> int:
    """The number of the last fact reported so far; 0 before the first."""
    async with db.read() as c:
        found = await events.latest(c, limit=1)
    return found[0].id if found else 0


async def trouble(db: Database, integrations: Collection[str], *, after: int) -> tuple[list[str], int]:
    """What has kept the runs of these integrations waiting since an event, and the number to go on from."""
    async with db.read() as c:
        news = await events.after(c, after)
    told = [one.text for one in news if one.kind in TROUBLE and one.integration in integrations]
    return told, news[-1].id if news else after


async def summary(db: Database, ids: Collection[int]) -> list[Row]:
    """One row for each run and entity: what ``sync --wait`` and ``demo --once`` end with."""
    rows = []
    async with db.read() as c:
        for run_id in ids:
            run = await runs.get(c, run_id)
            if run is not None:
                rows += [count_row(run, one) for one in await run_counts.of_run(c, run_id)]
    return rows


def count_row(run: Run, counts: Counts) -> Row:
    """What a run did with one entity."""
    values = asdict(counts)
    return {
        "integration": run.integration,
        "entity": counts.entity.value,
        **{
            name: values[name] for name in ("fetched", "created", "updated", "unchanged", "failed", "missing")
        },
        "requests": counts.requests,
        "seconds": round(counts.seconds, 3),
        "conflict": counts.conflict,
        "skipped": counts.skipped,
        "withdrawn": counts.withdrawn,
        "warnings": counts.warnings,
        "run_id": run.id,
        "status": run.status.value,
    }


def _event_row(event: Event) -> Row:
    return {"at": iso(event.at_ms), "level": event.level.value, "kind": event.kind.value, "text": event.text}


async def engine_rows(db: Database, *, now_ms: int) -> list[Row]:
    """The engines that are alive."""
    async with db.read() as c:
        known: list[EngineInfo] = await leases.engines(c, now_ms=now_ms)
    return [
        {
            "engine": one.id,
            "host": one.host,
            "pid": one.pid,
            "version": one.version,
            "since": iso(one.started_at_ms),
            "seen_at": iso(one.seen_at_ms),
        }
        for one in known
        if one.alive
    ]


async def active_rows(db: Database, *, now_ms: int) -> list[Row]:
    """The runs that are not over, and which engine holds the credential of each."""
    rows = []
    async with db.read() as c:
        held = await runs.latest(c, status=RunStatus.HELD)
        known = [*await runs.active(c), *held]
        for run in known:
            counts = await run_counts.of_run(c, run.id)
            totals = [one.total for one in counts]
            rows.append(
                {
                    "run_id": run.id,
                    "integration": run.integration,
                    "status": run.status.value,
                    "phase": run.phase.value if run.phase else None,
                    "fetched": sum(one.fetched for one in counts),
                    "total": sum(one or 0 for one in totals) if all(totals) and totals else None,
                    "requests": run.requests,
                    "waiting_until": iso(run.waiting_until_ms),
                    "waits_for": "",
                    "held_by": await leases.holder(c, f"credential:{run.integration}", now_ms=now_ms),
                }
            )
    for run, row in zip(known, rows, strict=True):
        row["waits_for"] = await why_waiting(db, run, now_ms=now_ms)
    return rows
