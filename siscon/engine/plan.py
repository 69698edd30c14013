"""Staged records against the roster: a verdict on each. Nothing but the staging table is written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from siscon.domain.conflicts import Moments, resolve
from siscon.domain.plans import PlanCounts, Verdict
from siscon.domain.records import FIELDS, Entity, body_of, fingerprint_of
from siscon.domain.referring import referred_to
from siscon.domain.runs import RunKind
from siscon.engine import identity, mended
from siscon.engine.absence import plan_absent
from siscon.engine.identity import Ids
from siscon.engine.job import ImportJob
from siscon.engine.moments import iso_ms, latest
from siscon.store import (
    absences,
    aliases,
    cursors,
    dead_records,
    identities,
    mappings,
    mends,
    overtaken,
    parts,
    records,
    run_counts,
    staged,
)
from siscon.store.database import Connection
from siscon.store.records import RosterRow
from siscon.store.staged import ASK, IN_QUESTION, LEFT_OUT, RULES, Judged, Unjudged

STRETCH = 2_000
"""Rows that are judged in one transaction."""


async def plan_entity(job: ImportJob, entity: Entity) -> PlanCounts:
    """Give every staged record of one entity its verdict; what the plan holds. Done again, it changes nothing."""
    async with job.db.read() as c:
        with_parts = await parts.has_parts(c, job.run.id, entity)
        given_up = await _some_given_up(c, job, entity)
        some_mended = await mends.any_of_fields(c, job.run.integration, entity)
    whole = await _is_whole(job, entity)
    aliased = await identity.resolve_aliases(job, entity, whole=whole)
    asked = await identity.questioned(job, entity)
    after = ""
    while True:
        async with job.db.transaction(job.lease) as c:
            upto = await staged.stretch(c, job.run.id, entity, after=after, size=STRETCH)
            if upto is None:
                break
            if with_parts:
                await _lay_over(c, job, entity, after, upto)
            if some_mended:
                await mended.lay_over(c, job, entity, after, upto)
            if aliased:
                await identity.lead_on(c, job, entity, aliased, after=after, upto=upto)
            integration, run_id = job.run.integration, job.run.id
            await staged.judge_plain(c, integration, run_id, entity, after=after, upto=upto)
            await identities.hold_back(c, run_id, entity, asked, after=after, upto=upto)
            await overtaken.pass_over(c, run_id, entity, after=after, upto=upto)
            if given_up:
                tries = job.dead_after
                await dead_records.pass_over(
                    c, integration, run_id, entity, after=after, upto=upto, tries=tries
                )
        await _look_closer(job, entity, after, upto, aliased, asked)
        after = upto
    if whole:
        await plan_absent(job, entity)
    return await _count(job, entity, whole=whole)


async def _some_given_up(c: Connection, job: ImportJob, entity: Entity) -> bool:
    """Whether records may have to be passed over; a person's retry tries those, too."""
    if job.run.kind is not RunKind.IMPORT:
        return False
    return await dead_records.any_given_up(c, job.run.integration, entity, tries=job.dead_after)


async def _is_whole(job: ImportJob, entity: Entity) -> bool:
    """Whether what was not fetched is not there."""
    async with job.db.read() as c:
        cursor = await cursors.get(c, job.run.integration, entity)
    return not job.incremental and cursor.run_id == job.run.id and cursor.whole


