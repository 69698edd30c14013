"""What the panes read of plans: those that wait for a person with their counts, and those that were decided lately.

The store is imported where it is asked: the first paint of the console must not wait for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from siscon.domain.events import Event, EventKind
from siscon.domain.plans import Verdict
from siscon.domain.records import Entity
from siscon.domain.runs import Run, RunStatus
from siscon.store.database import Database

MOST_WAITING = 50
MOST_DECIDED = 50

Counts = Mapping[Entity, Mapping[Verdict, int]]


@dataclass(frozen=True, slots=True)
class PlanView:
    """A plan that waits: records by entity and verdict, how many were known before, pairs whose ids were changed.

    ``limits`` are the sentences of the guard, one for each limit that the plan passes.
    """

    run: Run
    counts: Counts = field(default_factory=dict)
    known: Mapping[Entity, int] = field(default_factory=dict)
    pairs: Mapping[Entity, int] = field(default_factory=dict)
    limits: tuple[str, ...] = ()

    def of(self, *verdicts: Verdict, entity: Entity | None = None) -> int:
        """How many records have one of these verdicts, of all entities or of one."""
        told = self.counts.values() if entity is None else [self.counts.get(entity, {})]
        return sum(one.get(verdict, 0) for one in told for verdict in verdicts)


@dataclass(frozen=True, slots=True)
class DecidedPlan:
    """A run whose plan was approved or discarded; ``why`` it had been held, empty for a dry run."""

    run: Run
    why: str


async def waiting(db: Database) -> list[Run]:
    """The runs whose plan waits for a person: the held before the dry runs, each newest first."""
    from siscon.store import runs

    async with db.read() as c:
        held = await runs.latest(c, status=RunStatus.HELD, limit=MOST_WAITING)
        return held + await runs.latest(c, status=RunStatus.PLANNED, limit=MOST_WAITING)


async def decided(db: Database) -> list[DecidedPlan]:
    """The plans that were decided lately, newest first."""
    from siscon.store import runs

    async with db.read() as c:
        return [DecidedPlan(run, why) for run, why in await runs.decided(c, limit=MOST_DECIDED)]


async def the_plan(db: Database, run_id: int) -> PlanView | None:
    """The plan of a run, or None where there is no such run; one that does not wait any more has no counts."""
    from siscon.store import events, plans, remaps, run_counts, runs

    async with db.read() as c:
        run = await runs.get(c, run_id)
        if run is None:
            return None
        if run.status not in (RunStatus.HELD, RunStatus.PLANNED):
            return PlanView(run)
        known = {one.entity: one.known for one in await run_counts.of_run(c, run_id)}
        pairs = {entity: await remaps.count(c, run_id, entity) for entity in Entity}
        return PlanView(
            run,
            await plans.counts(c, run_id),
            known,
            {kind: n for kind, n in pairs.items() if n},
            _limits(run, await events.latest(c, run_id=run_id)),
        )


def _limits(run: Run, news: Sequence[Event]) -> tuple[str, ...]:
    """What the guard said when the run last planned: its sentences stand since the run was queued or began."""
    found: list[str] = []
    for event in news:
        if event.kind in (EventKind.RUN_QUEUED, EventKind.RUN_STARTED, EventKind.RUN_RESUMED):
            break
        if event.kind is EventKind.RUN_HELD and not event.text.startswith(f"run {run.id} "):
            found.append(event.text)
    return tuple(reversed(found))
