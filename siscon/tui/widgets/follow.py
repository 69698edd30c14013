"""A list that grows at its end and follows it: whoever looks up stops it, ``G`` starts it again."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Any

from siscon.ops.listing import Journal
from siscon.tui.keymap import key_of
from siscon.tui.present import Cells, Look, number
from siscon.tui.widgets.columns import Column
from siscon.tui.widgets.rows import PAGE, PagedRows
from siscon.tui.widgets.status_bar import Part
from siscon.tui.widgets.table import LineTable


class FollowTable(LineTable):
    """The rows of a journal, newest last. The screen calls :meth:`show_journal` whenever there may be news.

    ``rows_change``: what is listed may still change, so what is visible is read again, too.
    """

    def __init__(
        self,
        columns: Sequence[Column],
        look: Look,
        *,
        id: str | None = None,  # noqa: A002 # the name Textual gives it
        rows_change: bool = False,
    ) -> None:
        super().__init__(columns, look, id=id)
        self.following = look.follows
        self._rows_change = rows_change
        self._seen = 0
        self._asked: Journal[Any] | None = None

    @property
    def below(self) -> int:
        """How many rows have come since following ended and were not yet walked to."""
        return 0 if self.following else max(0, len(self.rows) - max(self._seen, self.cursor + 1))

    @property
    def parts(self) -> list[Part]:
        """What a status line says of it."""
        if self.following:
            return [Part(" following ", "busy", "follow")]
        if self.below:
            return [
                Part(f" {number(self.below)} new below, {key_of('bottom')} shows them ", "warn", "follow")
            ]
        return [Part(" not following ", "dim", "follow")]

    async def show_journal(
        self, journal: Journal[Any], present: Callable[[Any], Cells], *, note: Cells = ()
    ) -> None:
        """Show a journal from its end; one that is shown already is only gone on with."""
        rows = self.rows
        if journal == self._asked and isinstance(rows, PagedRows) and not rows.stale:
            await self._go_on(rows, journal)
            return
        first = self._asked is None
        self._asked, self.note = journal, note
        await self._begin(PagedRows(journal, present), journal, first=first)

    async def _begin(self, rows: PagedRows, journal: Journal[Any], *, first: bool) -> None:
        """The last page at once; what lies before it is counted when that is on the screen."""
        end = rows.with_ids(await journal.newest(PAGE))
        await end.reload(iter(range(len(end) and 1)))
        if journal != self._asked:
            return
        self.replace(end, keep=not self.following)
        if self.following:
            self.follow()
        elif first:  # on a slow line nobody follows by himself, but what is new is looked at all the same
            super().point(len(end) - 1)
            self._seen = len(end)
        if len(end) < PAGE:
            return
        whole = rows.with_ids()
        async for chunk in journal.ids():
            whole.grow(chunk)
        await whole.reload(iter(_pages(max(0, len(whole) - PAGE), len(whole))))
        if self.rows is end:
            self.replace(whole)
            self._seen = len(whole)

    async def _go_on(self, rows: PagedRows, journal: Journal[Any]) -> None:
        last = rows.ids[-1] if rows.ids else 0
        new: array[int] = array("q")
        async for chunk in journal.ids(after=last):
            new.extend(chunk)
        if self.rows is not rows:
            return
        if new:
            await self._grow(rows, new)
        if self._rows_change and await rows.reload(iter(self.visible_pages(len(rows)))):
            self.refresh()
            self.post_message(self.Pointed(self))

    async def _grow(self, rows: PagedRows, new: array[int]) -> None:
        before = len(rows)
        rows.grow(new)
        for page in {before // PAGE, (len(rows) - 1) // PAGE}:
            await rows.fetch(page)
        if self.rows is not rows:
            return
        self._resize()
        if self.following:
            self.follow()
        self.refresh()
        self.post_message(self.Pointed(self))

    # Following

    def follow(self) -> None:
        """To the newest row, and with it from now on."""
        self.following = True
        super().point(len(self.rows) - 1)

    def stay(self) -> None:
        """Stay where the person looks."""
        if self.following:
            self.following, self._seen = False, len(self.rows)
            self.post_message(self.Pointed(self))

    def point(self, index: int) -> None:
        """Put the cursor on a row; on any but the last one stays there."""
        super().point(index)
        if self.cursor < len(self.rows) - 1:
            self.stay()

    def point_at(self, row_id: int) -> bool:
        """Put the cursor on the row of a number; False when it is not listed."""
        rows = self.rows
        if not isinstance(rows, PagedRows):
            return False
        index = bisect_left(rows.ids, row_id)
        if index == len(rows) or rows.ids[index] != row_id:
            return False
        self.point(index)
        return True

    def action_move(self, way: str) -> None:
        """Move the cursor one way; to the end means to follow again."""
        super().action_move(way)
        if way == "bottom":
            self.follow()
            self.post_message(self.Pointed(self))

    def on_mouse_scroll_up(self) -> None:
        """Looking up with the wheel counts, too."""
        self.stay()


def _pages(first: int, end: int) -> range:
    return range(first // PAGE, (end - 1) // PAGE + 1) if end else range(0)