async def _plan_counts(c: Connection, job: ImportJob, entity: Entity, *, whole: bool) -> PlanCounts:
    told = await staged.count_verdicts(c, job.run.id, entity)
    disputed = told.get(Verdict.CONFLICT, 0)
    updates, absent = told.get(Verdict.UPDATE, 0), Verdict.MISSING in told or Verdict.WITHDRAW in told
    return PlanCounts(
        entity=entity,
        known=await mappings.count_known(c, job.run.integration, entity),
        create=told.get(Verdict.CREATE, 0),
        update=updates,
        unchanged=told.get(Verdict.UNCHANGED, 0),
        conflict=disputed,
        dead=told.get(Verdict.DEAD, 0),
        completed=await staged.count_completed(c, job.run.id, entity) if updates else 0,
        deactivated=await staged.count_deactivated(c, job.run.id, entity) if updates else 0,
        missing=await absences.count_new(c, job.run.integration, job.run.id, entity) if absent else 0,
        withdraw=told.get(Verdict.WITHDRAW, 0),
        whole=whole,
        given_up=told.get(Verdict.SKIP, 0),
        others=await identities.count_new(c, job.run.integration, job.run.id, entity) if disputed else 0,
    )


async def _count(job: ImportJob, entity: Entity, *, whole: bool) -> PlanCounts:
    async with job.db.transaction(job.lease) as c:
        counts = await _plan_counts(c, job, entity, whole=whole)
        await run_counts.set_planned(c, job.run.id, counts)
    return counts


async def _lay_over(c: Connection, job: ImportJob, entity: Entity, after: str, upto: str) -> None:
    pieces = await parts.pieces(c, job.run.id, entity, after=after, upto=upto)
    found = await parts.bodies(c, job.run.id, entity, pieces)
    completed = []
    for external_id, record in found.items():
        fields = json.loads(record.body)
        for piece in pieces[external_id]:
            _add_piece(fields, json.loads(piece.body))
        whole = body_of(entity, fields)
        told = [record.modified_at, *(one.modified_at for one in pieces[external_id] if not one.kept)]
        completed.append(parts.Completed(external_id, whole, fingerprint_of(whole), latest(told)))
    await parts.lay_over(c, job.run.id, entity, completed, after=after, upto=upto)


def _add_piece(fields: dict[str, Any], piece: Mapping[str, Any]) -> None:
    for name, value in piece.items():
        if isinstance(value, list):
            known = fields.setdefault(name, [])
            known.extend(one for one in value if one not in known)
        else:
            fields[name] = value


async def _look_closer(
    job: ImportJob, entity: Entity, after: str, upto: str, aliased: frozenset[Entity], asked: Ids
) -> None:
    """Judge the records of a stretch that differ from what was last agreed on, a batch at a time."""
    while True:
        async with job.db.transaction(job.lease) as c:
            await overtaken.pass_over(c, job.run.id, entity, after=after, upto=upto)
            batch = await staged.unjudged(
                c, job.run.integration, job.run.id, entity, after=after, upto=upto, limit=job.batch
            )
            if not batch:
                return
            known = await _known_references(c, job, entity, batch)
            local = await records.load(c, entity, [one.internal_id for one in batch])
            told = await records.in_external_ids(c, job.run.integration, entity, local.values())
            others = await identity.somebody_else(c, job, entity, batch, told)
            bases = await _bases(c, job, entity, batch, aliased)
            verdicts = []
            for one in batch:
                mine, row = told[one.internal_id], local[one.internal_id]
                if one.external_id in others:
                    why = others[one.external_id]
                    verdicts.append(identity.in_question(entity, one, why, mine, row.version))
                else:
                    base = bases[one.external_id]
                    verdicts.append(_judge(job, entity, one, base, mine, row, known, asked))
            await staged.judge(c, job.run.id, entity, verdicts)


async def _bases(
    c: Connection, job: ImportJob, entity: Entity, batch: Iterable[Unjudged], aliased: frozenset[Entity]
) -> dict[str, dict[str, Any]]:
    """What was last agreed on; an id that was an own one then, and is an alias now, leads to its survivor."""
    bases = {one.external_id: _tuples(entity, one.base) for one in batch}
    if not aliased:
        return bases
    leads = await identity.leads_of(c, job.run.integration, entity, aliased, bases.values())
    return {external_id: aliases.led_on(entity, base, leads) for external_id, base in bases.items()}


