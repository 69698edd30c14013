"""How a table comes by the rows of a listing: the first at once, the rest aside, and again as often as it can bear."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Hashable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Protocol

from siscon.domain.errors import SisconError
from siscon.tui.widgets.rows import PagedRows

AT_ONCE_S = 0.05
"""So long whoever wants the list waits for all of it; a longer one is read aside, and what is there is shown."""
REST = 20
"""A whole reading of a list comes at most after so many times what the last one took: a twentieth of the time."""


class Reader(Protocol):
    """The table that is read for."""

    rows: Any

    def replace(self, rows: PagedRows, *, keep: bool) -> None:
        """Show other rows; ``keep``: the cursor stays on its row."""
        ...

    def grown(self, first: int) -> None:
        """More rows have come, from a place on."""
        ...

    def visible_pages(self, length: int) -> range:
        """The pages that are looked at, of so many rows."""
        ...

    def aside(self, work: Coroutine[Any, Any, None]) -> None:
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
        self.busy = False
        self._cost_s = 0.0
        self._due_s = float("-inf")

    async def begin(self, rows: PagedRows, *, sought: Hashable | None) -> None:
        """Read a listing from its beginning; where the row ``sought`` is among it, the cursor comes to stand there."""
        started_s = _now_s()
        ids = rows.listing.ids()
        shown = rows.with_ids(array("q", await anext(ids, [])))
        shown.sought = sought
        with suppress(SisconError):  # whoever looks at the rows asks for them again, and is told
            await shown.reload(self._pages(min(len(shown), 1)))
        self._table.replace(shown, keep=False)
        self._table.grown(0)
        shown.total = await _total(rows)
        rest = self._rest(shown, ids, started_s)
        await self._aside_when_long(rest, started_s, shown)

    async def _aside_when_long(self, rest: AsyncIterator[None], started_s: float, shown: PagedRows) -> None:
        self.busy = True
        async for _ in rest:
            if self._table.rows is not shown:
                return
            if _now_s() - started_s > AT_ONCE_S:
                self._table.aside(self._to_the_end(rest))
                return
        self._done()

    async def _to_the_end(self, rest: AsyncIterator[None]) -> None:
        try:
            async for _ in rest:
                pass
        except SisconError as error:
            self._table.trouble(error.sentence)
        self._done()

    def _done(self) -> None:
        self.busy = False
        self._table.read()

    async def _rest(
        self, shown: PagedRows, ids: AsyncIterator[Sequence[int]], started_s: float
    ) -> AsyncIterator[None]:
        async for chunk in ids:
            if self._table.rows is not shown:
                return
            first = len(shown)
            shown.ids.extend(chunk)
            self._table.grown(first)
            yield
        self._paid(started_s)

    def _paid(self, started_s: float) -> None:
        self._cost_s = _now_s() - started_s
        self._due_s = _now_s() + REST * self._cost_s

    def _pages(self, length: int) -> Iterator[int]:
        return iter(self._table.visible_pages(length))

    def due_now(self) -> None:
        """Do not wait with the next reading, whatever the last one cost."""
        self._due_s = float("-inf")

    async def renew(self, rows: PagedRows, refresh: Callable[[], Awaitable[None]]) -> None:
        """Read what is visible again, and all numbers when there are more or fewer and the last time is long past."""
        if not self.busy and _now_s() >= self._due_s:
            if self._cost_s <= AT_ONCE_S:
                if await self._again(rows):
                    return
            else:
                self.busy = True
                self._table.aside(self._again_aside(rows))
        await refresh()

    async def _again_aside(self, rows: PagedRows) -> None:
        try:
            await self._again(rows)
        except SisconError as error:
            self._table.trouble(error.sentence)
        self._done()

    async def _again(self, rows: PagedRows) -> bool:
        """Whether there were more or fewer rows, which are shown now."""
        started_s = _now_s()
        same = not rows.stale and await rows.listing.count() == len(rows)
        rows.total = await _total(rows)
        if not same:
            ids: array[int] = array("q")
            async for chunk in rows.listing.ids():
                ids.extend(chunk)
                if self._table.rows is not rows:
                    return True
            fresh = rows.with_ids(ids)
            fresh.total = rows.total
            await fresh.reload(self._pages(len(ids)))
            if self._table.rows is rows:
                self._table.replace(fresh, keep=True)
        self._paid(started_s)
        return not same


async def _total(rows: PagedRows) -> int | None:
    """How many rows there are without a filter; None where there is none."""
    listing = rows.listing
    whole = getattr(listing, "whole", None)
    return None if whole is None or whole == listing else int(await whole.count())


def _now_s() -> float:
    return asyncio.get_running_loop().time()
