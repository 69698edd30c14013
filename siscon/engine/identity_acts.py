"""Decisions about who is who: the same person or another, merged or kept apart; and an alias split off again."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from siscon.domain.commands import SettleConflict, SplitRecord
from siscon.domain.conflicts import Conflict, ConflictKind
from siscon.domain.errors import UsageError
from siscon.domain.events import EventKind, Level
from siscon.domain.identity import ANOTHER, APART, MERGE, SAME, WORDS
from siscon.domain.mappings import Mapping as Tie
from siscon.domain.records import Entity, body_of
from siscon.domain.runs import RunKind
from siscon.domain.text import plain
from siscon.engine.absence import ACTIVE, INACTIVE
from siscon.engine.answers import Answer, Circumstances, checked_reason, known_integration
from siscon.engine.duplicates import shown
from siscon.engine.roster_edits import Act, Edit, NewBase, is_same, write_edits
from siscon.store import aliases, conflicts, events, identities, mappings, records, runs
from siscon.store.database import Connection

AT_ONCE = 200


async def decide_identity(
    c: Connection, conflict: Conflict, command: SettleConflict, here: Circumstances
) -> Answer:
    """Decide who somebody is, if all still is what was shown; raises ``UsageError`` where it is not."""
    words = WORDS[conflict.kind]
    word = command.choices.get("identity", "")
    if word not in words or command.choices.keys() - {"identity", "survivor"}:
        raise UsageError(f"Conflict {conflict.id} asks who is who: choose {' or '.join(words)}.")
    reason = checked_reason(command.reason)
    survivor = command.choices.get("survivor", "")
    if survivor and word != MERGE:
        raise UsageError("Only of two records that are merged one survives.")
    sides = await _sides(c, conflict)
    entities = [entity for entity in Entity if entity is conflict.entity or word in (ANOTHER, MERGE)]
    run_id = await runs.add_finished(
        c,
        integration=conflict.integration,
        kind=RunKind.SETTLE,
        entities=entities,
        requested_by=here.actor,
        request={"conflict": conflict.id, "identity": word},
        reason=reason,
        now_ms=here.now_ms,
    )
    kind = "merged" if word == MERGE else "settled"
    act = Act(conflict.integration, run_id, here.actor, kind, here.now_ms, here.vault)
    told = await _ACTS[word](c, act, conflict, sides, survivor)
    await conflicts.settle(
        c, [(conflict, {"identity": word})], by=here.actor, run_id=run_id, now_ms=here.now_ms
    )
    name = f"{conflict.entity} {plain(conflict.external_id, limit=80)} of {conflict.integration}"
    await _tell(c, act, EventKind.CONFLICT_SETTLED, f"{name} was decided by {plain(here.actor)}: {told}")
    said = f"{name}: {told}. 'siscon undo {run_id}' takes it back."
    return Answer(f"{said[0].upper()}{said[1:]}", f"conflict {conflict.id}", run_id)


@dataclass(frozen=True, slots=True)
class Side:
    """A record in question with its tie; ``fields`` have references as external ids."""

    tie: Tie
    internal_id: int
    fields: Mapping[str, Any]

    @property
    def external_id(self) -> str:
        return self.tie.external_id

    @property
    def base(self) -> NewBase:
        """What was agreed on stays so; the next run looks at the record again."""
        return NewBase(self.tie.base, self.tie.base, settled=False)


async def _sides(c: Connection, conflict: Conflict) -> list[Side]:
    """The record, and of a possible duplicate the other one, if they are as they were shown."""
    told = [(conflict.external_id, conflict.local)]
    if conflict.kind is ConflictKind.DUPLICATE:
        assert conflict.other_external_id is not None, "a duplicate has another side"
        told = [(conflict.external_id, conflict.sis), (conflict.other_external_id, conflict.local)]
    sides = []
    for external_id, seen in told:
        side = await _side(c, conflict.integration, conflict.entity, external_id)
        now = shown(side.fields) if conflict.kind is ConflictKind.DUPLICATE else side.fields
        names = {*now, *seen} if conflict.kind is ConflictKind.DUPLICATE else {*seen}
        if not all(is_same(now.get(name), seen.get(name)) for name in names):
            raise UsageError(
                f"The {conflict.entity} {plain(external_id, limit=80)} has been changed here since it was found: the "
                "next sync shows it as it stands now."
            )
        sides.append(side)
    if sides[0].internal_id != conflict.internal_id:
        raise UsageError("The id leads to another record by now: the next sync asks anew.")
    return sides


async def _side(c: Connection, integration: str, entity: Entity, external_id: str) -> Side:
    tie = await mappings.find(c, integration, entity, external_id)
    local = await records.load(c, entity, [tie.internal_id]) if tie and tie.internal_id is not None else {}
    if tie is None or tie.internal_id not in local:
        raise UsageError(
            f"The {entity} {plain(external_id, limit=80)} is not in the roster any more: there is nothing to decide."
        )
    told = await records.in_external_ids(c, integration, entity, local.values())
    return Side(tie, tie.internal_id, told[tie.internal_id])


async def _same(c: Connection, act: Act, conflict: Conflict, sides: list[Side], _survivor: str) -> str:
    """Nothing changes here; the run to come finds the decision and compares the fields as it does with anybody."""
    (side,) = sides
    await write_edits(c, act, conflict.entity, [Edit(side.external_id, side.internal_id, {}, side.base)])
    return "the same person; the next sync brings in what changed"


async def _another(c: Connection, act: Act, conflict: Conflict, sides: list[Side], _survivor: str) -> str:
    """Who was here leaves under the internal id that it has, and the id is free for whoever comes under it.

    What of the old one is still in use keeps its place until the SIS names the newcomer by it.
    """
    (side,) = sides
    entity = conflict.entity
    ids = {"external_id": (side.external_id, None)}
    leaves = Edit(side.external_id, side.internal_id, {"status": INACTIVE}, side.base, ids)
    await write_edits(c, act, entity, [leaves])
    called = {entity: {side.external_id: f"local:{side.internal_id}"}}
    for kind, found in (await _referring(c, act, entity, side.internal_id)).items():
        running = [one for one in found if one.fields.get("status") == ACTIVE]
        edits = [
            Edit(one.external_id, one.internal_id, {}, _rebased(kind, one, called, settled=False))
            for one in running
        ]
        await _write(c, act, kind, [one for one in edits if one.base])
    await identities.cut(c, act.integration, entity, side.external_id, side.internal_id, now_ms=act.now_ms)
    return "another person; who was here is withdrawn, the next sync creates the newcomer"


async def _merge(c: Connection, act: Act, conflict: Conflict, sides: list[Side], survivor: str) -> str:
    """One of both ids leads to the other's record from now on; what referred to its own is moved there."""
    stays = survivor or sides[1].external_id
    if stays not in {one.external_id for one in sides}:
        names = " or ".join(plain(one.external_id, limit=80) for one in sides)
        raise UsageError(f"The survivor is one of both: {names}.")
    kept = next(one for one in sides if one.external_id == stays)
    gone = next(one for one in sides if one.external_id != stays)
    entity = conflict.entity
    leaves = Edit(
        gone.external_id,
        gone.internal_id,
        {"status": INACTIVE},
        gone.base,
        {"external_id": (gone.external_id, kept.external_id)},
    )
    told = Edit(kept.external_id, kept.internal_id, {}, None, {"alias": (None, gone.external_id)})
    await write_edits(c, act, entity, [leaves, told])
    to = {gone.external_id: kept.external_id}
    for kind, found in (await _referring(c, act, entity, gone.internal_id)).items():
        there = await _places(c, act, kind, entity, kept)
        edits = []
        for one in found:
            fields = aliases.led_on(kind, one.fields, {entity: to})
            changed = {name: value for name, value in fields.items() if value != one.fields.get(name)}
            if fields.get("status") == ACTIVE and _place(fields) in there:
                changed["status"] = INACTIVE
            base = _rebased(kind, one, {entity: to}, settled=bool(one.tie.fingerprint))
            edits.append(Edit(one.external_id, one.internal_id, changed, base))
        await _write(c, act, kind, edits)
    await identities.cut(c, act.integration, entity, gone.external_id, gone.internal_id, now_ms=act.now_ms)
    await aliases.add(
        c,
        act.integration,
        entity,
        gone.external_id,
        survivor=kept.external_id,
        actor=act.actor,
        now_ms=act.now_ms,
    )
    return f"{plain(gone.external_id, limit=80)} is merged into {plain(kept.external_id, limit=80)}"


