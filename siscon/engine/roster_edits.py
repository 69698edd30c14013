"""How people change local records outside an import: record, image, base, audit and count in one transaction."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from siscon.domain.errors import UsageError
from siscon.domain.mappings import SyncStatus
from siscon.domain.records import FIELDS, STATUSES, Entity, fingerprint_of
from siscon.domain.text import plain
from siscon.store import audit, changes, mappings, records, run_counts
from siscon.store.changes import Change
from siscon.store.database import Connection
from siscon.store.records import RosterRow
from siscon.store.vault import Vault

DATES = ("birth_date", "starts_on", "ends_on", "begins_on")


@dataclass(frozen=True, slots=True)
class NewBase:
    """What both sides agree on from now. Without ``settled`` the next run looks at the record again."""

    before: str
    body: str
    settled: bool = True


@dataclass(frozen=True, slots=True)
class Edit:
    """New values of one local record: name -> value, references as the integration's external ids (``local:`` and an
    internal id where it knows none), a tuple for many, None for nothing. ``base`` None leaves what was agreed on.
    ``ids`` (name of ``identity.IDS`` -> before and after) is told in the image alone: the caller sees to the ties.
    """

    external_id: str
    internal_id: int
    fields: Mapping[str, Any]
    base: NewBase | None = None
    ids: Mapping[str, tuple[str | None, str | None]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Act:
    """On whose behalf, by which run, and what it is: a kind of ``changes`` (edited, settled, merged ...).

    ``by_hand``: a person chose the values. Where siscon chose them, other edits of the record become no newer by it.
    """

    integration: str
    run_id: int
    actor: str
    kind: str
    now_ms: int
    vault: Vault
    by_hand: bool = True


async def write_edits(c: Connection, act: Act, entity: Entity, edits: Sequence[Edit]) -> int:
    """Write edits, at most a few hundred at once; how many records changed. Values that stand already are no change.

    The caller has looked that the records still are what was shown. Raises ``UsageError`` for a reference to what
    is not here and for a record that is gone.
    """
    local = await records.load(c, entity, [one.internal_id for one in edits])
    for one in edits:
        if one.internal_id not in local:
            raise UsageError(
                f"The {entity} {plain(one.external_id, limit=80)} is not in the roster any more."
            )
    told = await records.in_external_ids(c, act.integration, entity, local.values())
    known = await records.ids_of_referred(c, act.integration, entity, [one.fields for one in edits])
    images, rows = [], []
    for one in edits:
        before = told[one.internal_id]
        fields = {name: value for name, value in one.fields.items() if not is_same(value, before.get(name))}
        if fields or one.base or one.ids:
            images.append(_image(act, entity, one, {name: before.get(name) for name in fields}, fields))
        if fields:
            row = local[one.internal_id]
            rows.append((one.internal_id, {**row.fields, **inside(entity, fields, known)}))
    await records.update(c, entity, rows, now_ms=act.now_ms, by_hand=act.by_hand)
    await mappings.rebase(
        c, act.integration, entity, [_rebased(one.external_id, one.base) for one in edits if one.base]
    )
    await remember(c, act, entity, images)
    await run_counts.start(c, act.run_id, [entity])
    withdrawn = sum(_leaves(local[internal_id], fields) for internal_id, fields in rows)
    await run_counts.add(
        c,
        act.run_id,
        entity,
        fetched=len(edits),
        updated=len(images),
        unchanged=len(edits) - len(images),
        withdrawn=withdrawn,
    )
    return len(images)


def is_same(one: Any, other: Any) -> bool:
    """Whether two values of a field mean the same: nothing is nothing, and several are several, however they came."""
    first, second = (tuple(value) if isinstance(value, list) else value for value in (one, other))
    return (first or None) == (second or None)


def _leaves(row: RosterRow, fields: Mapping[str, Any]) -> bool:
    return bool(row.fields["status"] == "active" and fields["status"] == "inactive")


def _image(
    act: Act, entity: Entity, edit: Edit, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Change:
    base = edit.base.before if edit.base else None
    was = {**before, **{name: pair[0] for name, pair in edit.ids.items()}}
    became = {**after, **{name: pair[1] for name, pair in edit.ids.items()}}
    return Change(entity, edit.external_id, edit.internal_id, act.kind, _text(was), _text(became), base=base)


def _rebased(external_id: str, base: NewBase) -> tuple[str, str, str, SyncStatus, str]:
    if base.settled:
        return external_id, base.body, fingerprint_of(base.body), SyncStatus.SYNCED, ""
    return external_id, base.body, "", SyncStatus.PENDING, "the next run looks at it again"


def inside(
    entity: Entity, fields: Mapping[str, Any], known: Mapping[Entity, Mapping[str, int]]
) -> dict[str, Any]:
    """The fields with internal ids for references; raises ``UsageError`` where one leads nowhere."""
    rules = {rule.name: rule for rule in FIELDS[entity]}
    inside: dict[str, Any] = {}
    for name, value in fields.items():
        rule = rules[name]
        if rule.refers_to is None or not value:
            inside[name] = () if rule.many else value
        elif rule.many:
            inside[name] = tuple(_one_inside(known[rule.refers_to], one, name) for one in value)
        else:
            inside[name] = _one_inside(known[rule.refers_to], value, name)
    return inside


def _one_inside(known: Mapping[str, int], value: str, name: str) -> int:
    head, _, number = value.partition(":")
    if value in known:
        return known[value]
    if head == "local" and number.isdecimal() and len(number) < 19:
        return int(number)
    raise UsageError(f"The {name} {plain(value, limit=80)} is not in the roster: name one that is.")


async def remember(c: Connection, act: Act, entity: Entity, images: Sequence[Change]) -> None:
    """Store the images of a batch, and chain it into the audit with a digest of every change in it."""
    if not images:
        return
    told = await changes.add(c, images, integration=act.integration, run_id=act.run_id, at_ms=act.now_ms)
    await audit.append(
        c,
        act.vault,
        actor=act.actor,
        action=act.kind,
        target=f"{act.integration}/{entity}",
        detail={
            "run": act.run_id,
            "records": len(images),
            "digest": hashlib.sha256(told.encode()).hexdigest(),
        },
        at_ms=act.now_ms,
    )


def checked_value(entity: Entity, name: str, value: str | None) -> Any:
    """The value as it may be stored; raises ``UsageError`` for what cannot stand there."""
    rules = {rule.name: rule for rule in FIELDS[entity]}
    rule = rules.get(name)
    if rule is None or name == "custom":
        there = ", ".join(one for one in rules if one != "custom")
        raise UsageError(f"A {entity} has no field '{plain(name, limit=60)}' to edit, but {there}.")
    if not value:
        if rule.required or name == "status":
            raise UsageError(f"The {name} of a {entity} cannot be empty.")
        return () if rule.many else None
    if name == "status" and value not in STATUSES:
        raise UsageError(f"A status is one of {', '.join(STATUSES)}.")
    if name in DATES and not _is_date(value):
        raise UsageError(f"Write the {name} as YYYY-MM-DD.")
    if any(not one.isprintable() for one in value) or len(value) > 1000:
        raise UsageError(f"The {name} holds what cannot be printed, or more than 1,000 characters.")
    return tuple(one.strip() for one in value.split(",") if one.strip()) if rule.many else value


def _is_date(value: str) -> bool:
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _text(fields: Mapping[str, Any]) -> str:
    return json.dumps(dict(fields), ensure_ascii=False, separators=(",", ":"))
