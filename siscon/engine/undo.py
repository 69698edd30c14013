"""A run put back: its images become a plan, and what changed since is left alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from siscon.domain.errors import DatabaseError
from siscon.domain.guards import Excess, in_short
from siscon.domain.mappings import SyncStatus
from siscon.domain.plans import Verdict
from siscon.domain.records import Entity
from siscon.domain.runs import Phase, Run, RunKind, RunStatus, end_of
from siscon.domain.undoing import judge, merge
from siscon.engine.job import ImportJob
from siscon.engine.rejoining import cut_again, ids_of, tie_again
from siscon.engine.roster_edits import Act, Edit, NewBase, inside, remember, write_edits
from siscon.store import conflicts, mappings, records, run_counts, runs, staged, undoing
from siscon.store.changes import Change, ChangeRow
from siscon.store.database import Connection
from siscon.store.mappings import Tie
from siscon.store.undoing import Step

LOOKED_AT_AGAIN = "the next run looks at it again"


async def run_undo(job: ImportJob) -> RunStatus:
    """Plan what putting the run back means, let the guard look, and do it. Killed anywhere, it goes on from there."""
    run = job.run
    if run.phase is not Phase.APPLY:
        entities = await _plan(job)
        if await _is_too_much(job, entities):
            return RunStatus.HELD
        async with job.db.transaction(job.lease) as c:
            await runs.set_phase(c, run.id, Phase.APPLY)
    async with job.db.read() as c:
        counts = await run_counts.of_run(c, run.id)
    entities = [one.entity for one in counts if not one.left_out]
    for entity in entities:
        await _carry_out(job, entity, Verdict.CREATE)
        await _carry_out(job, entity, Verdict.UPDATE)
    for entity in reversed(entities):
        await _carry_out(job, entity, Verdict.WITHDRAW)
        await _carry_out(job, entity, Verdict.REMOVE)
    for entity in entities:
        while await _drop_some(job, entity):
            pass
    async with job.db.read() as c:
        return end_of(await run_counts.of_run(c, run.id))


async def _drop_some(job: ImportJob, entity: Entity) -> bool:
    async with job.db.transaction(job.lease) as c:
        return await staged.drop(c, job.run.id, entity)


async def _plan(job: ImportJob) -> list[Entity]:
    """The plan, made anew: nothing of it has been carried out yet."""
    run = job.run
    async with job.db.transaction(job.lease) as c:
        await staged.clear(c, run.id)
        await run_counts.clear(c, run.id)
        await runs.set_phase(c, run.id, Phase.PLAN)
    found: set[Entity] = set()
    after_id = 0
    while True:
        async with job.db.transaction(job.lease) as c:
            rows = await undoing.page(
                c, run.request["run_id"], after_id=after_id, limit=job.batch, **_part(job)
            )
            if not rows:
                break
            for entity in {row.change.entity for row in rows}:
                await _collect(c, job, entity, [row for row in rows if row.change.entity is entity])
                found.add(entity)
        after_id = rows[-1].id
    entities = [entity for entity in Entity if entity in found]
    async with job.db.transaction(job.lease) as c:
        await runs.settle(c, run.id, entities=entities, full=False)
        await run_counts.start(c, run.id, entities)
    for entity in entities:
        await _judge(job, entity)
    return entities


def _part(job: ImportJob) -> dict[str, str | None]:
    asked = job.run.request
    return {"entity": asked.get("entity") or None, "external_id": asked.get("external_id") or None}


async def _collect(c: Connection, job: ImportJob, entity: Entity, rows: Iterable[ChangeRow]) -> None:
    """Lay the images of each record over one another: the earliest before, the last after."""
    listed = list(rows)
    steps = await undoing.staged(c, job.run.id, entity, {row.change.external_id for row in listed})
    for row in listed:
        one = row.change
        before = steps.get(one.external_id)
        verdict, told = merge(
            before.verdict if before else None,
            before.told if before else {},
            kind=one.kind,
            internal_id=one.internal_id,
            before=one.before,
            after=one.after,
            base=one.base,
            settled_by=row.run_id if one.kind in ("settled", "merged") else None,
        )
        steps[one.external_id] = Step(one.external_id, {}, verdict, told)
    await undoing.put(c, job.run.id, entity, steps.values())


async def _judge(job: ImportJob, entity: Entity) -> None:
    """Hold every step against what the record is now."""
    after = ""
    while True:
        async with job.db.transaction(job.lease) as c:
            steps = await undoing.next_steps(
                c, job.run.id, entity, verdict=None, after=after, limit=job.batch
            )
            if not steps:
                return
            local = await records.load(c, entity, [one.told["internal_id"] for one in steps])
            names = await records.in_external_ids(c, job.run.integration, entity, local.values())
            ties = await mappings.find_many(
                c, job.run.integration, entity, [one.external_id for one in steps]
            )
            judged = []
            for one in steps:
                row = local.get(one.told["internal_id"])
                tie = ties.get(one.external_id)
                verdict, told = judge(
                    entity,
                    one.verdict,
                    one.told,
                    local=names.get(one.told["internal_id"]),
                    version=row.version if row else 0,
                    is_tied=tie is not None and tie.internal_id is not None,
                    external_id=one.external_id,
                )
                judged.append(Step(one.external_id, {}, verdict, told))
            await undoing.put(c, job.run.id, entity, judged)
            left_alone = sum(one.verdict is Verdict.SKIP for one in judged)
            since = sum(bool(one.told["undo"].get("since")) for one in judged)
            await run_counts.add(
                c, job.run.id, entity, fetched=left_alone, skipped=left_alone, warnings=since
            )
        after = steps[-1].external_id


async def _is_too_much(job: ImportJob, entities: Iterable[Entity]) -> bool:
    """More than the limits of any run allow: then somebody else than the one who asked should look, too."""
    if job.run.approved_by is not None:
        return False
    excesses = []
    async with job.db.transaction(job.lease) as c:
        for entity in entities:
            told = await staged.count_verdicts(c, job.run.id, entity)
            known = await mappings.count_known(c, job.run.integration, entity)
            limits = job.limits.of(entity)
            for verdict, what, share in (
                (Verdict.REMOVE, "would be taken out again", limits.missing_share),
                (Verdict.UPDATE, "would be put back", limits.updated_share),
            ):
                count = told.get(verdict, 0)
                if count > limits.at_least and count > share * known:
                    excesses.append(Excess(entity, what, count, known, share))
        if excesses:
            await runs.say_why_held(c, job.run.id, in_short(excesses))
    return bool(excesses)


async def _carry_out(job: ImportJob, entity: Entity, verdict: Verdict) -> None:
    act_of = {Verdict.CREATE: _put_back, Verdict.REMOVE: _take_out}.get(verdict, _restore)
    async with job.db.read() as c:
        by_hand = not await _was_naming(c, job.run)
    while True:
        async with job.db.transaction(job.lease) as c:
            steps = await undoing.next_steps(
                c, job.run.id, entity, verdict=verdict, after="", limit=job.batch
            )
            if not steps:
                return
            kind = "removed" if verdict is Verdict.REMOVE else "restored"
            run = job.run
            act = Act(run.integration, run.id, run.requested_by, kind, job.now_ms(), job.vault, by_hand)
            await act_of(c, act, entity, steps)
            await undoing.done(c, run.id, entity, steps)


async def _was_naming(c: Connection, run: Run) -> bool:
    """Whether what is undone (or undone once more) gave people names: those siscon chose, no person did."""
    found: Run | None = run
    while found is not None and found.kind is RunKind.UNDO:
        found = await runs.get(c, found.request["run_id"])
    return found is not None and "accounts" in found.request


async def _passed_over(c: Connection, act: Act, entity: Entity, count: int) -> None:
    if count:
        await run_counts.add(c, act.run_id, entity, fetched=count, skipped=count, warnings=count)


async def _restore(c: Connection, act: Act, entity: Entity, steps: list[Step]) -> None:
    """Write the values from before where the record still is what the plan saw; a decision gives back its base, too."""
    local = await records.load(c, entity, [_id(one) for one in steps])
    names = await records.in_external_ids(c, act.integration, entity, local.values())
    standing = [one for one in steps if _stands(one, names.get(_id(one)))]
    await tie_again(c, act, entity, standing)
    ties = await mappings.find_many(c, act.integration, entity, [one.external_id for one in steps])
    edits = [
        Edit(
            one.external_id,
            _id(one),
            {name: _value(triple[1]) for name, triple in one.told.items() if name != "undo"},
            _base(one, ties[one.external_id].base) if one.external_id in ties else None,
            ids_of(one),
        )
        for one in standing
    ]
    await write_edits(c, act, entity, edits)
    await cut_again(c, act, entity, standing)
    await _passed_over(c, act, entity, len(steps) - len(standing))
    decided: dict[int, list[Step]] = {}
    for one in standing:
        if "settled_by" in one.told["undo"]:
            decided.setdefault(one.told["undo"]["settled_by"], []).append(one)
    if decided:
        now = await records.load(c, entity, [_id(one) for one in standing])
        for run_id, ones in decided.items():
            versions = [(one.external_id, now[_id(one)].version) for one in ones]
            await conflicts.reopen(c, run_id, act.integration, entity, versions)


def _stands(one: Step, local: Mapping[str, Any] | None) -> bool:
    if local is None:
        return False
    triples = {name: triple for name, triple in one.told.items() if name != "undo"}
    return all(_value(triple[0]) == (local.get(name) or None) for name, triple in triples.items())


def _id(one: Step) -> int:
    return int(one.told["undo"]["internal_id"])


def _value(value: Any) -> Any:
    return (tuple(value) if isinstance(value, list) else value) or None


def _base(one: Step, now: str) -> NewBase | None:
    base = one.told["undo"].get("base")
    return NewBase(now, base, settled=False) if base is not None else None


async def _put_back(c: Connection, act: Act, entity: Entity, steps: list[Step]) -> None:
    """Records that were taken out come back under the same internal id; the next run looks at them again."""
    bodies = {one.external_id: {n: _value(v) for n, v in one.told["undo"]["body"].items()} for one in steps}
    known = await records.ids_of_referred(c, act.integration, entity, bodies.values())
    rows = [(_id(one), inside(entity, bodies[one.external_id], known)) for one in steps]
    await undoing.put_back(c, entity, rows, now_ms=act.now_ms)
    await records.update(c, entity, rows, now_ms=act.now_ms)
    ties = [
        Tie(
            one.external_id,
            _id(one),
            SyncStatus.PENDING,
            LOOKED_AT_AGAIN,
            "",
            one.told["undo"].get("base") or "{}",
        )
        for one in steps
    ]
    await mappings.tie(c, act.integration, entity, ties, now_ms=act.now_ms)
    images = [
        Change(entity, one.external_id, _id(one), "restored", None, undoing.text(one.told["undo"]["body"]))
        for one in steps
    ]
    await remember(c, act, entity, images)
    await run_counts.add(c, act.run_id, entity, fetched=len(steps), created=len(steps))


async def _take_out(c: Connection, act: Act, entity: Entity, steps: list[Step]) -> None:
    """Records that the run had created leave again; one to which others refer is only put out of use."""
    local = await records.load(c, entity, [_id(one) for one in steps])
    names = await records.in_external_ids(c, act.integration, entity, local.values())
    ties = await mappings.find_many(c, act.integration, entity, [one.external_id for one in steps])
    here = [one for one in steps if _id(one) in local and one.external_id in ties]
    gone = await _try_to_take_out(c, act, entity, here)
    images = [
        Change(
            entity,
            one.external_id,
            _id(one),
            "removed",
            undoing.text({name: value for name, value in names[_id(one)].items() if value}),
            "{}",
            base=ties[one.external_id].base,
        )
        for one in gone
    ]
    await remember(c, act, entity, images)
    await run_counts.add(c, act.run_id, entity, fetched=len(gone), updated=len(gone))
    kept = [one for one in here if one not in gone]
    if kept:
        out_of_use = [Edit(one.external_id, _id(one), {"status": "inactive"}) for one in kept]
        await write_edits(c, replace(act, kind="restored"), entity, out_of_use)
        await run_counts.add(c, act.run_id, entity, warnings=len(kept))
    await _passed_over(c, act, entity, len(steps) - len(here))


async def _try_to_take_out(c: Connection, act: Act, entity: Entity, steps: list[Step]) -> list[Step]:
    """Those that nothing refers to: all at once where that goes, else one by one."""
    try:
        async with c.savepoint():
            await undoing.take_out(
                c, act.integration, entity, [(one.external_id, _id(one)) for one in steps], now_ms=act.now_ms
            )
    except DatabaseError as error:
        if error.code != "constraint":
            raise
        if len(steps) == 1:
            return []
    else:
        return steps
    gone = []
    for one in steps:
        gone += await _try_to_take_out(c, act, entity, [one])
    return gone