async def _apart(c: Connection, act: Act, conflict: Conflict, sides: list[Side], _survivor: str) -> str:
    """Nothing changes; the pair is never asked about again, and the history of both says so."""
    one, other = sides
    edits = [
        Edit(mine.external_id, mine.internal_id, {}, None, {"apart_from": (None, theirs.external_id)})
        for mine, theirs in ((one, other), (other, one))
    ]
    await write_edits(c, act, conflict.entity, edits)
    return f"another person than {plain(other.external_id, limit=80)}; this is not asked again"


_ACTS: Mapping[str, Callable[[Connection, Act, Conflict, list[Side], str], Awaitable[str]]] = {
    SAME: _same,
    ANOTHER: _another,
    MERGE: _merge,
    APART: _apart,
}


async def _referring(c: Connection, act: Act, target: Entity, internal_id: int) -> dict[Entity, list[Side]]:
    """Whatever refers to a record, by entity."""
    found: dict[Entity, list[Side]] = {}
    for kind in Entity:
        ids = await identities.referring(c, act.integration, kind, target, internal_id)
        for at in range(0, len(ids), AT_ONCE):
            some = dict(ids[at : at + AT_ONCE])
            ties = await mappings.find_many(c, act.integration, kind, some)
            local = await records.load(c, kind, some.values())
            told = await records.in_external_ids(c, act.integration, kind, local.values())
            found.setdefault(kind, []).extend(
                Side(ties[external_id], id_, told[id_]) for external_id, id_ in some.items()
            )
    return found


