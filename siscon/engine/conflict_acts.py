"""Commands about conflicts: a person decides one, or many that are alike."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from siscon.domain.commands import SettleConflict, SettleConflicts
from siscon.domain.conflicts import Conflict, ConflictKind
from siscon.domain.errors import UsageError
from siscon.domain.events import EventKind, Level
from siscon.domain.mappings import Mapping as Tie
from siscon.domain.records import FIELDS, Entity, body_of, fingerprint_of
from siscon.domain.runs import Lane, RunKind
from siscon.domain.text import agreed, counted, plain, were
from siscon.engine.answers import Answer, Circumstances, checked_reason, known_integration, queue
from siscon.engine.identity_acts import decide_identity
from siscon.engine.roster_edits import Act, Edit, NewBase, checked_value, is_same, write_edits
from siscon.store import conflicts, events, mappings, records, runs
from siscon.store.database import Connection

SIS, LOCAL, OWN = "sis", "local", "="
"""What may be chosen for a field; a third value stands behind the last."""


@dataclass(frozen=True, slots=True)
class Decided:
    """A conflict with the values that its fields come to; ``open`` are those that nobody has decided."""

    conflict: Conflict
    values: Mapping[str, Any]
    choices: Mapping[str, str]

    @property
    def open(self) -> tuple[str, ...]:
        return tuple(name for name in self.conflict.sis if name not in self.values)


def decide(conflict: Conflict, choices: Mapping[str, str]) -> Decided:
    """What choices come to; raises ``UsageError`` for a field that is not in question and a word that is no choice."""
    values: dict[str, Any] = {}
    rules = {rule.name: rule for rule in FIELDS[conflict.entity]}
    for name, choice in choices.items():
        if name not in conflict.sis:
            there = ", ".join(conflict.sis)
            raise UsageError(f"'{plain(name, limit=60)}' is not in question here, but {there}.")
        if choice == SIS:
            values[name] = conflict.sis[name]
        elif choice == LOCAL:
            values[name] = conflict.local[name]
        elif choice.startswith(OWN) and not rules[name].many:
            values[name] = checked_value(conflict.entity, name, choice.removeprefix(OWN) or None)
        else:
            raise UsageError(f"Choose sis, local or = and a value for {name}.")
        if rules[name].required and not values[name]:
            raise UsageError(f"The {name} of a {conflict.entity} cannot be empty.")
    return Decided(conflict, values, dict(choices))


async def settle(c: Connection, command: SettleConflict, here: Circumstances) -> Answer:
    """Decide one conflict, if both sides still are what was shown."""
    conflict = await conflicts.get(c, command.conflict_id)
    if conflict is None:
        raise UsageError(
            f"There is no conflict {command.conflict_id}: 'siscon conflicts list' shows the open ones."
        )
    if conflict.status != "open":
        raise UsageError(f"Conflict {conflict.id} is {_how_it_ended(conflict)}.")
    seen = (command.sis_fingerprint, command.local_version)
    if seen != (conflict.sis_fingerprint, conflict.local_version):
        raise UsageError(f"{_name(conflict)} has changed since you looked: look again, then decide.")
    if conflict.kind is not ConflictKind.FIELDS:
        return await decide_identity(c, conflict, command, here)
    if not await standing(c, conflict.integration, conflict.entity, [conflict]):
        raise UsageError(
            f"{_name(conflict)} has been changed here since it was found: the next sync asks anew with what stands now."
        )
    if not command.choices:
        raise UsageError("Say what is to hold: sis, local or a value for each field.")
    decided = decide(conflict, command.choices)
    run_id = await runs.add_finished(
        c,
        integration=conflict.integration,
        kind=RunKind.SETTLE,
        entities=[conflict.entity],
        requested_by=here.actor,
        request={"conflict": conflict.id},
        reason=command.reason,
        now_ms=here.now_ms,
    )
    act = Act(conflict.integration, run_id, here.actor, "settled", here.now_ms, here.vault)
    await write_decisions(c, act, conflict.entity, [decided])
    told = _told(decided.choices)
    text = f"{_name(conflict)} was decided by {plain(here.actor)}: {told}"
    await events.append(
        c,
        EventKind.CONFLICT_SETTLED,
        Level.INFO,
        text,
        integration=act.integration,
        run_id=run_id,
        at_ms=act.now_ms,
    )
    rest = f" Still open: {', '.join(decided.open)}." if decided.open else ""
    return Answer(
        f"{_name(conflict)}: {told}.{rest} 'siscon undo {run_id}' takes it back.",
        f"conflict {conflict.id}",
        run_id,
    )


async def write_decisions(c: Connection, act: Act, entity: Entity, decided: list[Decided]) -> None:
    """Write what was decided: the values here, the SIS's values into the base, and who decided."""
    ties = await mappings.find_many(c, act.integration, entity, [one.conflict.external_id for one in decided])
    edits = [
        Edit(
            one.conflict.external_id,
            one.conflict.internal_id,
            one.values,
            _new_base(entity, ties[one.conflict.external_id], one),
        )
        for one in decided
    ]
    await write_edits(c, act, entity, edits)
    await conflicts.settle(
        c, [(one.conflict, one.values) for one in decided], by=act.actor, run_id=act.run_id, now_ms=act.now_ms
    )
    rest = [one for one in decided if one.open]
    if rest:
        local = await records.load(c, entity, [one.conflict.internal_id for one in rest])
        await conflicts.keep_open(
            c, [(one.conflict, one.open, local[one.conflict.internal_id].version) for one in rest]
        )


