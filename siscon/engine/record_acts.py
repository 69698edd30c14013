"""Commands about local records: edit one by hand, give edits back to the SIS, withdraw."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from siscon.domain.commands import EditRecord, ReleaseEdits, WithdrawRecords
from siscon.domain.errors import UsageError
from siscon.domain.events import EventKind, Level
from siscon.domain.mappings import Mapping as Tie
from siscon.domain.records import FIELDS, Entity
from siscon.domain.runs import RunKind
from siscon.domain.text import agreed, counted, plain, were
from siscon.engine.absence import INACTIVE
from siscon.engine.answers import Answer, Circumstances, checked_reason, known_integration
from siscon.engine.roster_edits import Act, Edit, checked_value, write_edits
from siscon.store import edits, events, mappings, runs
from siscon.store.database import Connection

AT_ONCE = 200
MOST = 20_000
"""More records than this are not changed by one act."""


async def edit(c: Connection, command: EditRecord, here: Circumstances) -> Answer:
    """Write values that a person gives; they stay until the SIS changes the same fields, or somebody releases them."""
    entity, tie = await _tied(c, command.integration, command.entity, command.external_id)
    reason = checked_reason(command.reason)
    if not command.fields:
        raise UsageError("Say which field becomes what, as in --set email=kim@example.org.")
    fields = {name: checked_value(entity, name, value) for name, value in command.fields.items()}
    act = await _begin(c, here, command.integration, entity, "edited", reason)
    assert tie.internal_id is not None, "only what is here is found"
    changed = await write_edits(c, act, entity, [Edit(tie.external_id, tie.internal_id, fields)])
    if not changed:
        raise UsageError(
            f"The {entity} {plain(tie.external_id, limit=80)} is so already: nothing was changed."
        )
    told = f"{entity} {plain(tie.external_id, limit=80)}: {', '.join(fields)}"
    return await _conclude(c, act, f"{told} edited by {plain(here.actor)}", f"Edited {told}.")


async def release(c: Connection, command: ReleaseEdits, here: Circumstances) -> Answer:
    """Give fields that were edited here back to what the SIS says."""
    integration, entity = await _place(c, command.integration, command.entity)
    reason = checked_reason(command.reason)
    unknown = set(command.fields) - {rule.name for rule in FIELDS[entity]}
    if unknown:
        raise UsageError(f"A {entity} has no field '{plain(min(unknown), limit=60)}'.")
    found = await edits.edited(c, integration, entity, command.external_ids or None, limit=MOST)
    wanted = []
    for one in found:
        fields = {n: v for n, v in _back(one).items() if not command.fields or n in command.fields}
        if fields:
            wanted.append(Edit(one.external_id, one.internal_id, fields))
    _as_shown(len(wanted), command.expected, f"edited {entity} record")
    act = await _begin(c, here, integration, entity, "edited", reason)
    for at in range(0, len(wanted), AT_ONCE):
        await write_edits(c, act, entity, wanted[at : at + AT_ONCE])
    said = f"{counted(len(wanted), f'{entity} record')} given back to the SIS"
    return await _conclude(c, act, f"{said} by {plain(here.actor)}", f"{said}.")


def _back(one: edits.Edited) -> dict[str, Any]:
    """Field -> what the SIS says, for those that were edited here."""
    return {name: base for name, (_, base) in one.fields.items()}


async def withdraw(c: Connection, command: WithdrawRecords, here: Circumstances) -> Answer:
    """Take records out of use here, whatever the SIS says of them, until somebody releases them."""
    integration, entity = await _place(c, command.integration, command.entity)
    reason = checked_reason(command.reason)
    found = await edits.active(
        c,
        integration,
        entity,
        command.external_ids or None,
        await edits.chosen_by(c, integration, entity, command.where),
    )
    _as_shown(len(found), command.expected, f"active {entity} record")
    if len(found) > MOST:
        raise UsageError(f"{len(found)} are more than {MOST} at once: narrow it down.")
    today = datetime.fromtimestamp(here.now_ms / 1000, UTC).date().isoformat()
    fields: dict[str, Any] = {"status": INACTIVE}
    if entity is Entity.ENROLLMENT:
        fields["ends_on"] = today
    act = await _begin(c, here, integration, entity, "withdrawn", reason)
    wanted = [Edit(external_id, internal_id, fields) for external_id, internal_id in found]
    for at in range(0, len(wanted), AT_ONCE):
        await write_edits(c, act, entity, wanted[at : at + AT_ONCE])
    said = f"{counted(len(found), f'{entity} record')} withdrawn"
    return await _conclude(c, act, f"{said} by {plain(here.actor)}", f"{said}.")


def _as_shown(found: int, expected: int, what: str) -> None:
    if found == 0:
        raise UsageError(f"There are no {what}s of that kind: nothing was changed.")
    if found != expected:
        raise UsageError(
            f"There {agreed(found, 'is', 'are')} {counted(found, what)} by now, {were(expected)} shown: look again."
        )


async def _place(c: Connection, integration: str, entity: str) -> tuple[str, Entity]:
    name = (await known_integration(c, integration)).name
    if entity not in {one.value for one in Entity}:
        raise UsageError(f"'{plain(entity, limit=60)}' is no kind of record; there are {', '.join(Entity)}.")
    return name, Entity(entity)


async def _tied(c: Connection, integration: str, entity: str, external_id: str) -> tuple[Entity, Tie]:
    name, kind = await _place(c, integration, entity)
    tie = await mappings.find(c, name, kind, external_id)
    if tie is None or tie.internal_id is None:
        raise UsageError(f"{name} has no {kind} '{plain(external_id, limit=80)}' in the local roster.")
    return kind, tie


async def _begin(
    c: Connection, here: Circumstances, integration: str, entity: Entity, kind: str, reason: str
) -> Act:
    run_id = await runs.add_finished(
        c,
        integration=integration,
        kind=RunKind.EDIT,
        entities=[entity],
        requested_by=here.actor,
        request={},
        reason=reason,
        now_ms=here.now_ms,
    )
    return Act(integration, run_id, here.actor, kind, here.now_ms, here.vault)


async def _conclude(c: Connection, act: Act, text: str, sentence: str) -> Answer:
    await events.append(
        c,
        EventKind.RECORDS_EDITED,
        Level.INFO,
        text,
        integration=act.integration,
        run_id=act.run_id,
        at_ms=act.now_ms,
    )
    return Answer(f"{sentence} 'siscon undo {act.run_id}' takes it back.", f"run {act.run_id}", act.run_id)
