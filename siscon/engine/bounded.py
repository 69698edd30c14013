"""A provider's pages, held to the contract: whatever a provider does, it harms its own run and nothing else.

What it cannot prevent is code that never gives the loop back: a provider runs inside the engine.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from siscon.domain.errors import ProviderError, Signal, SisconError
from siscon.domain.records import FIELDS, RECORDS, Entity, Part
from siscon.domain.text import plain
from siscon.engine.job import ImportJob
from siscon.providers.contract import FileProvider, Page, Rejected

log = logging.getLogger(__name__)

STALL_S = 300.0
"""So long a provider may do nothing: no page, and nothing under way to the SIS."""
FILES_STALL_S = 3600.0
"""So long one that reads files may be without a page: how its files come is not seen from here."""
LOOKS = 20
"""How often in that time it is looked at; work that swallows its end is told again as often."""
CLOSE_WITHIN_S = 5.0
POSITION_BYTES = 64 * 1024
PAGES_MOST = 100_000
EMPTY_MOST = 500
"""So many pages in a row may bring nothing."""
ROWS_OVER = 10_000
"""So many rows more than twice the announced number are still believed."""


async def pages_of(
    job: ImportJob, entity: Entity, *, cursor: str | None, resume: str | None, stall_s: float | None = None
) -> AsyncGenerator[Page, None]:
    """The pages of one entity, each checked; what breaks the contract is a ``ProviderError`` that names both.

    Errors of ours (``SisconError``) and signals pass as they are.
    """
    if stall_s is None:
        stall_s = FILES_STALL_S if isinstance(job.provider, FileProvider) else STALL_S
    told = _Told(job, entity)
    walk = _Walk(told, resume)
    with told.faults():
        pages = job.provider.pages(entity, cursor=cursor, resume=resume)
        if not (hasattr(pages, "__anext__") and hasattr(pages, "__aiter__")):
            raise told.broken("gave no pages to walk through")
    try:
        while True:
            async with _no_stall(job.meter.quiet_s, told, stall_s):
                with told.faults():
                    page = await anext(pages, None)
            if page is None:
                return
            with told.faults():
                _check(told, page)
                walk.goes_on(page)
            yield page
    finally:
        await _close(pages, told)


async def answer_of(
    job: ImportJob, what: str, question: Callable[[], Awaitable[Any]], *, within_s: float
) -> Any:
    """What a provider answers to one question beside its pages; a fault of it is a ``ProviderError``, too."""
    told = _Told(job, None)
    try:
        async with asyncio.timeout(within_s):
            with told.faults():
                return await question()
    except TimeoutError:
        raise told.broken(f"did not say within {within_s:.0f} s what its {what} is") from None


class _Told:
    """Names provider, integration and entity in whatever goes wrong."""

    def __init__(self, job: ImportJob, entity: Entity | None) -> None:
        self.entity = entity
        kind = plain(getattr(job.provider, "name", "") or type(job.provider).__name__, limit=40)
        of = f", {entity} list," if entity else ""
        self._who = f"The provider {kind} of integration {job.run.integration}{of}"

    def broken(self, what: str, code: str = "bad_provider") -> ProviderError:
        """The error that says so."""
        return ProviderError(
            f"{self._who} {what}. Nothing of it is applied; report it to whoever wrote the provider.",
            code=code,
        )

    @contextmanager
    def faults(self) -> Iterator[None]:
        """Turn everything but our own errors, signals and a true cancellation into an error that names the provider.

        The log gets the place but not the words, which may quote a pupil's data.
        """
        try:
            yield
        except (SisconError, Signal):
            raise
        except BaseException as fault:
            task = asyncio.current_task()
            if isinstance(fault, asyncio.CancelledError) and (task is None or task.cancelling()):
                raise
            named = plain(type(fault).__name__, limit=60)
            place = "".join(traceback.format_tb(fault.__traceback__)[-4:])
            log.error("%s raised %s:\n%s", self._who, named, place)  # noqa: TRY400 - see above
            raise self.broken(f"raised {named}") from None


@asynccontextmanager
async def _no_stall(quiet_s: Callable[[], float], told: _Told, stall_s: float) -> AsyncIterator[None]:
    """End what neither gives a page nor has anything under way for ``stall_s``."""
    loop, task, begun_s = (
        asyncio.get_running_loop(),
        asyncio.current_task(),
        asyncio.get_running_loop().time(),
    )
    assert task is not None
    stalled = 0
    timer: asyncio.TimerHandle

    def look() -> None:
        nonlocal stalled, timer
        if min(quiet_s(), loop.time() - begun_s) >= stall_s:
            stalled += 1
            task.cancel()
        timer = loop.call_later(stall_s / LOOKS, look)

    timer = loop.call_later(stall_s / LOOKS, look)
    try:
        yield
    except (asyncio.CancelledError, SisconError):
        if not stalled:
            raise
        while stalled:
            stalled -= 1
            task.uncancel()
        if task.cancelling():
            raise asyncio.CancelledError from None
        raise told.broken(f"gave nothing for {stall_s:.0f} s and waited for nothing", "stalled") from None
    finally:
        timer.cancel()
        for _ in range(stalled):
            task.uncancel()


async def _close(pages: Any, told: _Told) -> None:
    """End a walk for good; what it still raises harms nobody any more."""
    close = getattr(pages, "aclose", None)
    if close is None:
        return
    try:
        async with asyncio.timeout(CLOSE_WITHIN_S):
            await close()
    except asyncio.CancelledError:
        raise
    except BaseException as fault:  # noqa: BLE001 - of strangers' code nothing may pass
        log.warning("%s", told.broken(f"did not end in order ({type(fault).__name__})").sentence)


class _Walk:
    """Sees that a walk gets on and comes to an end."""

    def __init__(self, told: _Told, resume: str | None) -> None:
        self._told = told
        self._seen = {hash(resume)} if resume is not None else set()
        self._pages = self._rows = self._empty = self._total = 0

    def goes_on(self, page: Page) -> None:
        """Raise ``ProviderError`` where a page shows that the walk leads nowhere."""
        rows = len(page.records) + len(page.rejected)
        self._pages += 1
        self._rows += rows
        self._empty = 0 if rows else self._empty + 1
        self._total = max(self._total, page.total or 0)
        looped = page.resume is not None and hash(page.resume) in self._seen
        too_many = self._total and self._rows > 2 * self._total + ROWS_OVER
        if looped or too_many or self._pages > PAGES_MOST or self._empty > EMPTY_MOST:
            why = "came back to a position where it had been" if looped else "does not come to an end"
            raise self._told.broken(f"{why} (page {self._pages})", "paging_loop")
        if page.resume is not None:
            self._seen.add(hash(page.resume))


def _check(told: _Told, page: Any) -> None:
    if not isinstance(page, Page):
        raise told.broken(f"gave {_kind(page)} in place of a page")
    _check_position(told, "resume", page.resume)
    _check_position(told, "cursor", page.cursor)
    if page.total is not None and (type(page.total) is not int or page.total < 0):
        raise told.broken("gave a total that is no number of records")
    if not isinstance(page.note, str) or not isinstance(page.partial, bool):
        raise told.broken("gave a note or a mark of another type than stated")
    for rows in (page.records, page.rejected, page.absent_fields):
        if not isinstance(rows, Sequence) or isinstance(rows, str | bytes):
            raise told.broken(f"gave {_kind(rows)} in place of a list of records")
    known = _MANY[told.entity] if told.entity else {}
    if any(not isinstance(name, str) or name not in known for name in page.absent_fields):
        raise told.broken("named an absent field that the record does not have")
    _check_records(told, page)
    for one in page.rejected:
        if not isinstance(one, Rejected) or not isinstance(one.external_id, str | None):
            raise told.broken(f"gave {_kind(one)} in place of a rejected record")
        if not all(isinstance(text, str) for text in (one.code, one.sentence, one.raw, one.field or "")):
            raise told.broken("gave a rejected record whose reason is not text")


def _check_records(told: _Told, page: Page) -> None:
    assert told.entity is not None
    kind, is_fit = RECORDS[told.entity], _FITS[told.entity]
    for record in page.records:
        if type(record) is not kind:
            _check_part(told, told.entity, record)
        elif not _is_id(record.external_id) or not is_fit(record):
            raise told.broken("gave a record whose id or fields are not text")


def _check_position(told: _Told, name: str, text: Any) -> None:
    if text is None:
        return
    if not isinstance(text, str):
        raise told.broken(f"gave {_kind(text)} as {name} in place of text")
    if len(text.encode("utf-8", "replace")) > POSITION_BYTES:
        raise told.broken(f"gave a {name} larger than {POSITION_BYTES // 1024} KiB")


def _check_part(told: _Told, entity: Entity, record: Any) -> None:
    if not isinstance(record, Part):
        raise told.broken(f"gave {_kind(record)} in a list of {entity} records")
    if record.entity != entity:
        raise told.broken(f"gave a part of another kind of record ({plain(str(record.entity), limit=20)})")
    if not (_is_id(record.external_id) and _is_id(record.part_id) and isinstance(record.fields, Mapping)):
        raise told.broken("gave a part whose ids are not text")
    many = _MANY[entity]
    for name, value in record.fields.items():
        if name not in many or not _fits(value, many=many[name]):
            raise told.broken("gave a part with a field that the record does not have, or that is not text")


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _fits(value: Any, *, many: bool) -> bool:
    if many:
        return isinstance(value, tuple | list) and all(isinstance(one, str) for one in value)
    return value is None or isinstance(value, str)


_MANY: Mapping[Entity, Mapping[str, bool]] = {
    entity: {rule.name: rule.many for rule in rules} for entity, rules in FIELDS.items()
}


def _fit_of(entity: Entity) -> Callable[[Any], bool]:
    told = tuple(_MANY[entity].items())
    return lambda record: all(_fits(getattr(record, name), many=many) for name, many in told)


_FITS: Mapping[Entity, Callable[[Any], bool]] = {entity: _fit_of(entity) for entity in Entity}


def _kind(value: Any) -> str:
    return plain(f"{type(value).__name__}", limit=60)
