"""A provider's pages, held to the contract: whatever a provider does, it harms its own run and nothing else.

What it cannot prevent is code that never gives the loop back: a provider runs inside the engine.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import traceback
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path
from typing import Any

from siscon.domain.errors import ProviderError, Signal, SisconError
from siscon.domain.records import FIELDS, RECORDS, STATUSES, Entity, Part
from siscon.domain.text import plain
from siscon.engine.job import ImportJob
from siscon.providers.contract import FileProvider, Page, Provider, Rejected

log = logging.getLogger(__name__)

STALL_S = 300.0
"""So long a provider may do nothing: no page, and nothing under way to the SIS."""
FILES_STALL_S = 1800.0
"""So long one that reads files may work on what has come: unpacking and sorting a delivery is not seen from here."""
LOOKS = 20
"""How often in that time it is looked at; work that swallows its end is told again as often."""
CLOSE_WITHIN_S = 5.0
POSITION_BYTES = 64 * 1024
TOTAL_MOST = 10**12
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
                page = _checked(told, page)
                walk.goes_on(page)
            yield page
    finally:
        await _close(pages, told)


async def page_of(job: ImportJob, entity: Entity, external_id: str) -> Page | None:
    """The one record of an id, checked like a page of a list; None where the provider cannot ask for it."""
    told = _Told(job, entity)
    page = await _asked(job, told, lambda: job.provider.one(entity, external_id))
    if page is None:
        return None
    named = {one.external_id for one in (*page.records, *page.rejected)} - {None}
    if named - {external_id}:
        raise told.broken("gave another record than was asked for")
    return page


def row_of(job: ImportJob, entity: Entity, raw: str) -> Page | None:
    """What a mended row comes to, checked like a page of a list; None where the provider cannot read it."""
    told = _Told(job, entity)
    with told.faults():
        page = job.provider.read(entity, raw)
    return None if page is None else _checked(told, page)


async def related_of(job: ImportJob, entity: Entity, of: Entity, field: str, external_id: str) -> Page | None:
    """The records whose ``field`` leads to one record, checked like a page; None where the provider cannot ask so."""
    told = _Told(job, entity)
    page = await _asked(job, told, lambda: job.provider.related(entity, of, external_id))
    if page is None:
        return None
    if any(getattr(one, field, None) != external_id for one in page.records):
        raise told.broken("gave records that belong to another than was asked for")
    return page


async def _asked(job: ImportJob, told: _Told, question: Callable[[], Awaitable[Any]]) -> Page | None:
    """What a provider gives as a single page; a list in one answer has no page after it."""
    async with _no_stall(job.meter.quiet_s, told, STALL_S):
        with told.faults():
            given = await question()
    if given is None:
        return None
    with told.faults():
        page = _checked(told, given)
    if page.resume is not None:
        raise told.broken("gave a page with others after it where one was asked for")
    return page


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
        self._provider = job.provider
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
            raise self.broken(f"raised {named}{line_of(fault, self._provider)}") from None


def line_of(fault: BaseException, provider: Provider) -> str:
    """`` in line 39 of quill.py``: where a fault left the file of a provider; empty if it never was there."""
    file = getattr(sys.modules.get(type(provider).__module__), "__file__", None)
    lines = [
        line for frame, line in traceback.walk_tb(fault.__traceback__) if frame.f_code.co_filename == file
    ]
    return f" in line {lines[-1]} of {plain(Path(str(file)).name, limit=60)}" if lines else ""


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


def _checked(told: _Told, given: Any) -> Page:
    if not isinstance(given, Page):
        raise told.broken(f"gave {_kind(given)} in place of a page")
    _check_fields(told, given, PAGE_FIELDS)
    page = _settled(given)
    texts = {name for name, many in _MANY[told.entity].items() if not many} if told.entity else set()
    if any(type(name) is not str or name not in texts for name in page.absent_fields):
        raise told.broken("named an absent field that the record does not have, or that is no text")
    _check_records(told, page)
    for one in page.rejected:
        if not isinstance(one, Rejected):
            raise told.broken(f"gave {_kind(one)} in place of a rejected record")
        _check_fields(told, one, REJECTED_FIELDS)
    return page


def _check_fields(told: _Told, thing: Page | Rejected, rules: Mapping[str, _Rule]) -> None:
    for name, rule in rules.items():
        value = getattr(thing, name)
        if not rule.fits(value):
            raise told.broken(f"gave {_kind(value)} as {name} that is not {rule.what}")


def _settled(page: Page) -> Page:
    """The page with its lists at rest: what makes its items as it is read could give others the next time."""
    if all(type(one) in (list, tuple) for one in (page.records, page.rejected, page.absent_fields)):
        return page
    return replace(
        page,
        records=tuple(page.records),
        rejected=tuple(page.rejected),
        absent_fields=tuple(page.absent_fields),
    )


def _check_records(told: _Told, page: Page) -> None:
    assert told.entity is not None
    kind, is_fit = RECORDS[told.entity], _FITS[told.entity]
    for record in page.records:
        if type(record) is not kind:
            _check_part(told, told.entity, record)
        elif not _is_id(record.external_id) or not is_fit(record):
            raise told.broken("gave a record whose id or fields are not text, or whose status is none")


def _check_part(told: _Told, entity: Entity, record: Any) -> None:
    if not isinstance(record, Part):
        raise told.broken(f"gave {_kind(record)} in a list of {entity} records")
    if record.entity != entity:
        raise told.broken(f"gave a part of another kind of record ({plain(str(record.entity), limit=20)})")
    if not (_is_id(record.external_id) and _is_id(record.part_id) and isinstance(record.fields, Mapping)):
        raise told.broken("gave a part whose ids are not text")
    many = _MANY[entity]
    for name, value in record.fields.items():
        is_fit = name in many and _fits(value, many=many[name])
        if not is_fit or (name == "status" and value not in STATUSES):
            raise told.broken("gave a part with a field that the record does not have, or that is not text")


def _is_text(value: Any) -> bool:
    """Whether a database can keep it: no half characters. A subclass of text might be something else each time."""
    try:
        return type(value) is str and value.encode() is not None
    except UnicodeEncodeError:
        return False


def _is_position(value: Any) -> bool:
    return value is None or (_is_text(value) and len(value.encode()) <= POSITION_BYTES)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray | memoryview)


def _is_total(value: Any) -> bool:
    return value is None or (type(value) is int and 0 <= value <= TOTAL_MOST)


def _are_texts(value: object) -> bool:
    return type(value) is dict and all(_is_text(text) for pair in value.items() for text in pair)


@dataclass(frozen=True, slots=True)
class _Rule:
    """What a field must be, as a test and in words."""

    fits: Callable[[Any], bool]
    what: str


_LIST = _Rule(_is_list, "a list")
_TEXT = _Rule(_is_text, "text that can be kept")
_TEXT_OR_NONE = _Rule(lambda value: value is None or _is_text(value), "text that can be kept, or None")
_POSITION = _Rule(_is_position, f"text of at most {POSITION_BYTES // 1024} KiB, or None")

PAGE_FIELDS: Mapping[str, _Rule] = {
    "records": _LIST,
    "resume": _POSITION,
    "rejected": _LIST,
    "total": _Rule(_is_total, "a number of records, or None"),
    "cursor": _POSITION,
    "note": _TEXT,
    "partial": _Rule(lambda value: type(value) is bool, "True or False"),
    "absent_fields": _LIST,
    "modified": _Rule(_are_texts, "a dict of texts by external id"),
}
REJECTED_FIELDS: Mapping[str, _Rule] = {
    "external_id": _TEXT_OR_NONE,
    "code": _TEXT,
    "sentence": _TEXT,
    "field": _TEXT_OR_NONE,
    "raw": _TEXT,
}


def _is_id(value: Any) -> bool:
    return type(value) is str and bool(value)


def _fits(value: Any, *, many: bool) -> bool:
    if many:
        return isinstance(value, tuple | list) and all(type(one) is str for one in value)
    return value is None or type(value) is str


_TEXT_KINDS = frozenset({str, type(None)})
_MANY: Mapping[Entity, Mapping[str, bool]] = {
    entity: {rule.name: rule.many for rule in rules} for entity, rules in FIELDS.items()
}


def _fit_of(entity: Entity) -> Callable[[Any], bool]:
    texts_of = attrgetter("status", *(name for name, many in _MANY[entity].items() if not many))
    lists = [name for name, many in _MANY[entity].items() if many]
    return lambda record: (
        _TEXT_KINDS.issuperset(map(type, texts_of(record)))
        and all(_fits(getattr(record, name), many=True) for name in lists)
        and record.status in STATUSES
    )


_FITS: Mapping[Entity, Callable[[Any], bool]] = {entity: _fit_of(entity) for entity in Entity}


def _kind(value: Any) -> str:
    return plain(f"{type(value).__name__}", limit=60)
