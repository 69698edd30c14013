"""Pages from the SIS into the staging table: one page, one transaction, with the position to resume from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Set
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime

from siscon.domain.errors import Category, ProviderError, Severity
from siscon.domain.events import EventKind, Level
from siscon.domain.plans import Verdict
from siscon.domain.records import FIELDS, Entity, Part, Record, fingerprint_of, from_fields, to_body
from siscon.domain.runs import Phase, RunKind
from siscon.engine.backfill import cursor_of, within
from siscon.engine.bounded import pages_of
from siscon.engine.job import ImportJob
from siscon.engine.mended import digest_of, in_place, key_of, said_by
from siscon.providers.contract import Page, Rejected
from siscon.store import cursors, dead_records, events, paces, parts, run_counts, runs, staged
from siscon.store.database import Connection

NO_BODY = "{}"
Said = Set[tuple[str, str]]
"""Keys of rejected rows, each with the digest of what the SIS said."""
AHEAD_MS = 5 * 60_000
"""A watermark may be so far ahead of our clock."""


async def fetch_entity(job: ImportJob, entity: Entity) -> None:
    """Fetch what is left of one entity; a page that is committed is never asked for again."""
    async with job.db.read() as c:
        cursor = await cursors.get(c, job.run.integration, entity)
    if cursor.complete:
        return
    since = cursor_of(job, entity, cursor.watermark) if job.incremental else None
    next_watermark, complete = cursor.next_watermark, False
    walk = pages_of(job, entity, cursor=since, resume=cursor.resume)
    async with aclosing(walk) as pages:
        async for whole in pages:
            page = within(job, whole)
            next_watermark = next_watermark or _believable(job, page.cursor)
            await _commit(job, entity, page, next_watermark)
            complete = page.resume is None
    if not complete:
        raise ProviderError(
            f"The {entity} list broke off without a last page: nothing of it is applied. This is a fault of the "
            "provider; report it to whoever wrote it.",
            code="no_last_page",
        )


def _believable(job: ImportJob, mark: str | None) -> str | None:
    """A watermark, unless it is a moment of the future: the next run would ask for nothing that changed till then.

    Marks that are no moments are the provider's own business.
    """
    try:
        moment = datetime.fromisoformat(mark or "")
    except ValueError:
        return mark
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return mark if aware.timestamp() * 1000 <= job.now_ms() + AHEAD_MS else None


async def _commit(job: ImportJob, entity: Entity, page: Page, next_watermark: str | None) -> None:
    """One page in one transaction. A row whose id cannot be read may be anybody's: then nobody is missing."""
    partial = page.partial or any(one.external_id is None for one in page.rejected)
    async with job.db.transaction(job.lease) as c:
        await stage(c, job, entity, page)
        await cursors.save_resume(
            c,
            job.run.integration,
            entity,
            resume=page.resume,
            next_watermark=next_watermark,
            complete=page.resume is None,
            partial=partial,
        )


async def stage(c: Connection, job: ImportJob, entity: Entity, page: Page) -> None:
    """Keep what a page brought, bury what makes no sense, and count."""
    run = job.run
    page = await in_place(c, job, entity, page)
    given_up = await _given_up(c, job, entity, page)
    rows = _checked_rows(job, entity, page, given_up)
    dead = [_dead_entry(job, entity, one) for one in page.rejected if said_by(one) not in given_up]
    pieces = [one for one in page.rejected if _is_piece(one)]
    n_requests = job.meter.take()
    await staged.put(c, run.id, entity, rows)
    if page.absent_fields:
        await parts.keep(c, run.integration, run.id, entity, page.absent_fields)
    known = [(one.external_id or "", one.fields) for one in pieces if one.fields]
    await parts.keep_of(c, run.integration, run.id, entity, known)
    if dead:
        await dead_records.bury(c, dead, now_ms=job.now_ms())
    mains = sum(1 for row in rows if row[1] == "")
    await run_counts.add(
        c,
        run.id,
        entity,
        fetched=mains,
        pages=int(bool(rows)),
        requests=n_requests,
        warnings=int(page.partial) + sum(said_by(one) not in given_up for one in pieces),
    )
    await runs.add_requests(c, run.id, n_requests)
    failed, throttled = job.meter.take_trouble()
    told = {"requests": n_requests, "failed": failed, "throttled": throttled, "records": mains}
    await paces.add(c, run.id, now_ms=job.now_ms(), **told)
    await run_counts.note(c, run.id, entity, phase=Phase.FETCH, total=page.total)
    if page.note:
        await _note(c, job, entity, page.note)