def _new_base(entity: Entity, tie: Tie, one: Decided) -> NewBase:
    """What is agreed: the SIS's value of every decided field. It is settled once nothing of what came is left over."""
    body = body_of(entity, {**json.loads(tie.base), **{name: one.conflict.sis[name] for name in one.values}})
    return NewBase(tie.base, body, settled=fingerprint_of(body) == one.conflict.sis_fingerprint)


async def standing(c: Connection, integration: str, entity: Entity, found: list[Conflict]) -> list[Conflict]:
    """Those of which the fields in question still are here what they were when it was asked."""
    local = await records.load(c, entity, [one.internal_id for one in found])
    told = await records.in_external_ids(c, integration, entity, local.values())
    return [
        one
        for one in found
        if one.internal_id in told
        and all(is_same(told[one.internal_id].get(name), value) for name, value in one.local.items())
    ]


def _name(conflict: Conflict) -> str:
    entity = conflict.entity.capitalize()  # the id stays as it is written
    return f"{entity} {plain(conflict.external_id, limit=80)} of {conflict.integration}"


def _told(choices: Mapping[str, str]) -> str:
    """Which side won, without the values: they are pupils' data."""
    words = {SIS: "as the SIS has it", LOCAL: "as it is here"}
    return ", ".join(f"{name} {words.get(choice, 'by hand')}" for name, choice in choices.items())


def _how_it_ended(conflict: Conflict) -> str:
    if conflict.settled_by is None:
        return "gone: there is nothing to decide any more"
    at = datetime.fromtimestamp((conflict.settled_at_ms or 0) / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    if conflict.kind is not ConflictKind.FIELDS:
        return f"settled already by {plain(conflict.settled_by)} at {at}: {conflict.decision.get('identity', '')}"
    sides = {
        name: SIS if value == conflict.sis.get(name) else LOCAL if value == conflict.local.get(name) else OWN
        for name, value in conflict.decision.items()
    }
    return f"settled already by {plain(conflict.settled_by)} at {at}: {_told(sides)}"


async def settle_many(c: Connection, command: SettleConflicts, here: Circumstances) -> Answer:
    """Queue a run that decides every conflict which a pattern matches, as many as were shown."""
    integration = await known_integration(c, command.integration)
    reason = checked_reason(command.reason)
    if command.take not in (SIS, LOCAL):
        raise UsageError("Conflicts that are alike are decided for one side: sis or local.")
    pattern = conflicts.Pattern.of(
        integration.name, command.where, up_to=command.up_to, ids=command.ids, but=command.but
    )
    found = await conflicts.count_matching(c, pattern)
    if found != command.expected:
        raise UsageError(
            f"{counted(found, 'conflict')} {agreed(found, 'matches', 'match')} by now, {were(command.expected)} "
            "shown: look again, then decide."
        )
    if found == 0:
        raise UsageError("No open conflict matches.")
    run_id = await queue(
        c,
        here,
        integration=integration.name,
        kind=RunKind.SETTLE,
        lane=Lane.QUICK,
        request={
            "where": dict(command.where),
            "take": command.take,
            "up_to": command.up_to,
            "ids": command.ids,
            "but": command.but,
        },
        doing=f"of {integration.name} decides {counted(found, 'conflict')}: asked for by {plain(here.actor)}",
        reason=reason,
    )
    return Answer(
        f"Run {run_id} decides {counted(found, 'conflict')} of {integration.name}.", f"run {run_id}", run_id
    )
