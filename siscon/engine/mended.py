"""What a person has mended stands in the place of what the SIS says, as long as the SIS says the same."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

from siscon.domain.records import Entity, Part, Record, fingerprint_of, from_fields, to_body
from siscon.engine.job import ImportJob
from siscon.providers.contract import Page, Rejected
from siscon.store import mends, parts
from siscon.store.database import Connection


def key_of(one: Rejected) -> str:
    """By what a rejected row is known: its id, with the part that it is, or a digest where no id could be read."""
    if one.external_id is None:
        return "#" + digest_of(one.raw)
    return f"{one.external_id}#{one.part}" if one.part else one.external_id


def said_by(one: Rejected) -> tuple[str, str]:
    """The key of a rejected row, and what tells that which the SIS says now from anything else."""
    return key_of(one), digest_of(one.raw)


def digest_of(raw: str) -> str:
    """What tells one raw answer from another."""
    return hashlib.blake2b(raw.encode(), digest_size=12).hexdigest()


def text_of(record: Record | Part) -> str:
    """A mended record, or part of one, as it is sealed."""
    if isinstance(record, Part):
        fields = json.dumps(dict(record.fields), ensure_ascii=False)
        return json.dumps([record.external_id, fields, record.part_id], ensure_ascii=False)
    return json.dumps([record.external_id, to_body(record), ""], ensure_ascii=False)


async def in_place(c: Connection, job: ImportJob, entity: Entity, page: Page) -> Page:
    """The page with the mended records in the place of rows that the SIS still sends as they were."""
    if not page.rejected:
        return page
    integration = job.run.integration
    found = await mends.of_rows(c, integration, entity, {said_by(one) for one in page.rejected})
    if not found:
        return page
    records = [_opened(job, entity, key, sealed) for (key, _), sealed in found.items()]
    rejected = [one for one in page.rejected if said_by(one) not in found]
    return replace(page, records=[*page.records, *records], rejected=rejected)


async def lay_over(c: Connection, job: ImportJob, entity: Entity, after: str, upto: str) -> None:
    """Give staged records of a stretch that were mended after they had been read the fields that a person gave."""
    run_id = job.run.id
    found = await mends.of_staged(c, job.run.integration, run_id, entity, after=after, upto=upto)
    bodies = []
    for external_id, sealed in found.items():
        record = _opened(job, entity, external_id, sealed)
        if not isinstance(record, Part):
            body = to_body(record)
            bodies.append((external_id, body, fingerprint_of(body)))
    await parts.give_bodies(c, run_id, entity, bodies)


def _opened(job: ImportJob, entity: Entity, key: str, sealed: bytes) -> Record | Part:
    place = mends.place_of(job.run.integration, entity, key)
    external_id, body, part_id = json.loads(job.vault.open(sealed, place=place))
    fields = json.loads(body)
    if part_id:
        told = {name: tuple(one) if isinstance(one, list) else one for name, one in fields.items()}
        return Part(entity, external_id, part_id, told)
    return from_fields(entity, external_id, fields)