def _is_piece(one: Rejected) -> bool:
    """Whether it is a part of a record that is known, which goes through without it."""
    return bool(one.part and one.external_id)


async def _given_up(c: Connection, job: ImportJob, entity: Entity, page: Page) -> Said:
    """What makes no sense and was given up just so; a person's retry tries those, too."""
    if not page.rejected or job.run.kind is not RunKind.IMPORT:
        return set()
    said = {said_by(one) for one in page.rejected}
    return await dead_records.given_up(c, job.run.integration, entity, said, tries=job.dead_after)


def _checked_rows(
    job: ImportJob, entity: Entity, page: Page, given_up: Said
) -> list[tuple[str, str, str, str, str | None, str]]:
    try:
        rows = list(_rows(page, job.policy(entity).ours, given_up))
        "".join(text for row in rows for text in (*row[:3], row[5])).encode()
    except UnicodeEncodeError:
        raise ProviderError(
            f"The {entity} list of {job.run.integration} holds half a character (a lone surrogate): nothing of it is "
            "applied. This is a fault of the provider; report it to whoever wrote it.",
            code="bad_provider",
        ) from None
    return rows


def _rows(
    page: Page, ours: frozenset[str], given_up: Said
) -> Iterator[tuple[str, str, str, str, str | None, str]]:
    """What is staged of a page; fields that are ours alone are not even looked at."""
    modified = page.modified
    for told in page.records:
        record = _without(told, ours) if ours else told
        if isinstance(record, Part):
            yield (
                record.external_id,
                record.part_id,
                json.dumps(dict(record.fields), ensure_ascii=False),
                "",
                None,
                modified.get(record.external_id, ""),
            )
        else:
            body = to_body(record)
            external_id = record.external_id
            yield external_id, "", body, fingerprint_of(body), None, modified.get(external_id, "")
    for one in page.rejected:
        if not _is_piece(one):
            verdict = Verdict.SKIP if said_by(one) in given_up else Verdict.DEAD
            yield key_of(one), "", NO_BODY, "", verdict.value, ""


def _without(record: Record | Part, names: frozenset[str]) -> Record | Part:
    if isinstance(record, Part):
        return replace(record, fields={name: one for name, one in record.fields.items() if name not in names})
    return from_fields(
        record.entity,
        record.external_id,
        {rule.name: getattr(record, rule.name) for rule in FIELDS[record.entity] if rule.name not in names},
    )


def _dead_entry(job: ImportJob, entity: Entity, one: Rejected) -> dead_records.DeadEntry:
    key = key_of(one)
    return dead_records.DeadEntry(
        integration=job.run.integration,
        entity=entity,
        record_key=key,
        external_id=one.external_id,
        run_id=job.run.id,
        code=one.code,
        category=Category.VALIDATION.value,
        severity=Severity.LOW.value,
        field=one.field,
        reason=one.sentence,
        raw=job.vault.seal(one.raw, place=dead_records.place_of(job.run.integration, entity, key)),
        digest=digest_of(one.raw),
        form="wire",
        part=one.part if one.external_id else "",
    )


async def _note(c: Connection, job: ImportJob, entity: Entity, note: str) -> None:
    await events.append(
        c,
        EventKind.PAGE_NOTE,
        Level.WARNING,
        f"{entity}: {note}",
        integration=job.run.integration,
        run_id=job.run.id,
        at_ms=job.now_ms(),
    )
