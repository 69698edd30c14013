"""A run that tries single records again: dead ones that a person chose, or one by its id with what belongs to it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Any

from siscon.domain.events import EventKind, Level
from siscon.domain.records import Entity, Part, Record
from siscon.domain.runs import Phase, RunStatus
from siscon.domain.text import plain
from siscon.engine import apply, guard, plan
from siscon.engine.absence import INACTIVE
from siscon.engine.bounded import page_of, pages_of, related_of
from siscon.engine.fetch import stage
from siscon.engine.importer import begin_reading, enter, finish, refuse_a_deadly_place, timed
from siscon.engine.job import ImportJob
from siscon.engine.mend import stage_mended
from siscon.engine.patience import patiently
from siscon.providers.contract import Page
from siscon.store import classes, dead_records, events, mappings, run_counts, runs, staged
from siscon.store.dead_records import Chosen

FEW = 100
"""Up to so many records are asked for one by one; for more the list is read, which takes fewer requests."""

RELATES_BY = {Entity.STUDENT: "student", Entity.SECTION: "section"}
"""The field by which an enrollment belongs to such a record."""

Wanted = Callable[[Record | Part], bool]


async def run_redrive(job: ImportJob) -> RunStatus:
    """Fetch what was asked for, plan and apply it as an import does; nobody is missing because of it.

    After a crash only what was not staged yet is asked for again. Raises as an import does.
    """
    refuse_a_deadly_place(job)
    phase = await _begin(job)
    if phase is Phase.FETCH:
        for entity in job.run.entities:
            await timed(job, entity, _fetch)
        phase = await enter(job, Phase.PLAN)
    if phase is Phase.PLAN:
        plans = [await timed(job, entity, plan.plan_entity) for entity in job.run.entities]
        if await guard.is_too_much(job, plans, ""):
            return RunStatus.HELD
        await enter(job, Phase.APPLY)
    for entity in job.run.entities:
        await timed(job, entity, apply.apply_entity)
    return await finish(job)


async def _begin(job: ImportJob) -> Phase:
    run = job.run
    async with job.db.transaction(job.lease) as c:
        if run.approved_by is not None and run.phase is not None:
            await runs.set_phase(c, run.id, Phase.APPLY)
            return Phase.APPLY
        if run.phase is None:
            await run_counts.start(c, run.id, run.entities)
            await runs.set_phase(c, run.id, Phase.FETCH)
    return run.phase or Phase.FETCH


async def _fetch(job: ImportJob, entity: Entity) -> None:
    async def position() -> object:
        async with job.db.read() as c:
            return (await run_counts.of_entity(c, job.run.id, entity)).fetched

    asked = job.run.request
    await begin_reading(job, entity)
    if "mend" in asked:
        await stage_mended(job, entity)
        return
    if "external_id" in asked and asked["entity"] != entity.value:
        step = partial(_related, job, entity, Entity(asked["entity"]), asked["external_id"])
    else:
        step = partial(_wanted, job, entity)
    await patiently(job, f"single {entity} records", step, position)


async def _wanted(job: ImportJob, entity: Entity) -> None:
    """Every record that was asked for, one by one where they are few and the SIS can be asked so, else by the list."""
    asked = job.run.request
    async with job.db.read() as c:
        if "external_id" in asked:
            ids = {str(asked["external_id"])}
        else:
            ids = set(await dead_records.named(c, chosen_of(job.run.integration, asked, entity)))
        left = sorted(ids - await staged.held(c, job.run.id, entity, ids))
    if len(left) <= FEW:
        while left:
            page = await page_of(job, entity, left[0])
            if page is None:
                break
            await _keep(job, entity, page, asked_for=left[:1])
            left = left[1:]
    if left:
        await _by_list(job, entity, set(left))


async def _by_list(job: ImportJob, entity: Entity, ids: set[str]) -> None:
    """Read the list and keep of it what was asked for; what a whole list lacks the SIS does not have any more."""
    seen, whole = set[str](), False
    async with aclosing(pages_of(job, entity, cursor=None, resume=None)) as pages:
        async for page in pages:
            part = _only(page, lambda one: one.external_id in ids, ids)
            seen |= {one.external_id for one in part.records} | {
                one.external_id or "" for one in part.rejected
            }
            whole = page.resume is None and not page.partial
            await _keep(job, entity, part, asked_for=())
    if whole:
        await _tell_gone(job, entity, ids - seen)


async def _related(job: ImportJob, entity: Entity, of: Entity, external_id: str) -> None:
    """The enrollments of a student or a section: asked for alone where the SIS can be asked so, else by the list."""
    field = RELATES_BY[of]
    page = await related_of(job, entity, of, field, external_id)
    if page is not None:
        await _keep(job, entity, page, asked_for=())
        if not page.partial:
            await _tell_lacking(job, of, external_id, _ids_in(page))
        return
    seen, whole = set[str](), False
    async with aclosing(pages_of(job, entity, cursor=None, resume=None)) as pages:
        async for listed in pages:
            part = _only(listed, lambda one: getattr(one, field, None) == external_id, ())
            seen |= _ids_in(replace(listed, records=part.records))
            whole = listed.resume is None and not listed.partial
            await _keep(job, entity, part, asked_for=())
    if whole:
        await _tell_lacking(job, of, external_id, seen)


def _ids_in(page: Page) -> set[str]:
    """What a page holds, what made no sense included: that is listed, too."""
    return {one.external_id for one in (*page.records, *page.rejected) if one.external_id}


async def _tell_lacking(job: ImportJob, entity: Entity, external_id: str, seen: Collection[str]) -> None:
    """Enrollments here that the SIS does not list for this section or student any more are told, and left alone:
    only full lists, which pass the guard, say who has left.
    """
    run = job.run
    async with job.db.transaction(job.lease) as c:
        tie = await mappings.find(c, run.integration, entity, external_id)
        if tie is None or tie.internal_id is None:
            return
        places = [
            place
            for one in await classes.of_record(c, run.integration, entity, tie.internal_id)
            for place in one.places
        ]
        lacking = sorted(
            one.external_id for one in places if one.external_id not in seen and one.status != INACTIVE
        )
        if not lacking:
            return
        some = ", ".join(plain(one, limit=40) for one in lacking[:5])
        await run_counts.add(c, run.id, Entity.ENROLLMENT, warnings=len(lacking))
        await events.append(
            c,
            EventKind.RECORDS_GONE,
            Level.WARNING,
            f"enrollment: the SIS lists {len(lacking)} of this {entity} no longer ({some}); nothing is done to them "
            f"before a full list: 'siscon sync {run.integration} --entity enrollment --full'",
            integration=run.integration,
            run_id=run.id,
            at_ms=job.now_ms(),
        )


def _only(page: Page, is_wanted: Wanted, ids: Collection[str]) -> Page:
    return replace(
        page,
        records=[one for one in page.records if is_wanted(one)],
        rejected=[one for one in page.rejected if one.external_id in ids],
        total=None,
        partial=False,
    )


async def _keep(job: ImportJob, entity: Entity, page: Page, *, asked_for: Collection[str]) -> None:
    async with job.db.transaction(job.lease) as c:
        await stage(c, job, entity, page)
    if asked_for and not (page.records or page.rejected):
        await _tell_gone(job, entity, asked_for)


async def _tell_gone(job: ImportJob, entity: Entity, external_ids: Collection[str]) -> None:
    """The SIS does not have them: nothing is done to the roster, only full lists say who has left."""
    if not external_ids:
        return
    run, now_ms = job.run, job.now_ms()
    some = ", ".join(plain(one, limit=40) for one in sorted(external_ids)[:5])
    text = f"{entity}: the SIS does not have {len(external_ids)} of those asked for ({some}); nothing is done to them"
    async with job.db.transaction(job.lease) as c:
        await dead_records.close_gone(c, run.integration, run.id, entity, external_ids, now_ms=now_ms)
        await run_counts.add(c, run.id, entity, warnings=len(external_ids))
        await events.append(
            c,
            EventKind.RECORDS_GONE,
            Level.WARNING,
            text,
            integration=run.integration,
            run_id=run.id,
            at_ms=now_ms,
        )


def chosen_of(integration: str, asked: Any, entity: Entity | None = None) -> Chosen:
    """The dead records that a command or the run behind it names: ``ids``, ``where`` and ``up_to``."""
    where = asked.get("where") or {}
    told = where.get("entity")
    ids = asked.get("ids") or None
    return Chosen(
        integration,
        entity or (Entity(told) if told else None),
        where.get("code"),
        where.get("field"),
        int(where["run"]) if "run" in where else None,
        None if ids is None else tuple(ids),
        asked.get("up_to"),
    )
