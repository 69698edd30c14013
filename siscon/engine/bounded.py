"""A provider's pages, held to the contract: whatever a provider does, it harms its own run and nothing else.

What it cannot prevent is code that never gives the loop back: a provider runs inside the engine.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from siscon.domain.errors import SisconError
from siscon.domain.records import Entity
from siscon.engine.job import ImportJob
from siscon.engine.page_checks import checked
from siscon.engine.told import Told
from siscon.providers.contract import FileProvider, Page

log = logging.getLogger(__name__)

STALL_S = 300.0
"""So long a provider may do nothing: no page, and nothing under way to the SIS."""
FILES_STALL_S = 1800.0
"""So long one that reads files may work on what has come: unpacking and sorting a delivery is not seen from here."""
LOOKS = 20
"""How often in that time it is looked at; work that swallows its end is told again as often."""
CLOSE_WITHIN_S = 5.0
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
    told = Told(job, entity)
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
                page = checked(told, page)
                walk.goes_on(page)
            yield page
    finally:
        await _close(pages, told)


async def page_of(job: ImportJob, entity: Entity, external_id: str) -> Page | None:
    """The one record of an id, checked like a page of a list; None where the provider cannot ask for it."""
    told = Told(job, entity)
    page = await _asked(job, told, lambda: job.provider.one(entity, external_id))
    if page is None:
        return None
    named = {one.external_id for one in (*page.records, *page.rejected)} - {None}
    if named - {external_id}:
        raise told.broken("gave another record than was asked for")
    return page


def row_of(job: ImportJob, entity: Entity, raw: str, part: str) -> Page | None:
    """What a mended row comes to, checked like a page of a list; None where the provider cannot read it."""
    told = Told(job, entity)
    with told.faults():
        page = job.provider.read(entity, raw, part)
    return None if page is None else checked(told, page)


async def related_of(job: ImportJob, entity: Entity, of: Entity, field: str, external_id: str) -> Page | None:
    """The records whose ``field`` leads to one record, checked like a page; None where the provider cannot ask so."""
    told = Told(job, entity)
    page = await _asked(job, told, lambda: job.provider.related(entity, of, external_id))
    if page is None:
        return None
    if any(getattr(one, field, None) != external_id for one in page.records):
        raise told.broken("gave records that belong to another than was asked for")
    return page


async def _asked(job: ImportJob, told: Told, question: Callable[[], Awaitable[Any]]) -> Page | None:
    """What a provider gives as a single page; a list in one answer has no page after it."""
    async with _no_stall(job.meter.quiet_s, told, STALL_S):
        with told.faults():
            given = await question()
    if given is None:
        return None
    with told.faults():
        page = checked(told, given)
    if page.resume is not None:
        raise told.broken("gave a page with others after it where one was asked for")
    return page


async def answer_of(
    job: ImportJob, what: str, question: Callable[[], Awaitable[Any]], *, within_s: float
) -> Any:
    """What a provider answers to one question beside its pages; a fault of it is a ``ProviderError``, too."""
    told = Told(job, None)
    try:
        async with asyncio.timeout(within_s):
            with told.faults():
                return await question()
    except TimeoutError:
        raise told.broken(f"did not say within {within_s:.0f} s what its {what} is") from None


@asynccontextmanager
async def _no_stall(quiet_s: Callable[[], float], told: Told, stall_s: float) -> AsyncIterator[None]:
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


async def _close(pages: Any, told: Told) -> None:
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

    def __init__(self, told: Told, resume: str | None) -> None:
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