def _judge(
    job: ImportJob,
    entity: Entity,
    one: Unjudged,
    base: dict[str, Any],
    local: Mapping[str, Any],
    row: RosterRow,
    known: Mapping[Entity, set[str]],
    asked: Ids,
) -> Judged:
    version = row.version
    incoming = _tuples(entity, one.body)
    if held := identity.held_back(entity, incoming, base, asked):
        return Judged(one.external_id, Verdict.DEAD, json.dumps({IN_QUESTION: held}), "", version)
    lost_required, left_out = _drop_unknown(entity, incoming, _certain(entity, base, known, asked))
    if lost_required:
        return Judged(one.external_id, Verdict.DEAD, json.dumps({"lost": lost_required}), "", version)
    found = resolve(
        base,
        {name: value for name, value in local.items() if value},
        incoming,
        job.policy(entity),
        Moments(iso_ms(one.modified_at), row.edited_at_ms, job.now_ms()),
    )
    settled = incoming == base and not found.take and one.base_fingerprint == "" and left_out
    changes: dict[str, Any] = {
        name: [local.get(name), incoming.get(name), base.get(name)] for name in (*found.take, *found.ask)
    }
    beside = {LEFT_OUT: left_out, RULES: found.rules, ASK: found.ask}
    changes |= {key: value for key, value in beside.items() if value}
    if found.ask:
        return _judged(one, Verdict.CONFLICT, changes, version)
    return _judged(one, Verdict.UNCHANGED if settled else Verdict.UPDATE, changes, version)


def _judged(one: Unjudged, verdict: Verdict, changes: Mapping[str, Any], version: int) -> Judged:
    return Judged(one.external_id, verdict, json.dumps(changes), one.base_fingerprint, version)


def _certain(
    entity: Entity, base: Mapping[str, Any], known: Mapping[Entity, set[str]], asked: Ids
) -> Mapping[Entity, set[str]]:
    """Whom a record may refer to: not to somebody in question, unless it did before."""
    if not asked:
        return known
    before = {
        one
        for rule in FIELDS[entity]
        if rule.refers_to in asked and base.get(rule.name)
        for one in (base[rule.name] if rule.many else [base[rule.name]])
    }
    return {target: here - (asked.get(target, set()) - before) for target, here in known.items()}


def _tuples(entity: Entity, body: str) -> dict[str, Any]:
    """The fields of a body; what is empty counts as not there."""
    fields: dict[str, Any] = {name: value for name, value in json.loads(body).items() if value}
    for rule in FIELDS[entity]:
        if rule.many and rule.name in fields:
            fields[rule.name] = tuple(fields[rule.name])
    return fields


def _drop_unknown(
    entity: Entity, fields: dict[str, Any], known: Mapping[Entity, set[str]]
) -> tuple[str, dict[str, list[str]]]:
    """Take out references to what is neither here nor about to come.

    The name of a required one, or '', and for each optional one what is left of it.
    """
    left_out: dict[str, list[str]] = {}
    for rule in FIELDS[entity]:
        value = fields.get(rule.name)
        if rule.refers_to is None or not value:
            continue
        here = known[rule.refers_to]
        if rule.many:
            kept = [one for one in value if one in here]
            if len(kept) < len(value):
                left_out[rule.name] = kept
        elif value not in here:
            if rule.required:
                return rule.name, {}
            left_out[rule.name] = []
    for name, kept in left_out.items():
        if kept:
            fields[name] = tuple(kept)
        else:
            del fields[name]
    return "", left_out


async def _known_references(
    c: Connection, job: ImportJob, entity: Entity, batch: Iterable[Unjudged]
) -> dict[Entity, set[str]]:
    known = {}
    for target, ids in referred_to(entity, (json.loads(one.body) for one in batch)).items():
        here = set(await mappings.internal_ids(c, job.run.integration, target, ids))
        known[target] = here | set(await staged.about_to_come(c, job.run.id, target, ids - here))
    return known
