"""What the panes read of runs: those under way with their time left, the history, one run in full."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace

from siscon.domain.filters import ALL, Filter, Order
from siscon.domain.paces import Pace
from siscon.domain.progress import TimeLeft, per_minute, time_left
from siscon.domain.runs import Counts, Run, RunStatus
from siscon.ops.waiting import why_waiting
from siscon.store import filtered, integrations, paces, run_counts, runs, walking
from siscon.store.database import Database
from siscon.store.run_counts import Totals
from siscon.store.walking import Meant

NEWEST_FIRST = Order("run", down=True)
COLUMNS = tuple(filtered.RUNS)
"""By what runs are filtered."""
MOST_ACTIVE = 50
"""More runs than this are not shown at once."""


@dataclass(frozen=True, slots=True)
class ActiveRun:
    """A run that is not ended: what it did so far, how fast, what it still needs, and why it waits, if it does."""

    run: Run
    counts: tuple[Counts, ...]
    per_minute: float | None
    left: TimeLeft
    waits_for: str = ""


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One run with the sums over its entities."""

    run: Run
    sums: Totals


@dataclass(frozen=True, slots=True)
class RunDetail:
    """One run in full, how fast it went, and why it does not go on, if it does not."""

    active: ActiveRun
    pace: Pace = Pace()  # noqa: RUF009 # frozen, so one empty pace may serve all
    waits_for: str = ""


async def active_runs(db: Database, *, now_ms: int) -> list[ActiveRun]:
    """Runs under way first, then those that wait."""
    async with db.read() as c:
        found = (await runs.active(c))[:MOST_ACTIVE]
        budgets = {one.name: one.requests_per_minute for one in await integrations.all_integrations(c)}
        views = [
            _active(run, await run_counts.of_run(c, run.id), budgets.get(run.integration, 0), now_ms=now_ms)
            for run in found
        ]
    views = [replace(view, waits_for=await why_waiting(db, view.run, now_ms=now_ms)) for view in views]
    return sorted(views, key=lambda view: (view.run.status is not RunStatus.RUNNING, view.run.id))


def _active(run: Run, counts: list[Counts], requests_per_minute: int, *, now_ms: int) -> ActiveRun:
    pace = None
    if run.started_at_ms is not None:
        until_ms = run.finished_at_ms or now_ms
        pace = per_minute(run.requests, started_at_ms=run.started_at_ms, now_ms=until_ms)
    return ActiveRun(run, tuple(counts), pace, time_left(counts, requests_per_minute=requests_per_minute))


async def run_detail(db: Database, run_id: int, *, now_ms: int) -> RunDetail | None:
    """One run with its counts, or None."""
    async with db.read() as c:
        run = await runs.get(c, run_id)
        if run is None:
            return None
        integration = await integrations.one(c, run.integration)
        counts = await run_counts.of_run(c, run_id)
        pace = await paces.of_run(c, run_id)
    budget = integration.requests_per_minute if integration else 0
    waits_for = await why_waiting(db, run, now_ms=now_ms)
    return RunDetail(_active(run, counts, budget, now_ms=now_ms), pace, waits_for)


@dataclass(frozen=True)
class RunHistory:
    """Runs, newest first; a :class:`siscon.ops.listing.Narrowed`."""

    db: Database
    integration: str | None = None
    where: Filter = ALL
    order: Order = NEWEST_FIRST

    @property
    def meant(self) -> Meant:
        """The rows in the database."""
        return runs.meant(self.where, integration=self.integration)

    @property
    def orders(self) -> frozenset[str]:
        """Their numbers grow as they are queued, so by that they stand in order however many they are."""
        return frozenset({"run", "queued"})

    @property
    def whole(self) -> RunHistory:
        """Every run."""
        return RunHistory(self.db, self.integration)

    def ordered(self, order: Order) -> RunHistory:
        """The same in another order; without a column the newest first."""
        return replace(self, order=order if order.column else NEWEST_FIRST)

    def ids(self) -> AsyncIterator[Sequence[int]]:
        if self.order.column in self.orders:
            return walking.by_id(self.db, self.meant, down=self.order.down)
        return walking.in_order(self.db, self.meant, filtered.RUNS, self.order)

    async def rows(self, ids: Sequence[int]) -> Mapping[int, HistoryRow]:
        async with self.db.read() as c:
            found = await runs.by_ids(c, ids)
            sums = await run_counts.sums(c, ids)
        return {run.id: HistoryRow(run, sums[run.id]) for run in found}

    async def count(self) -> int:
        return await walking.count(self.db, self.meant)
