"""What the panes read of runs: those under way with their time left, the history, one run in full."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from siscon.domain.events import Event
from siscon.domain.paces import Pace
from siscon.domain.progress import TimeLeft, per_minute, time_left
from siscon.domain.runs import Counts, Run, RunStatus
from siscon.store import events, integrations, paces, run_counts, runs
from siscon.store.database import Database
from siscon.store.run_counts import Totals

MOST_ACTIVE = 50
"""More runs than this are not shown at once."""


@dataclass(frozen=True, slots=True)
class ActiveRun:
    """A run that is not ended: what it did so far, how fast, and what it still needs."""

    run: Run
    counts: tuple[Counts, ...]
    per_minute: float | None
    left: TimeLeft


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One run with the sums over its entities."""

    run: Run
    sums: Totals


@dataclass(frozen=True, slots=True)
class RunDetail:
    """One run in full, its news newest first, and how fast it went."""

    active: ActiveRun
    events: tuple[Event, ...]
    pace: Pace = Pace()  # noqa: RUF009 # frozen, so one empty pace may serve all


async def active_runs(db: Database, *, now_ms: int) -> list[ActiveRun]:
    """Runs under way first, then those that wait."""
    async with db.read() as c:
        found = (await runs.active(c))[:MOST_ACTIVE]
        budgets = {one.name: one.requests_per_minute for one in await integrations.all_integrations(c)}
        views = [
            _active(run, await run_counts.of_run(c, run.id), budgets.get(run.integration, 0), now_ms=now_ms)
            for run in found
        ]
    return sorted(views, key=lambda view: (view.run.status is not RunStatus.RUNNING, view.run.id))


def _active(run: Run, counts: list[Counts], requests_per_minute: int, *, now_ms: int) -> ActiveRun:
    pace = None
    if run.started_at_ms is not None:
        until_ms = run.finished_at_ms or now_ms
        pace = per_minute(run.requests, started_at_ms=run.started_at_ms, now_ms=until_ms)
    return ActiveRun(run, tuple(counts), pace, time_left(counts, requests_per_minute=requests_per_minute))


async def run_detail(db: Database, run_id: int, *, now_ms: int) -> RunDetail | None:
    """One run with its counts and its latest 200 events, or None."""
    async with db.read() as c:
        run = await runs.get(c, run_id)
        if run is None:
            return None
        integration = await integrations.one(c, run.integration)
        counts = await run_counts.of_run(c, run_id)
        news = await events.latest(c, limit=200, run_id=run_id)
        pace = await paces.of_run(c, run_id)
    budget = integration.requests_per_minute if integration else 0
    return RunDetail(_active(run, counts, budget, now_ms=now_ms), tuple(news), pace)


@dataclass(frozen=True)
class RunHistory:
    """Every run, newest first; a :class:`siscon.ops.listing.Listing`."""

    db: Database
    integration: str | None = None

    async def ids(self) -> AsyncIterator[Sequence[int]]:
        async with self.db.read() as c:
            async for chunk in runs.ids(c, integration=self.integration):
                yield chunk

    async def rows(self, ids: Sequence[int]) -> Mapping[int, HistoryRow]:
        async with self.db.read() as c:
            found = await runs.by_ids(c, ids)
            sums = await run_counts.sums(c, ids)
        return {run.id: HistoryRow(run, sums[run.id]) for run in found}

    async def count(self) -> int:
        async with self.db.read() as c:
            return await runs.count(c, integration=self.integration)
