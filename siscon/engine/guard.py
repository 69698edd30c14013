"""The guard at work: its numbers are gathered, judged, and what it fears is written down."""

from __future__ import annotations

from dataclasses import replace

from siscon.domain.events import EventKind, Level
from siscon.domain.guards import (
    SECTION_OF,
    WEEK_MS,
    WORDS,
    Emptied,
    Expected,
    Judgement,
    Lost,
    Mass,
    Sight,
    Tally,
    guard,
    in_short,
)
from siscon.domain.plans import PlanCounts
from siscon.domain.records import Entity
from siscon.domain.remaps import SAMENESS, Rekeyed
from siscon.domain.runs import RunKind
from siscon.domain.text import plain
from siscon.engine.job import ImportJob
from siscon.store import events, guard_counts, remaps, rollovers, runs
from siscon.store.database import Connection
from siscon.store.guard_counts import Scope

REKEYED, COVERAGE, TOO_MUCH = "rekeyed", "coverage_changed", "too_much"
EXPLAINED = (WORDS[Mass.CREATED], WORDS[Mass.MISSING])
"""What changed ids explain; planned anew, the rest of it is judged alone."""


async def is_too_much(job: ImportJob, plans: list[PlanCounts], changed: str) -> bool:
    """Whether a person must look first; what for is written down. ``changed``: the login covers something else."""
    async with job.db.read() as c:
        expected = await rollovers.active(c, job.run.integration, now_ms=job.now_ms())
        judged = [await _judge(c, job, one, expected) for one in plans]
    again = await _look_for_changed_ids(job, plans)
    known_again = {one.entity for one in again}
    excesses = [
        excess
        for one in judged
        for excess in one.excesses
        if excess.entity not in known_again or excess.what not in EXPLAINED
    ]
    let_through = [told for one in judged for told in one.expected]
    reasons = [*([_in_words(job, again)] if again else []), *([changed] if changed else [])]
    async with job.db.transaction(job.lease) as c:
        for number, excess in let_through:
            said = f"expected by rollover {number}: {excess.sentence}"
            await _tell(c, job, EventKind.ROLLOVER, Level.WARNING, said)
        if not excesses and not reasons:
            return False
        for told in [*reasons, *(excess.sentence for excess in excesses)]:
            await _tell(c, job, EventKind.RUN_HELD, Level.WARNING, told)
        why = "; ".join([*reasons, *([in_short(excesses)] if excesses else [])])
        code = REKEYED if again else COVERAGE if changed else TOO_MUCH
        await runs.say_why_held(c, job.run.id, why, code=code)
    return True


async def _tell(c: Connection, job: ImportJob, kind: EventKind, level: Level, text: str) -> None:
    await events.append(
        c,
        kind,
        level,
        text,
        integration=job.run.integration,
        run_id=job.run.id,
        at_ms=job.now_ms(),
    )


async def _judge(c: Connection, job: ImportJob, counts: PlanCounts, expected: list[Expected]) -> Judgement:
    return guard(await _sight(c, job, counts), job.limits, expected)


async def _sight(c: Connection, job: ImportJob, counts: PlanCounts) -> Sight:
    """Look as far as there is something to fear: a plan that changes little costs no look at all.

    That records in error are still in error when they are tried again is no news.
    """
    entity, now_ms = counts.entity, job.now_ms()
    if job.run.kind is RunKind.REDRIVE:
        counts = replace(counts, dead=0)
    scope = Scope(job.run.integration, job.run.id, entity, now_ms - WEEK_MS, now_ms)
    if counts.known == 0:
        return Sight(counts, 0)
    limits = job.limits.of(entity)
    created = updated = missing = Tally()
    schools: list[Lost] = []
    sections: list[Emptied] = []
    left = counts.known
    if counts.create:
        created = Tally(counts.create, counts.create + await guard_counts.created_before(c, scope))
    own = counts.update - counts.completed
    if own > 0:
        enough = max(limits.at_least, limits.updated_share * counts.known)
        updated = Tally(own, await guard_counts.updated(c, scope, own=own, enough=enough))
    if counts.missing or counts.withdraw or counts.deactivated:
        left -= await guard_counts.long_gone(c, scope)
        missing = Tally(*await guard_counts.gone(c, scope))
        if missing.own and missing.week > limits.at_least:
            told = await guard_counts.of_schools(c, scope, at_least=limits.at_least)
            schools = [
                Lost(plain(f"{one.external_id} ({one.name})", limit=80), one.count, one.known) for one in told
            ]
        if entity is Entity.ENROLLMENT and missing.own and limits.section_emptied:
            size = max(SECTION_OF, limits.at_least)
            sections = [Emptied(*one) for one in await guard_counts.emptied(c, scope, size=size)]
    return Sight(counts, left, created, updated, missing, schools, sections)


async def _look_for_changed_ids(job: ImportJob, plans: list[PlanCounts]) -> list[Rekeyed]:
    """The entities whose records vanished under one id and came under another; the pairs are kept with the run.

    Where one entity is suspect, all are paired: a district that changes its ids changes those of its few schools, too.
    """
    run_id = job.run.id
    suspect = [
        one.entity
        for one in plans
        if min(one.create, one.missing + one.withdraw) > job.limits.of(one.entity).at_least
    ]
    async with job.db.transaction(job.lease) as c:
        await remaps.clear(c, run_id)
        if not suspect:
            return []
        for entity in (one.entity for one in plans if one.create):
            for rule in SAMENESS[entity]:
                await remaps.pair(c, run_id, entity, rule)
        found = [await remaps.found(c, run_id, entity) for entity in suspect]
        again = [one for one in found if one.is_alarming(job.limits.of(one.entity).at_least)]
        if not again:
            await remaps.clear(c, run_id)
        return again


def _in_words(job: ImportJob, again: list[Rekeyed]) -> str:
    told = ", ".join(f"{one.pairs} of {one.missing} missing {one.entity} records" for one in again)
    return (
        f"{told} came back under other ids: they were probably changed at the source. 'siscon runs remap "
        f"{job.run.id} --reason WHY' ties them to the records that are here"
    )
