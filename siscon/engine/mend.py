"""A record in error, mended by a person: other values in what the SIS had said, read again, and remembered."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from siscon.domain.dead_records import DeadRecord
from siscon.domain.errors import ProviderError, UsageError
from siscon.domain.records import Entity, Part, Record, from_fields
from siscon.domain.text import plain
from siscon.engine.bounded import row_of
from siscon.engine.fetch import stage
from siscon.engine.job import ImportJob
from siscon.engine.mended import text_of
from siscon.engine.roster_edits import checked_value
from siscon.providers.contract import Page
from siscon.store import dead_records, mends
from siscon.store.dead_records import Raw


async def stage_mended(job: ImportJob, entity: Entity) -> None:
    """Put the mended record of a run among what it has fetched, and remember what stands in the place of what.

    Nothing is asked of the SIS. Done already, it does nothing. Raises ``ProviderError`` where the record still makes
    no sense.
    """
    asked = job.run.request
    async with job.db.read() as c:
        [dead] = await dead_records.by_ids(c, [asked["mend"]])
        raw = await dead_records.raw(c, dead.id)
    if dead.status != "open" or raw is None:
        return
    record = read_again(job, entity, dead, raw, asked["fields"])
    place = mends.place_of(dead.integration, entity, dead.record_key)
    sealed = job.vault.seal(text_of(record), place=place)
    async with job.db.transaction(job.lease) as c:
        by, why, now_ms = job.run.requested_by, job.run.reason, job.now_ms()
        if await mends.keep(c, dead.id, sealed, actor=by, reason=why, now_ms=now_ms):
            await stage(c, job, entity, Page([record], None))


def read_again(
    job: ImportJob, entity: Entity, dead: DeadRecord, raw: Raw, fields: Mapping[str, str | None]
) -> Record:
    """The record with the values of a person in it; raises ``ProviderError`` with a sentence where it is none."""
    told = job.vault.open(raw.sealed, place=raw.place)
    if raw.form == "fields":
        return _from_fields(entity, dead.record_key, json.loads(told), fields)
    try:
        edited = with_values(told, fields)
    except UsageError as error:
        raise ProviderError(error.sentence, code="still_in_error") from error
    page = row_of(job, entity, edited)
    if page is None:
        raise ProviderError(
            f"The provider of {dead.integration} cannot read single rows again: mend this {entity} in the SIS.",
            code="still_in_error",
        )
    for one in page.rejected:
        raise ProviderError(f"It still makes no sense: {plain(one.sentence)}", code="still_in_error")
    found = [one for one in page.records if not isinstance(one, Part)]
    if len(found) != 1 or (dead.external_id and found[0].external_id != dead.external_id):
        raise ProviderError(
            f"With these values the row is not the {entity} any more that it was: its id stays as it is.",
            code="still_in_error",
        )
    return found[0]


def _from_fields(
    entity: Entity, external_id: str, body: dict[str, Any], fields: Mapping[str, str | None]
) -> Record:
    try:
        values = {name: checked_value(entity, name, value) for name, value in fields.items()}
    except UsageError as error:
        raise ProviderError(error.sentence, code="still_in_error") from error
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
    if isinstance(inner, list) and step.isdigit() and int(step) < len(inner):
        return inner[int(step)]
    raise _nowhere(place)


def _nowhere(place: str) -> UsageError:
    return UsageError(
        f"The row has no place '{plain(place, limit=80)}': 'siscon errors show' lists the places it has."
    )
