"""One import run: every entity is fetched, then planned, then the guard looks, then every entity is applied."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from siscon.domain.errors import DatabaseError, ProviderError
from siscon.domain.records import Entity
from siscon.domain.runs import Phase, RunStatus, end_of
from siscon.engine import apply, coverage, fetch, guard, plan
from siscon.engine.job import ImportJob
from siscon.engine.patience import patiently
from siscon.store import cursors, overtaken, paces, run_counts, runs, staged
from siscon.store.database import Connection

T = TypeVar("T")

DEATHS = 3
"""So many engines may die at one place of a run before it is given up."""


async def run_import(job: ImportJob) -> RunStatus:
    """Carry an import as far as it goes, from where it stands; the state in which it rests.

    Every step is one transaction, so after a crash the next call repeats at most one page or one batch. Raises
    ``SisconError`` when the run cannot go on, ``Cancelled`` and ``LeaseLost`` when it must not.
    """
    refuse_a_deadly_place(job)
    phase = await _begin(job)
    if phase is Phase.FETCH:
        await patiently(job, "its first questions", partial(coverage.look, job), _nowhere)
        for entity in job.run.entities:
            await timed(job, entity, _fetch)
        phase = await enter(job, Phase.PLAN)
    if phase is Phase.PLAN:
        plans = [await timed(job, entity, plan.plan_entity) for entity in job.run.entities]
        changed = await coverage.what_changed(job)
        if await guard.is_too_much(job, plans, changed):
            return RunStatus.PLANNED if job.run.dry else RunStatus.HELD
        if job.run.dry:
            return RunStatus.PLANNED
        phase = await enter(job, Phase.APPLY)
    for entity in job.run.entities:
        await timed(job, entity, apply.apply_entity)
    return await finish(job)


def refuse_a_deadly_place(job: ImportJob) -> None:
    """What kills an engine while it reads would kill the next one as well, for ever."""
    run = job.run
    if run.deaths >= DEATHS and run.phase in (None, Phase.FETCH, Phase.PLAN):
        doing = "planned" if run.phase is Phase.PLAN else "read"
        raise ProviderError(
            f"{run.deaths} engines died one after the other while they {doing} the lists of {run.integration} at the "
            "same place. Nothing was applied. Look into the system's log (memory?) and at the provider; then sync "
            "again.",
            code="kills_the_engine",
        )


async def _fetch(job: ImportJob, entity: Entity) -> None:
    async def position() -> object:
        async with job.db.read() as c:
            cursor = await cursors.get(c, job.run.integration, entity)
        return cursor.resume, cursor.complete

    await begin_reading(job, entity)
    await patiently(job, f"the {entity} list", partial(fetch.fetch_entity, job, entity), position)


async def begin_reading(job: ImportJob, entity: Entity) -> None:
    """Note that from now on others may overtake a run in an entity."""
    async with job.db.transaction(job.lease) as c:
        await overtaken.begin_reading(c, job.run.id, entity)


async def _nowhere() -> None:
    """A step without pages stands where it stood."""


async def _begin(job: ImportJob) -> Phase:
    run = job.run
    async with job.db.transaction(job.lease) as c:
        if run.approved_by is not None and run.phase is not None:
            await runs.set_phase(c, run.id, Phase.APPLY)
            await paces.begin(c, run.id, Phase.APPLY, now_ms=job.now_ms())
            return Phase.APPLY  # the plan as it was shown, whatever has been fetched or changed since
        if run.phase is not None and await _cursors_are_ours(c, job):
            return run.phase
        await run_counts.start(c, run.id, run.entities)
        for entity in run.entities:
            await cursors.begin(c, run.integration, entity, run.id)
        await runs.set_phase(c, run.id, Phase.FETCH)
        await paces.clear(c, run.id)
        await paces.begin(c, run.id, Phase.FETCH, now_ms=job.now_ms())
    return Phase.FETCH


async def _cursors_are_ours(c: Connection, job: ImportJob) -> bool:
    """False when a later run has moved the cursors: what this one fetched is then too old to go on with."""
    for entity in job.run.entities:
        cursor = await cursors.get(c, job.run.integration, entity)
        if cursor.run_id != job.run.id:
            await staged.clear(c, job.run.id)
            await run_counts.clear(c, job.run.id)
            await overtaken.forget(c, job.run.id)
            return False
    return True


async def enter(job: ImportJob, phase: Phase) -> Phase:
    """Note that a run goes over to a phase."""
    async with job.db.transaction(job.lease) as c:
        await runs.set_phase(c, job.run.id, phase)
        await paces.begin(c, job.run.id, phase, now_ms=job.now_ms())
        if phase is Phase.PLAN:
            await overtaken.end_reading(c, job.run.id)
    return phase


async def timed(job: ImportJob, entity: Entity, step: Callable[[ImportJob, Entity], Awaitable[T]]) -> T:
    """Take a step with one entity, and count how long it took."""
    begun = time.monotonic()
    answer = await step(job, entity)
    seconds = round(time.monotonic() - begun, 3)
    async with job.db.transaction(job.lease) as c:
        await run_counts.add(c, job.run.id, entity, seconds=seconds)
    return answer


async def finish(job: ImportJob) -> RunStatus:
    """See that every record is accounted for, drop the plan; the state in which the run ends."""
    async with job.db.read() as c:
        counts = await run_counts.of_run(c, job.run.id)
    wrong = [one.entity.value for one in counts if not one.reconciles]
    if wrong:
        raise DatabaseError(
            f"The counts of run {job.run.id} do not add up for {', '.join(wrong)}: what was fetched is not what was "
            "accounted for. Nothing applied is lost; please report this with the output of 'siscon runs show'.",
            code="counts_do_not_reconcile",
        )
    await coverage.accept(job)
    for entity in job.run.entities:
        while await _drop_some(job, entity):
            pass
    async with job.db.transaction(job.lease) as c:
        await overtaken.forget(c, job.run.id)
    return end_of(counts)


async def _drop_some(job: ImportJob, entity: Entity) -> bool:
    async with job.db.transaction(job.lease) as c:
        return await staged.drop(c, job.run.id, entity)
