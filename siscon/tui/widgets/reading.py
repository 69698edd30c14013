"""How a table comes by the rows of a listing: the first at once, the rest aside, and again as often as it can bear."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Hashable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

from siscon.domain.errors import SisconError
from siscon.ops.listing import Narrowed, Placed
from siscon.tui.widgets.rows import PagedRows

AT_ONCE_S = 0.05
"""So long whoever wants the list waits for all of it; a longer one is read aside, and what is there is shown."""
REST = 20
"""A whole reading of a list comes at most after so many times what the last one took: a twentieth of the time."""


class Reader(Protocol):
    """The table that is read for."""

    rows: Any

    def replace(self, rows: PagedRows, *, keep: bool, moved: int = 0) -> None:
        """Show other rows; ``keep``: the cursor stays on its row, most likely ``moved`` by so many places."""
        ...

    def grown(self, first: int) -> None:
        """More rows have come, from a place on."""
        ...

    def visible_pages(self, length: int, *, moved: int = 0) -> range:
        """The pages that are looked at, of so many rows."""
        ...

    def aside(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """Do work that takes longer, in the place of what was done so before."""
        ...

    def read(self) -> None:
        """All is read."""
        ...

    def trouble(self, sentence: str) -> None:
        """It could not be read."""
        ...


class Reading:
    """What is read for one table. ``busy``: not all of it is here yet."""

    def __init__(self, table: Reader) -> None:
        self._table = table
        self._under_way: PagedRows | None = None
        self._whole_s = 0.0
        self._due_s = float("-inf")

    @property
    def busy(self) -> bool:
        """Whether rows are still on their way."""
        return self._under_way is not None

    async def begin(self, rows: PagedRows, *, sought: Hashable | None, place: Any = None) -> None:
        """Read a listing from its beginning; where the row ``sought`` is among it, the cursor comes to stand there.

        With a ``place`` of the listing what stands there is shown first, then what is behind it, then what is before.
        """
        started_s = _now_s()
        ids = rows.listing.ids() if place is None else _placed(rows).ids_from(place)
        shown = rows.with_ids()
        shown.total, shown.sought = self._known_total(rows), sought
        self._under_way = shown
        try:
            async for chunk in ids:
                shown.grow(chunk)
                if len(shown) > 1 or _now_s() - started_s > AT_ONCE_S:
                    break
            with suppress(SisconError):  # whoever looks at the rows asks for them again, and is told
                await shown.reload(self._pages(min(len(shown), 1)))
            self._table.replace(shown, keep=False)
            self._table.grown(0)
            work = self._rest(shown, ids, place, started_s)
            async for _ in work:
                if _now_s() - started_s > AT_ONCE_S:
                    self._table.aside(partial(self._to_the_end, shown, work))
                    return
        except BaseException:
            self._done(shown)
            raise
        self._done(shown)

    async def _to_the_end(self, shown: PagedRows, work: AsyncIterator[None]) -> None:
        try:
            async for _ in work:
                pass
        except SisconError as error:
            if self._table.rows is shown:
                self._table.trouble(error.sentence)
        finally:
            self._done(shown)

    def _done(self, shown: PagedRows) -> None:
        """The reading of these rows is over; one that came after it goes on."""
        if self._under_way is shown:
            self._under_way = None
            self._table.read()

    async def _rest(
        self, shown: PagedRows, ids: AsyncIterator[Sequence[int]], place: Any, started_s: float
    ) -> AsyncIterator[None]:
        async for chunk in ids:
            if self._table.rows is not shown:
                return
            first = len(shown)
            shown.grow(chunk)
            if chunk:
                self._table.grown(first)
            yield
        if place is not None:
            await self._before(shown, place)
        elif shown.total is None:
            yield  # to count all of them takes its time, too
            shown.total = await _total(shown)
        self._paid(started_s)

    async def _before(self, shown: PagedRows, place: Any) -> None:
        """What stands before the rows that are here comes to stand before them."""
        whole = shown.with_ids()
        async for chunk in _placed(shown).ids_before(place):
            if self._table.rows is not shown:
                return
            whole.grow(chunk)
        moved = len(whole)
        whole.grow(shown.ids)
        await whole.reload(iter(self._table.visible_pages(len(whole), moved=moved)))
        if self._table.rows is shown and self._under_way is shown:
            self._under_way = whole
            self._table.replace(whole, keep=True, moved=moved)
            self._done(whole)

    def _known_total(self, rows: PagedRows) -> int | None:
        """How many rows the list has without a filter, as far as the one that stands there knows."""
        before = self._table.rows
        if not isinstance(before, PagedRows) or not before.lists_the_same_as(rows) or _is_whole(rows):
            return None
        return before.total if not _is_whole(before) else None if self.busy else len(before)

    def _paid(self, started_s: float, *, whole: bool = True) -> None:
        cost_s = _now_s() - started_s
        self._whole_s = cost_s if whole else self._whole_s
        self._due_s = _now_s() + REST * cost_s

    def _pages(self, length: int) -> Iterator[int]:
        return iter(self._table.visible_pages(length))

    def due_now(self) -> None:
        """Do not wait with the next reading, whatever the last one cost."""
        self._due_s = float("-inf")

    async def renew(self, rows: PagedRows, refresh: Callable[[], Awaitable[None]]) -> None:
        """Read what is visible again, and all numbers when there are more or fewer and the last time is long past."""
        if not self.busy and _now_s() >= self._due_s:
            self._under_way = rows
            if self._whole_s > AT_ONCE_S:
                self._table.aside(partial(self._again_aside, rows))
            else:
                try:
                    if await self._again(rows):
                        return
                finally:
                    self._done(rows)
        await refresh()

    async def _again_aside(self, rows: PagedRows) -> None:
        try:
            await self._again(rows)
        except SisconError as error:
            self._table.trouble(error.sentence)
        finally:
            self._done(rows)

    async def _again(self, rows: PagedRows) -> bool:
        """Whether there were more or fewer rows, which are shown now."""
        started_s = _now_s()
        same = not rows.stale and await rows.listing.count() == len(rows)
        rows.total = await _total(rows)
        if not same:
            fresh = rows.with_ids()
            fresh.total = rows.total
            async for chunk in rows.listing.ids():
                fresh.grow(chunk)
                if self._table.rows is not rows:
                    return True
            await fresh.reload(self._pages(len(fresh)))
            if self._table.rows is rows:
                self._table.replace(fresh, keep=True)
        self._paid(started_s, whole=not same)
        return not same


def _placed(rows: PagedRows) -> Placed[Any]:
    assert isinstance(rows.listing, Placed), "no place is asked for in any other list"
    return rows.listing


def _is_whole(rows: PagedRows) -> bool:
    listing = rows.listing
    return not isinstance(listing, Narrowed) or bool(listing.whole == listing)


async def _total(rows: PagedRows) -> int | None:
    """How many rows there are without a filter; None where there is none."""
    listing = rows.listing
    return None if _is_whole(rows) or not isinstance(listing, Narrowed) else int(await listing.whole.count())


def _now_s() -> float:
    return asyncio.get_running_loop().time()
