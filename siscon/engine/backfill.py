"""Reading again what changed within a window of time: an import that begins earlier than the last one ended."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from siscon.domain.commands import Backfill
from siscon.domain.errors import ProviderError, UsageError
from siscon.domain.records import Entity
from siscon.domain.runs import Lane, RunKind
from siscon.domain.text import plain, utc_words
from siscon.engine.answers import Answer, Circumstances, checked_reason, known_integration, queue
from siscon.engine.job import ImportJob
from siscon.engine.moments import iso_ms
from siscon.engine.told import Told
from siscon.providers.contract import Page
from siscon.store.database import Connection


async def backfill(c: Connection, command: Backfill, here: Circumstances) -> Answer:
    """Queue an import of what changed since a moment, and until another if one is told."""
    name, reason = (await known_integration(c, command.integration)).name, checked_reason(command.reason)
    known = {entity.value for entity in Entity}
    if strange := [plain(one) for one in command.entities if one not in known]:
        raise UsageError(f"'{strange[0]}' is no kind of record; there are {', '.join(known)}.")
    since_ms, until_ms = command.since_ms, command.until_ms
    command.check_window(now_ms=here.now_ms)
    until = f" until {utc_words(until_ms)}" if until_ms is not None else ""
    window = f"what changed since {utc_words(since_ms)}{until}"
    run_id = await queue(
        c,
        here,
        integration=name,
        kind=RunKind.IMPORT,
        lane=Lane.BULK,
        entities=tuple(entity for entity in Entity if entity.value in command.entities),
        request={"since_ms": since_ms, "until_ms": until_ms},
        doing=f"of {name} reads again {window}, as {plain(here.actor)} asked: {plain(reason)}",
        reason=reason,
    )
    return Answer(f"Run {run_id} of {name} reads again {window}.", f"run {run_id}", run_id)


def is_backfill(job: ImportJob) -> bool:
    """Whether a run reads a window of time."""
    return "since_ms" in job.run.request


def cursor_of(job: ImportJob, entity: Entity, watermark: str | None) -> str | None:
    """From where an import of changes reads: the watermark, or the beginning of its window.

    Raises ``ProviderError`` where the provider cannot ask by date.
    """
    if not is_backfill(job):
        return watermark
    moment = datetime.fromtimestamp(int(job.run.request["since_ms"]) / 1000, UTC)
    with Told(job, entity).faults():
        cursor = type(job.provider).cursor_at(job.provider.settings, moment)
    if not isinstance(cursor, str) or not cursor:
        raise ProviderError(
            f"{job.run.integration} cannot be asked for what changed since a moment: name the records "
            f"('siscon backfill {job.run.integration} --entity E --id ID'), or compare everything "
            f"('siscon sync {job.run.integration} --full').",
            code="not_by_date",
        )
    return cursor


def within(job: ImportJob, page: Page) -> Page:
    """A page without what changed after the window, as far as the SIS says when.

    A window moves no watermark: what lies between the last watermark and its beginning was not read.
    """
    if not is_backfill(job):
        return page
    until_ms = job.run.request.get("until_ms")
    if until_ms is None:
        return replace(page, cursor=None)
    later = {id_ for id_, told in page.modified.items() if (iso_ms(told) or 0) > int(until_ms)}
    records = [one for one in page.records if one.external_id not in later]
    return replace(page, records=records, total=None, cursor=None)
