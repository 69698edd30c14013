"""A run that tries single records again: dead ones that a person chose, or one by its id with what belongs to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Any

from siscon.domain import kept_filters
from siscon.domain.errors import ProviderError
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
from siscon.store import classes, dead_records, events, filtered, mappings, run_counts, runs, staged, walks
from siscon.store.database import Connection
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
    status = await finish(job)
    async with job.db.transaction(job.lease) as c:
        await walks.forget(c, job.run.id)
    return status


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
            counts = await run_counts.of_entity(c, job.run.id, entity)
            return counts.fetched, await walks.get(c, job.run.id, entity)

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
    """Every record that was asked for, one by one where they are few and the SIS can be asked so, else by the list.

    A list that was begun is read to its end: of what it has shown so far the parts may stand on a later page.
    """
    asked = job.run.request
    async with job.db.read() as c:
        if "external_id" in asked:
            ids = {str(asked["external_id"])}
        elif "external_ids" in asked:
            ids = {str(one) for one in asked["external_ids"]}
        elif "wanted" in asked:
            ids = {str(one) for one in asked["wanted"].get(entity.value, ())}
        else:
            ids = set(await dead_records.named(c, chosen_of(job.run.integration, asked, entity)))
        here = await staged.fetched(c, job.run.id, entity)
        left = sorted(ids - here)
        begun = await walks.get(c, job.run.id, entity) is not None
    if not begun and len(left) <= FEW:
        while left:
            page = await page_of(job, entity, left[0])
            if page is None:
                break
            await _keep_answer(job, entity, page, left[0])
            left = left[1:]
    if begun or left:
        await _by_list(job, entity, ids | here)


async def _by_list(job: ImportJob, entity: Entity, ids: Collection[str]) -> None:
    """Read the list and keep of it what was asked for; what a whole list lacks the SIS does not have any more."""

    async def tell(c: Connection) -> None:
        gone = set(ids) - await staged.held(c, job.run.id, entity, ids)
        if gone:
            run = job.run
            await dead_records.close_gone(c, run.integration, run.id, entity, gone, now_ms=job.now_ms())
            text = (
                "the list of the SIS does not hold {} of those asked for ({}); nothing is done to them here"
            )
            await _tell_gone(c, job, entity, gone, text)

    await _walk(job, entity, lambda one: one.external_id in ids, ids, tell)


async def _related(job: ImportJob, entity: Entity, of: Entity, external_id: str) -> None:
    """The enrollments of a student or a section: asked for alone where the SIS can be asked so, else by the list."""
    field = RELATES_BY[of]
    tell = partial(_tell_lacking, job=job, entity=of, external_id=external_id)
    async with job.db.read() as c:
        begun = await walks.get(c, job.run.id, entity) is not None
    page = None if begun else await related_of(job, entity, of, field, external_id)
    if page is None:
        await _walk(job, entity, lambda one: getattr(one, field, None) == external_id, (), tell)
        return
    async with job.db.transaction(job.lease) as c:
        await stage(c, job, entity, page)
        if not page.partial:
            await tell(c)


async def _walk(
    job: ImportJob,
    entity: Entity,
    is_wanted: Wanted,
    ids: Collection[str],
    at_its_end: Callable[[Connection], Awaitable[None]],
) -> None:
    """Read a list from where the run stands in it, and keep what is wanted; ``at_its_end`` follows a whole list."""
    async with job.db.read() as c:
        walk = await walks.get(c, job.run.id, entity)
    if walk is not None and walk.complete:
        return
    complete = False
    async with aclosing(pages_of(job, entity, cursor=None, resume=walk.resume if walk else None)) as pages:
        async for page in pages:
            lacks = page.partial or any(one.external_id is None for one in page.rejected)
            async with job.db.transaction(job.lease) as c:
                await stage(c, job, entity, _only(page, is_wanted, ids))
                walk = await walks.save(c, job.run.id, entity, resume=page.resume, partial=lacks)
                if walk.whole:
                    await at_its_end(c)
            complete = walk.complete
    if not complete:
        raise ProviderError(
            f"The {entity} list broke off without a last page: nothing of it is applied. This is a fault of the "
            "provider; report it to whoever wrote it.",
            code="no_last_page",
        )


async def _tell_lacking(c: Connection, *, job: ImportJob, entity: Entity, external_id: str) -> None:
    """Enrollments here that the SIS does not list for this section or student any more are told, and left alone:
    only full lists, which pass the guard, say who has left.
    """
    run = job.run
    tie = await mappings.find(c, run.integration, entity, external_id)
    if tie is None or tie.internal_id is None:
        return
    places = {
        place.external_id
        for one in await classes.of_record(c, run.integration, entity, tie.internal_id)
        for place in one.places
        if place.status != INACTIVE
    }
    lacking = places - await staged.held(c, run.id, Entity.ENROLLMENT, places)
    if lacking:
        text = (
            f"the SIS lists {{}} of this {entity} no longer ({{}}); nothing is done to them before a full list: "
            f"'siscon sync {run.integration} --entity enrollment --full'"
        )
        await _tell_gone(c, job, Entity.ENROLLMENT, lacking, text)


def _only(page: Page, is_wanted: Wanted, ids: Collection[str]) -> Page:
    return replace(
        page,
        records=[one for one in page.records if is_wanted(one)],
        rejected=[one for one in page.rejected if one.external_id in ids],
        total=None,
        partial=False,
    )


async def _keep_answer(job: ImportJob, entity: Entity, page: Page, external_id: str) -> None:
    """Keep what the SIS answers to the question for one record.

    "Not found" closes nothing: some systems answer so for what they list all the same, or will not show it alone.
    """
    async with job.db.transaction(job.lease) as c:
        await stage(c, job, entity, page)
        if not (page.records or page.rejected):
            name = job.run.integration
            text = (
                "asked for {} alone, the SIS says that it does not have it ({}); nothing is done to it before a full "
                f"list: 'siscon sync {name} --entity {entity} --full'"
            )
            await _tell_gone(c, job, entity, [external_id], text)


async def _tell_gone(
    c: Connection, job: ImportJob, entity: Entity, external_ids: Collection[str], text: str
) -> None:
    """Warn of records that the SIS did not give; ``text`` says of how many and of whom."""
    some = ", ".join(plain(one, limit=40) for one in sorted(external_ids)[:5])
    await run_counts.add(c, job.run.id, entity, warnings=len(external_ids))
    await events.append(
        c,
        EventKind.RECORDS_GONE,
        Level.WARNING,
        f"{entity}: {text.format(len(external_ids), some)}",
        integration=job.run.integration,
        run_id=job.run.id,
        at_ms=job.now_ms(),
    )


def chosen_of(integration: str, asked: Any, entity: Entity | None = None) -> Chosen:
    """The dead records that a command or the run behind it names: ``ids``, ``where``, ``up_to`` and ``but``."""
    where = asked.get("where") or {}
    narrower = kept_filters.read(where, filtered.DEAD_RECORDS)
    told = where.get("entity")
    ids, but = asked.get("ids") or None, asked.get("but") or None
    return Chosen(
        integration,
        entity or (Entity(told) if told else None),
        where.get("code"),
        where.get("field"),
        int(where["run"]) if "run" in where else None,
        None if ids is None else tuple(ids),
        asked.get("up_to"),
        narrower,
        None if but is None else tuple(but),
    )
