"""One batch of verdicts into the roster, with its mappings, images, open questions and counts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from siscon.domain.conflicts import ConflictKind
from siscon.domain.errors import RecordError
from siscon.domain.mappings import SyncStatus
from siscon.domain.plans import Verdict
from siscon.domain.records import FIELDS, Entity, body_of, fingerprint_of
from siscon.engine import accounts
from siscon.engine.absence import ACTIVE, INACTIVE
from siscon.engine.job import ImportJob
from siscon.store import (
    absences,
    arrivals,
    audit,
    changes,
    conflicts,
    dead_records,
    mappings,
    records,
    run_counts,
    staged,
)
from siscon.store.database import Connection
from siscon.store.mappings import Tie
from siscon.store.records import RosterRow
from siscon.store.staged import ASK, IDENTITY, IN_QUESTION, LEFT_OUT, RULES, NextBatch, Planned

Ids = Mapping[Entity, Mapping[str, int]]
"""For each entity the internal ids of the external ids that a batch refers to."""

IN_DISPUTE = "both sides changed: a person decides"
SOMEBODY_ELSE = "the id came back as somebody else: a person decides"


@dataclass(slots=True)
class Batch:
    """What one transaction will write."""

    created: int = 0
    told: str = ""
    changed: list[tuple[int, Mapping[str, Any]]] = field(default_factory=list)
    ties: list[Tie] = field(default_factory=list)
    absences: list[tuple[str, str, str]] = field(default_factory=list)
    images: list[changes.Change] = field(default_factory=list)
    conflicts: list[conflicts.NewConflict] = field(default_factory=list)
    in_question: list[tuple[str, str]] = field(default_factory=list)
    dead: list[dead_records.DeadEntry] = field(default_factory=list)
    updated: int = 0
    withdrawn: int = 0
    failed: int = 0
    skipped: int = 0
    warnings: int = 0


async def write_batch(c: Connection, job: ImportJob, entity: Entity, found: NextBatch, *, after: str) -> None:
    """Write the records of a stretch; all that belongs to them is written in the caller's transaction.

    What cannot be applied by our own rules is buried; raises whatever the database says of the rest.
    """
    batch = Batch()
    if found.creates:
        await _bring_in(c, job, entity, batch, after=after, upto=found.upto, expected=found.creates)
    if found.others:
        rows = await staged.to_change(
            c, job.run.integration, job.run.id, entity, after=after, upto=found.upto
        )
        await _decide(c, job, entity, rows, batch)
    await _write(c, job, entity, batch)


async def bury_one(
    c: Connection, job: ImportJob, entity: Entity, found: NextBatch, error: RecordError, *, after: str
) -> None:
    """Bury the one record of a stretch, which nothing else could be done with."""
    batch = Batch()
    row = await staged.one_to_do(c, job.run.id, entity, after=after, upto=found.upto)
    if row.verdict is not Verdict.WITHDRAW:  # that one was not fetched
        batch.failed += row.verdict is not Verdict.DEAD
    _bury(batch, job, entity, row.external_id, row.body, error)
    await _write(c, job, entity, batch)


async def _bring_in(
    c: Connection, job: ImportJob, entity: Entity, batch: Batch, *, after: str, upto: str, expected: int
) -> None:
    named = job.accounts.of(entity) is not None
    given = ""
    if named:
        given = await accounts.name_newcomers(
            c, job.accounts, job.run.integration, job.run.id, entity, after=after, upto=upto
        )
    arrived = await arrivals.bring_in(
        c,
        job.run.integration,
        job.run.id,
        entity,
        after=after,
        upto=upto,
        expected=expected,
        now_ms=job.now_ms(),
        named=named,
    )
    batch.created, batch.told, batch.warnings = arrived.created, arrived.told + given, arrived.warnings
    for one in arrived.stayed:
        if one.internal_id is not None:
            batch.skipped += 1
            batch.warnings += 1
            continue
        lost = arrivals.missing_reference(entity)
        error = RecordError(_lost_sentence(entity, lost), field=lost, code="unknown_reference")
        _bury(batch, job, entity, one.external_id, one.body, error)
        batch.failed += 1


async def _decide(c: Connection, job: ImportJob, entity: Entity, rows: list[Planned], batch: Batch) -> None:
    wanted = [_wanted_fields(entity, row) for row in rows]
    ids = await records.ids_of_referred(c, job.run.integration, entity, wanted)
    local = await records.load(c, entity, [row.internal_id for row in rows if row.internal_id is not None])
    for row, fields in zip(rows, wanted, strict=True):
        try:
            _change(batch, job, entity, row, fields, ids, local)
        except RecordError as error:
            _bury(batch, job, entity, row.external_id, row.body, error)
            if row.verdict is not Verdict.DEAD:  # those were counted when the plan was made
                batch.failed += 1


def _wanted_fields(entity: Entity, row: Planned) -> dict[str, Any]:
    """The fields that change, with what they are to become."""
    told = json.loads(row.changes or "{}")
    names = {rule.name for rule in FIELDS[entity]} - set(told.get(ASK, ()))
    return {name: versions[1] for name, versions in told.items() if name in names}


def _change(
    batch: Batch,
    job: ImportJob,
    entity: Entity,
    row: Planned,
    fields: dict[str, Any],
    ids: Ids,
    local: Mapping[int, RosterRow],
) -> None:
    if row.verdict is Verdict.DEAD:
        raise _dead(entity, json.loads(row.changes or "{}"))
    ours = local.get(row.internal_id) if row.internal_id is not None else None
    if ours is None or row.now_fingerprint != row.seen_fingerprint or ours.version != row.seen_version:
        batch.skipped += row.verdict is not Verdict.WITHDRAW  # that one was not fetched
        batch.warnings += 1
        return
    told = json.loads(row.changes or "{}")
    if why := told.pop(IDENTITY, ""):
        asked = _conflict(job, entity, row, ours, {name: told[name] for name in told[ASK]})
        batch.conflicts.append(replace(asked, kind=ConflictKind.IDENTITY, why=why))
        batch.in_question.append((row.external_id, SOMEBODY_ELSE))
        return
    lost = {**told.pop(LEFT_OUT, {}), **_to_internal(entity, fields, ids)}
    rules, ask = told.pop(RULES, None), told.pop(ASK, ())
    if fields:
        batch.changed.append((ours.internal_id, {**ours.fields, **fields}))
        kind = "withdrawn" if _leaves(fields, ours) else "updated"
        batch.withdrawn += kind == "withdrawn"
        before = {name: told[name][0] for name in fields}
        after = {name: told[name][1] for name in fields}
        image = changes.Change(
            entity,
            row.external_id,
            ours.internal_id,
            kind,
            _text(before),
            _text(after),
            rules=_text(rules) if rules else None,
        )
        batch.images.append(image)
    if row.verdict is Verdict.WITHDRAW:
        batch.absences.append((row.external_id, row.fingerprint, row.body))
    elif ask:
        now = replace(ours, version=ours.version + bool(fields))
        batch.conflicts.append(_conflict(job, entity, row, now, {name: told[name] for name in ask}))
        batch.ties.append(
            _tie_in_dispute(entity, row, ours.internal_id, {name: told[name][2] for name in ask}, lost)
        )
    else:
        batch.updated += 1
        batch.ties.append(_tie(batch, entity, row, ours.internal_id, lost))


def _leaves(fields: Mapping[str, Any], ours: RosterRow) -> bool:
    return fields.get("status") == INACTIVE and ours.fields["status"] == ACTIVE


def _tie_in_dispute(
    entity: Entity,
    row: Planned,
    internal_id: int,
    disputed: Mapping[str, Any],
    lost: Mapping[str, list[str]],
) -> Tie:
    """All but the disputed fields are agreed on; those keep their base, so every run asks until they are decided."""
    base = {**json.loads(row.body), **lost, **disputed}
    return Tie(row.external_id, internal_id, SyncStatus.PENDING, IN_DISPUTE, "", body_of(entity, base))


def _tie(batch: Batch, entity: Entity, row: Planned, internal_id: int, lost: Mapping[str, list[str]]) -> Tie:
    """Tie the record to its new base; what had to be left out keeps it pending, to be looked at again.

    ``lost`` tells for each field that could not be applied whole what could be.
    """
    if not lost:
        return Tie(row.external_id, internal_id, SyncStatus.SYNCED, "", row.fingerprint, row.body)
    batch.warnings += 1
    fields = json.loads(row.body)
    kept = {name: lost.get(name, value) for name, value in fields.items()}
    message = f"left out for now, the {entity} refers to what is not here: {', '.join(lost)}"
    return Tie(row.external_id, internal_id, SyncStatus.PENDING, message, "", body_of(entity, kept))


def _to_internal(entity: Entity, fields: dict[str, Any], ids: Ids) -> dict[str, list[str]]:
    """Put internal ids for references, in place; optional ones that lead nowhere, with what is left of each.

    Raises ``RecordError`` when a required reference leads nowhere.
    """
    lost: dict[str, list[str]] = {}
    for rule in FIELDS[entity]:
        value = fields.get(rule.name)
        if rule.refers_to is None or not value:
            continue
        known = ids[rule.refers_to]
        if rule.many:
            fields[rule.name] = tuple(known[one] for one in value if one in known)
            if len(fields[rule.name]) < len(value):
                lost[rule.name] = [one for one in value if one in known]
        elif value in known:
            fields[rule.name] = known[value]
        elif rule.required:
            raise RecordError(_lost_sentence(entity, rule.name), field=rule.name, code="unknown_reference")
        else:
            del fields[rule.name]
            lost[rule.name] = []
    return lost


def _dead(entity: Entity, told: Mapping[str, Any]) -> RecordError:
    """Why the plan buries a record."""
    if name := told.get(IN_QUESTION, ""):
        return RecordError(
            f"This {entity} refers to a {name} whose id came back as somebody else. Decide who it is "
            f"('siscon conflicts list'); the {entity} is tried again in every run.",
            field=name,
            code="identity_in_question",
        )
    lost = told.get("lost", "")
    return RecordError(_lost_sentence(entity, lost), field=lost, code="unknown_reference")


def _lost_sentence(entity: Entity, name: str) -> str:
    return (
        f"This {entity} refers to a {name} that the SIS has not sent. It is tried again in every run; "
        f"if it stays, ask the SIS's keeper to mend or remove it."
    )


def _conflict(
    job: ImportJob, entity: Entity, row: Planned, ours: RosterRow, told: Mapping[str, Any]
) -> conflicts.NewConflict:
    return conflicts.NewConflict(
        integration=job.run.integration,
        entity=entity,
        external_id=row.external_id,
        internal_id=ours.internal_id,
        run_id=job.run.id,
        base={name: triple[2] for name, triple in told.items()},
        sis={name: triple[1] for name, triple in told.items()},
        local={name: triple[0] for name, triple in told.items()},
        sis_fingerprint=row.fingerprint,
        local_version=ours.version,
        sis_modified_at=row.modified_at,
        local_edited_at_ms=ours.edited_at_ms,
    )


def _bury(
    batch: Batch, job: ImportJob, entity: Entity, external_id: str, body: str, error: RecordError
) -> None:
    place = dead_records.place_of(job.run.integration, entity, external_id)
    batch.dead.append(
        dead_records.DeadEntry(
            integration=job.run.integration,
            entity=entity,
            record_key=external_id,
            external_id=external_id,
            run_id=job.run.id,
            code=error.code,
            category=error.category.value,
            severity=error.severity.value,
            field=error.field,
            reason=error.sentence,
            raw=job.vault.seal(body, place=place),
            digest=fingerprint_of(body),
            form="fields",
        )
    )


async def _write(c: Connection, job: ImportJob, entity: Entity, batch: Batch) -> None:
    run, now_ms = job.run, job.now_ms()
    if batch.changed:
        await records.update(c, entity, batch.changed, now_ms=now_ms)
    await mappings.tie(c, run.integration, entity, batch.ties, now_ms=now_ms)
    await mappings.mark(c, run.integration, entity, batch.in_question, status=SyncStatus.PENDING)
    await absences.withdraw(c, run.integration, entity, batch.absences, now_ms=now_ms)
    if batch.conflicts:
        await conflicts.open_many(c, batch.conflicts, now_ms=now_ms)
    if batch.dead:
        await dead_records.bury(c, batch.dead, now_ms=now_ms)
        marks = [(one.record_key, one.reason) for one in batch.dead]
        await mappings.mark(c, run.integration, entity, marks, status=SyncStatus.ERROR)
    if batch.created or batch.images:
        await _seal(c, job, entity, batch)
    await run_counts.add(
        c,
        run.id,
        entity,
        created=batch.created,
        updated=batch.updated,
        conflict=len(batch.conflicts),
        withdrawn=batch.withdrawn,
        failed=batch.failed,
        skipped=batch.skipped,
        warnings=batch.warnings,
    )


async def _seal(c: Connection, job: ImportJob, entity: Entity, batch: Batch) -> None:
    """Chain the batch into the audit, with a digest of every change in it."""
    run, now_ms = job.run, job.now_ms()
    told = batch.told + await changes.add(
        c, batch.images, integration=run.integration, run_id=run.id, at_ms=now_ms
    )
    await audit.append(
        c,
        job.vault,
        actor=f"run:{run.id}",
        action="apply",
        target=f"{run.integration}/{entity}",
        detail={
            "created": batch.created,
            "updated": len(batch.changed),
            "digest": hashlib.sha256(told.encode()).hexdigest(),
        },
        at_ms=now_ms,
    )


def _text(fields: Mapping[str, Any]) -> str:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
