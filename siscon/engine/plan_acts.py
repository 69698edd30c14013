"""Commands about plans: tie records whose ids were changed at the source, expect a mass change, end that."""

from __future__ import annotations

from siscon.domain.commands import DeclareRollover, EndRollover, Remap
from siscon.domain.errors import UsageError
from siscon.domain.events import EventKind, Level
from siscon.domain.guards import DAY_MS, Mass
from siscon.domain.records import Entity
from siscon.domain.runs import Phase, RunStatus
from siscon.domain.text import agreed, counted, plain, were
from siscon.engine.answers import Answer, Circumstances, checked_reason, known_integration, tell
from siscon.engine.run_acts import waiting_plan
from siscon.store import events, remaps, rollovers, runs
from siscon.store.database import Connection

DECLARABLE = (Mass.CREATED, Mass.UPDATED, Mass.MISSING)
LONGEST_DAYS = 366


async def remap(c: Connection, command: Remap, here: Circumstances) -> Answer:
    """Tie the pairs of a plan to the new ids, and let the run plan anew from what it has fetched; nobody approves."""
    run_id, now_ms = command.run_id, here.now_ms
    reason = checked_reason(command.reason)
    run = await waiting_plan(c, run_id, reason)
    pairs = await remaps.count(c, run_id)
    if not pairs:
        raise UsageError(f"The plan of run {run_id} holds no records that came back under other ids.")
    if pairs != command.pairs:
        raise UsageError(
            f"The plan of run {run_id} holds {counted(pairs, 'pair')} by now, {were(command.pairs)} shown: look again."
        )
    tied = await remaps.tie(c, run.integration, run_id, actor=here.actor, now_ms=now_ms)
    if tied != pairs:  # the whole transaction is taken back
        raise UsageError(
            f"{pairs - tied} of the {pairs} records of run {run_id} have been tied otherwise meanwhile: discard the "
            "plan and sync again."
        )
    await remaps.plan_anew(c, run_id)
    await runs.set_phase(c, run_id, Phase.PLAN)
    await runs.move(c, run_id, RunStatus.QUEUED, now_ms=now_ms)
    records, verb = counted(pairs, "record"), agreed(pairs, "was", "were")
    text = f"{records} of run {run_id} {verb} tied to new ids by {plain(here.actor)}: {plain(reason)}"
    await tell(c, EventKind.RUN_QUEUED, text, run, now_ms=now_ms)
    return Answer(
        f"{records} {agreed(pairs, 'keeps its place', 'keep their places')} under new ids. "
        f"Run {run_id} plans anew and goes on if that passes every limit.",
        f"run {run_id}",
        run_id,
    )


async def declare_rollover(c: Connection, command: DeclareRollover, here: Circumstances) -> Answer:
    """Expect a mass change: so much, of what, until when."""
    integration = await known_integration(c, command.integration)
    reason = checked_reason(command.reason)
    entity, what = _entity(command.entity), _mass(command.what)
    if not 0 < command.share <= 1:
        raise UsageError("The share is a number above 0, at most 1, such as 0.9.")
    if command.until_ms <= here.now_ms:
        raise UsageError("The moment after --until has passed: name a day to come.")
    if command.until_ms > here.now_ms + LONGEST_DAYS * DAY_MS:
        raise UsageError(f"A rollover lasts {LONGEST_DAYS} days at most: declare the next one when it comes.")
    number = await rollovers.declare(
        c,
        integration=integration.name,
        entity=entity,
        what=what,
        share=command.share,
        until_ms=command.until_ms,
        reason=reason,
        declared_by=here.actor,
        now_ms=here.now_ms,
    )
    told = f"up to {100 * command.share:.0f} % of the {entity} records of {integration.name} may be {what}"
    text = f"rollover {number} was declared by {plain(here.actor)}: {told}: {plain(reason)}"
    await _tell(c, text, integration.name, here)
    return Answer(f"Rollover {number}: {told} until its day has passed.", f"rollover {number}")


async def end_rollover(c: Connection, command: EndRollover, here: Circumstances) -> Answer:
    """The mass change is over before its time."""
    number = command.rollover_id
    found = await rollovers.get(c, number)
    if found is None:
        raise UsageError(f"There is no rollover {number}: 'siscon rollover list' shows those there are.")
    if not await rollovers.end(c, number, now_ms=here.now_ms):
        raise UsageError(f"Rollover {number} has ended already.")
    await _tell(c, f"rollover {number} was ended by {plain(here.actor)}", found.integration, here)
    return Answer(f"Rollover {number} is over: the usual limits hold again.", f"rollover {number}")


async def _tell(c: Connection, text: str, integration: str, here: Circumstances) -> None:
    await events.append(
        c, EventKind.ROLLOVER, Level.WARNING, text, integration=integration, at_ms=here.now_ms
    )


def _entity(name: str) -> Entity:
    try:
        return Entity(name)
    except ValueError:
        there = ", ".join(one.value for one in Entity)
        raise UsageError(f"'{plain(name)}' is no kind of record; there are {there}.") from None


def _mass(name: str) -> Mass:
    for one in DECLARABLE:
        if one.value == name:
            return one
    there = ", ".join(one.value for one in DECLARABLE)
    raise UsageError(f"'{plain(name)}' cannot be expected; there are {there}.")
