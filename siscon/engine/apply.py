"""Verdicts into the roster, entity by entity: one batch, one transaction."""

from __future__ import annotations

from siscon.domain.events import EventKind, Level
from siscon.domain.plans import Verdict
from siscon.domain.records import Entity
from siscon.domain.runs import Counts, Phase, RunKind
from siscon.domain.text import were
from siscon.engine.duplicates import look_for_duplicates
from siscon.engine.isolation import one_by_one, write_all_that_can_be
from siscon.engine.job import ImportJob
from siscon.store import (
    absences,
    accounts,
    conflicts,
    cursors,
    dead_records,
    events,
    mappings,
    overtaken,
    run_counts,
    staged,
)
from siscon.store.database import Connection


async def apply_entity(job: ImportJob, entity: Entity) -> None:
    """Write what the plan of one entity holds, from the batch that was not committed yet."""
    run = job.run
    async with job.db.transaction(job.lease) as c:
        counts = await run_counts.of_entity(c, run.id, entity)
        if counts.left_out:
            await _leave_out(c, job, counts)
            return
        if job.accounts.of(entity) is not None:
            await accounts.prepare(c)  # not with the first batch: where that fails, it is all taken back
        applied_to = counts.applied_to
        if applied_to is None:
            applied_to = ""
            await _heed_other_runs(c, job, counts)
            await _settle_absences(c, job, counts)
            await mappings.mark_buried(c, run.integration, entity, run.id)
            await run_counts.save_applied(c, run.id, entity, applied_to=applied_to)
        await run_counts.note(c, run.id, entity, phase=Phase.APPLY)
    if run.deaths and counts.applied_to is not None:
        applied_to = await one_by_one(job, entity, after=applied_to)
    while True:
        async with job.db.transaction(job.lease) as c:
            found = await staged.next_batch(c, run.id, entity, after=applied_to, limit=job.batch)
            if found is None:
                break
            await write_all_that_can_be(c, job, entity, found, after=applied_to)
            applied_to = found.upto
            await run_counts.save_applied(c, run.id, entity, applied_to=applied_to)
    await _close(job, entity)


async def _heed_other_runs(c: Connection, job: ImportJob, counts: Counts) -> None:
    """Leave alone what another run has fetched meanwhile, and tell the others what this one is about to write."""
    run, entity = job.run, counts.entity
    fetched, absent = await overtaken.pass_over_planned(c, run.id, entity)
    if absent:
        now_missing = await absences.count_new(c, run.integration, run.id, entity)
        await run_counts.add(c, run.id, entity, missing=now_missing - counts.missing)
    if passed := await overtaken.count(c, run.id, entity):
        await run_counts.add(c, run.id, entity, skipped=fetched, warnings=passed)
        await events.append(
            c,
            EventKind.PAGE_NOTE,
            Level.WARNING,
            f"{entity}: {were(passed)} fetched by another run meanwhile; what this run had read of them is passed "
            "over, and the next run looks at them again",
            integration=run.integration,
            run_id=run.id,
            at_ms=job.now_ms(),
        )
    single = run.kind is not RunKind.IMPORT
    await overtaken.tell(c, run.integration, run.id, entity, single=single)


async def _settle_absences(c: Connection, job: ImportJob, counts: Counts) -> None:
    """Who is absent is marked, who came back is not any more; of a plan that another run has overtaken neither."""
    run, entity = job.run, counts.entity
    cursor = await cursors.get(c, run.integration, entity)
    if run.kind is RunKind.IMPORT and cursor.run_id != run.id:
        passed_over = await absences.pass_over(c, run.id, entity)
        await run_counts.no_longer_whole(c, run.id, entity, warnings=passed_over)
        return
    await absences.unmark(c, run.integration, run.id, entity)
    if counts.whole:
        enough = job.absence.after_runs
        await absences.mark(c, run.integration, run.id, entity, enough=enough, now_ms=job.now_ms())


async def _leave_out(c: Connection, job: ImportJob, counts: Counts) -> None:
    """The plan was approved without this entity: all of it counts as skipped, and is looked at anew by the next run."""
    if not counts.done:
        rest = counts.fetched - counts.unchanged - counts.failed - counts.skipped
        await run_counts.add(c, job.run.id, counts.entity, skipped=rest, warnings=1)
        await run_counts.note(c, job.run.id, counts.entity, phase=Phase.APPLY, done=True)


async def _only_given_up(c: Connection, job: ImportJob, counts: Counts) -> bool:
    """Whether all that was skipped was given up: of anything else the next increment must bring it once more."""
    if await overtaken.count(c, job.run.id, counts.entity):
        return False
    verdicts = await staged.count_verdicts(c, job.run.id, counts.entity)
    return counts.skipped == verdicts.get(Verdict.SKIP, 0)


async def _close(job: ImportJob, entity: Entity) -> None:
    run, now_ms = job.run, job.now_ms()
    async with job.db.transaction(job.lease) as c:
        counts = await run_counts.of_entity(c, run.id, entity)
        if not counts.done:
            await dead_records.mend_settled(
                c, run.integration, entity, run.id, table=mappings.table_of(run.integration)
            )
            if counts.whole:
                await dead_records.mend_vanished(c, run.integration, entity, run.id)
                await mappings.forget_vanished(c, run.integration, entity, run.id)
            await conflicts.close_gone(c, run.integration, entity, run.id, now_ms=now_ms)
            await look_for_duplicates(c, job, entity)
            if not counts.skipped or await _only_given_up(c, job, counts):
                await cursors.commit_watermark(c, run.integration, entity, run_id=run.id, now_ms=now_ms)
            await run_counts.note(c, run.id, entity, done=True)
            told = (
                f"{entity}: {counts.fetched} fetched, {counts.created} created, {counts.updated} updated, "
                f"{counts.unchanged} unchanged, {counts.failed} failed, {counts.missing} missing, "
                f"{counts.withdrawn} withdrawn"
            )
            await events.append(
                c,
                EventKind.ENTITY_DONE,
                Level.WARNING if counts.failed else Level.INFO,
                told,
                integration=run.integration,
                run_id=run.id,
                at_ms=now_ms,
            )
