"""A record in error, mended by a person: other values in what the SIS had said, read again, and remembered."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from siscon.domain.dead_records import DeadRecord
from siscon.domain.errors import ProviderError, UsageError
from siscon.domain.records import FIELDS, Entity, Part, Record, from_fields
from siscon.domain.roles import STATUS
from siscon.domain.text import plain
from siscon.engine.bounded import row_of
from siscon.engine.fetch import stage
from siscon.engine.job import ImportJob
from siscon.engine.mended import text_of
from siscon.engine.roster_edits import checked_value
from siscon.providers.contract import Page
from siscon.store import dead_records, mappings, mends, run_counts
from siscon.store.dead_records import Raw


async def stage_mended(job: ImportJob, entity: Entity) -> None:
    """Put the mended record of a run among what it has fetched, and remember what stands in the place of what.

    Nothing is asked of the SIS; of a record that is here, what the row does not tell stays as last agreed on. Done
    already, it does nothing. Raises ``ProviderError`` where the record still makes no sense.
    """
    asked, run = job.run.request, job.run
    async with job.db.read() as c:
        [dead] = await dead_records.by_ids(c, [asked["mend"]])
        raw = await dead_records.raw(c, dead.id)
        if (await run_counts.of_entity(c, run.id, entity)).pages:
            return
    if dead.status != "open" or raw is None or dead.digest != asked["digest"]:
        raise _still("It is not in error any more as it was when this was asked for: look again.")
    told = read_again(job, entity, dead, raw, asked["fields"])
    if not asked.get("may_write_status") and _writes_status(job, entity, dead, raw, asked["fields"], told):
        raise ProviderError(
            f"These values write the status of a {entity}, which takes it out of use or back: only an administrator "
            "may do that by hand.",
            code="not_allowed",
        )
    place = mends.place_of(dead.integration, entity, dead.record_key)
    sealed = job.vault.seal(text_of(told), place=place)
    async with job.db.transaction(job.lease) as c:
        tie = await mappings.find(c, run.integration, entity, told.external_id)
        if dead.external_id is None and (tie or await dead_records.is_open(c, run.integration, told)):
            raise _still("The id that was given belongs to another record: it takes that of nobody.")
        by, why, now_ms = run.requested_by, run.reason, job.now_ms()
        if not await mends.keep(
            c, dead, sealed, external_id=told.external_id, actor=by, reason=why, now_ms=now_ms
        ):
            raise _still("The SIS says something else of it by now: look again.")
        known = json.loads(tie.base) if tie is not None and tie.internal_id is not None else None
        record = _whole(told, known, raw.form)
        await stage(c, job, entity, Page([] if record is None else [record], None))
        await run_counts.add(c, run.id, entity, pages=int(record is None))


def _whole(told: Record | Part, known: dict[str, Any] | None, form: str) -> Record | None:
    """The record as it is to be compared: what a single row does not tell of a known one is as last agreed on."""
    if isinstance(told, Part):
        return None if known is None else from_fields(told.entity, told.external_id, {**known, **told.fields})
    if known is None or form == "fields":
        return told
    fields = {rule.name: getattr(told, rule.name) for rule in FIELDS[told.entity]}
    said = {name: value for name, value in fields.items() if value}
    return from_fields(told.entity, told.external_id, {**known, **said})


def _still(sentence: str) -> ProviderError:
    return ProviderError(sentence, code="still_in_error")


def _writes_status(
    job: ImportJob,
    entity: Entity,
    dead: DeadRecord,
    raw: Raw,
    fields: Mapping[str, str | None],
    told: Record | Part,
) -> bool:
    """Whether the status hangs on these values: read without one of them, it is another, or makes no sense.

    What is not needed is left out for good, so that of two that say the same none hides behind the other.
    """
    if raw.form == "fields":
        return STATUS in fields
    sent = job.vault.open(raw.sealed, place=raw.place)
    left = dict(fields)
    for name in fields:
        rest = {place: value for place, value in left.items() if place != name}
        page = row_of(job, entity, with_values(sent, rest), dead.part)
        if page is None or any(one.field == STATUS for one in page.rejected):
            return True
        if any(_status_of(one) != _status_of(told) for one in page.records):
            return True
        left = left if page.rejected else rest
    return False


def _status_of(told: Record | Part) -> object:
    return told.fields.get(STATUS) if isinstance(told, Part) else told.status


def read_again(
    job: ImportJob, entity: Entity, dead: DeadRecord, raw: Raw, fields: Mapping[str, str | None]
) -> Record | Part:
    """The record, or part, with the values of a person in it; raises ``ProviderError`` where it still is none."""
    told = job.vault.open(raw.sealed, place=raw.place)
    if raw.form == "fields":
        return _from_fields(entity, dead.record_key, json.loads(told), fields)
    try:
        edited = with_values(told, fields)
    except UsageError as error:
        raise _still(error.sentence) from error
    page = row_of(job, entity, edited, dead.part)
    if page is None:
        raise _still(
            f"The provider of {dead.integration} cannot read single rows: mend this {entity} in the SIS."
        )
    for one in page.rejected:
        raise _still(f"It still makes no sense: {plain(one.sentence)}")
    found = [one for one in page.records if isinstance(one, Part) == bool(dead.part)]
    if len(found) != 1 or (dead.external_id and found[0].external_id != dead.external_id):
        raise _still(
            f"With these values the row is not the {entity} any more that it was: its id stays as it is."
        )
    return found[0]


def _from_fields(
    entity: Entity, external_id: str, body: dict[str, Any], fields: Mapping[str, str | None]
) -> Record:
    try:
        values = {name: checked_value(entity, name, value) for name, value in fields.items()}
    except UsageError as error:
        raise _still(error.sentence) from error
    return from_fields(entity, external_id, {**body, **values})


def with_values(raw: str, fields: Mapping[str, str | None]) -> str:
    """A JSON row with other values in it: ``name`` or ``name.inner.0`` says where; None takes a value out.

    Raises ``UsageError`` for a place that the row does not have, unless it is a new name in an object.
    """
    try:
        row = json.loads(raw)
    except ValueError:
        raise UsageError("What the SIS had said is not JSON, so no value of it can be mended here.") from None
    for place, value in fields.items():
        *way, last = place.split(".")
        inner = row
        for step in way:
            inner = _inside(inner, step, place)
        if isinstance(inner, list):
            _inside(inner, last, place)
            inner[int(last)] = value
        elif not isinstance(inner, dict):
            raise _nowhere(place)
        elif value is None:
            inner.pop(last, None)
        else:
            inner[last] = value
    return json.dumps(row, ensure_ascii=False)


def _inside(inner: Any, step: str, place: str) -> Any:
    if isinstance(inner, dict) and step in inner:
        return inner[step]
    if isinstance(inner, list) and step.isdecimal() and int(step) < len(inner):
        return inner[int(step)]
    raise _nowhere(place)


def _nowhere(place: str) -> UsageError:
    return UsageError(
        f"The row has no place '{plain(place, limit=80)}': 'siscon errors show' lists the places it has."
    )