async def _places(c: Connection, act: Act, kind: Entity, target: Entity, kept: Side) -> set[str]:
    """The sections in which the survivor has an enrollment in use already."""
    if kind is not Entity.ENROLLMENT:
        return set()
    own = await _referring(c, act, target, kept.internal_id)
    return {_place(one.fields) for one in own.get(kind, []) if one.fields.get("status") == ACTIVE}


def _place(fields: Mapping[str, Any]) -> str:
    return str(fields.get("section") or "")


def _rebased(
    kind: Entity, one: Side, called: Mapping[Entity, Mapping[str, str]], *, settled: bool
) -> NewBase | None:
    """What was agreed on with other names in its references; None where it does not name them."""
    fields = json.loads(one.tie.base)
    renamed = aliases.led_on(kind, fields, called)
    body = body_of(kind, renamed)
    return NewBase(one.tie.base, body, settled=settled) if body != body_of(kind, fields) else None


async def _write(c: Connection, act: Act, kind: Entity, edits: list[Edit]) -> None:
    for at in range(0, len(edits), AT_ONCE):
        await write_edits(c, act, kind, edits[at : at + AT_ONCE])


async def split(c: Connection, command: SplitRecord, here: Circumstances) -> Answer:
    """Let an alias be an id of its own again; the next sync creates a record for it."""
    integration = (await known_integration(c, command.integration)).name
    reason = checked_reason(command.reason)
    if command.entity not in {one.value for one in Entity}:
        raise UsageError(
            f"'{plain(command.entity, limit=60)}' is no kind of record; there are {', '.join(Entity)}."
        )
    entity, alias = Entity(command.entity), command.external_id
    survivor = (await aliases.survivors(c, integration, entity, [alias])).get(alias)
    name = f"{entity} {plain(alias, limit=80)}"
    if survivor is None:
        raise UsageError(f"{name} is no alias: 'siscon records aliases {integration}' lists those there are.")
    run_id = await runs.add_finished(
        c,
        integration=integration,
        kind=RunKind.EDIT,
        entities=[entity],
        requested_by=here.actor,
        request={"split": alias},
        reason=reason,
        now_ms=here.now_ms,
    )
    act = Act(integration, run_id, here.actor, "edited", here.now_ms, here.vault)
    await aliases.remove(c, integration, entity, alias)
    tie = await mappings.find(c, integration, entity, survivor)
    undo = "It cannot be undone, for nobody is called so any more."
    if tie is not None and tie.internal_id is not None:
        edit = Edit(survivor, tie.internal_id, {}, None, {"split_off": (None, alias)})
        await write_edits(c, act, entity, [edit])
        undo = f"'siscon undo {run_id}' takes it back until that sync."
    text = f"{name} was split off {plain(survivor, limit=80)} by {plain(here.actor)}: {plain(reason)}"
    await _tell(c, act, EventKind.RECORDS_EDITED, text)
    return Answer(
        f"{name} leads to {plain(survivor, limit=80)} no longer: the next sync creates a record of its own. {undo}",
        f"run {run_id}",
        run_id,
    )


async def _tell(c: Connection, act: Act, kind: EventKind, text: str) -> None:
    await events.append(
        c, kind, Level.INFO, text, integration=act.integration, run_id=act.run_id, at_ms=act.now_ms
    )
