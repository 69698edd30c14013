"""What lists of all screens share: they are narrowed by one language, ordered by their columns, counted exactly."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

from textual.events import Resize
from textual.screen import Screen

from siscon.domain.filters import ALL, Filter, Named, Order, parse
from siscon.ops.listing import Narrowed
from siscon.tui.keymap import key_of
from siscon.tui.present import Cells, Look, number, of
from siscon.tui.trail import Left
from siscon.tui.widgets.columns import Column, fit
from siscon.tui.widgets.rows import FixedRows, Line, PagedRows
from siscon.tui.widgets.sizes import heed
from siscon.tui.widgets.table import LineTable

MOST_SORTED = 20_000
"""A longer list is ordered only as an index holds it."""


class Narrowing(Screen[None]):
    """A screen with lists, of which one (``narrowed``) is filtered and ordered."""

    narrowed: ClassVar[str] = "list"
    known: tuple[Named, ...] = ()
    """By what the list is filtered in the database; empty: by its columns, in memory."""
    example: ClassVar[str] = ""
    """What could be typed, for who does not know the language."""
    look: Look
    find: str = ""
    now_ms: Callable[[], int]
    _rows_to_find: Mapping[str, Hashable] = MappingProxyType({})
    _understood: tuple[str, tuple[Named, ...], Filter] = ("", (), ALL)

    async def _on_resize(self, event: Resize) -> None:
        """Only the size of the terminal counts."""
        heed(self, event)

    def table(self, id_: str = "list") -> LineTable:
        """One of the lists of this screen."""
        return self.query_one(f"#{id_}", LineTable)

    def named(self) -> tuple[Named, ...]:
        """The columns that a filter of this screen may name."""
        if self.known:
            return self.known
        return tuple(one.named for one in self.table(self.narrowed).columns if one.named.name)

    def understand(self, text: str) -> Filter:
        """What a text means as a filter here; raises ``UsageError`` with what is wrong in it."""
        return parse(text, self.named(), now_ms=self.now_ms(), zone=self.look.zone)

    @property
    def where(self) -> Filter:
        """What the person has typed; raises ``UsageError``. Its ages count from the moment it was first asked for."""
        known = self.named()
        if self._understood[:2] != (self.find, known):
            self._understood = (self.find, known, self.understand(self.find) if self.find else ALL)
        return self._understood[2]

    def fixed(self, lines: Sequence[Line]) -> FixedRows:
        """Rows that the person means, in the order they chose."""
        table = self.table(self.narrowed)
        return FixedRows(lines).narrowed(self.where, table.columns).ordered(table.order, table.columns)

    async def show_list(
        self, listing: Narrowed[Any], present: Callable[[Any], Cells], *, note: Cells, place: Any = None
    ) -> None:
        """Show a list that grows, from a ``place`` in it, or read it again where it is shown already."""
        table = self.table()
        if place is None and isinstance(table.rows, PagedRows) and table.rows.listing == listing:
            await table.renew()
        else:
            await table.show_paged(PagedRows(listing, present), note=note, place=place)

    def counted(self, word: str, id_: str = "list") -> str:
        """``1,204 of 9,812 errors``, or all of them."""
        table = self.table(id_)
        shown, total = len(table.rows), table.rows.total
        more = self.look.glyphs.more if table.reading.busy else ""
        if total is None or (total == shown and not self.find):
            return f"{of(shown, word)}{more}"
        return f"{number(shown)}{more} of {of(total, word)}"

    # Left and found again

    def left(self) -> Left:
        """How this screen stands, to be found so again."""
        return Left(
            self.find, {one.id: one.key for one in self.query(LineTable) if one.id and one.key is not None}
        )

    def come_back(self, left: Left) -> None:
        """Stand as another one like this stood, once the rows are read."""
        self.find, self._rows_to_find = left.find, left.rows

    def find_rows(self) -> None:
        """Put the cursors where they were; a row that is gone is not waited for."""
        wanted, self._rows_to_find = self._rows_to_find, {}
        for id_, key in wanted.items():
            for table in self.query(f"#{id_}").results(LineTable):
                table.seek(key)

    # Order

    def act_order(self) -> None:
        """By the next column; after the last as the rows come."""
        table = self.table(self.narrowed)
        names = [one.named.name for one in shown_columns(table)]
        possible = self._orders(table)
        there = ["", *(name for name in names if possible is None or name in possible)]
        if len(there) == 1:
            self.app.notify(self._why_unordered(), severity="warning")
            return
        at = there.index(table.order.column) if table.order.column in there else 0
        self._order_by(table, Order(there[(at + 1) % len(there)]))
        if self._is_long(table) and table.order.column:
            self.app.notify(self._why_unordered(), timeout=4)

    def act_order_back(self) -> None:
        """The other way round."""
        table = self.table(self.narrowed)
        if not table.order.column:
            self.app.notify(
                f"The rows stand as they come: {key_of('order')} orders them by a column first.", timeout=4
            )
            return
        self._order_by(table, Order(table.order.column, down=not table.order.down))

    def _why_unordered(self) -> str:
        return (
            f"More than {number(MOST_SORTED)} rows are ordered only by a column with an index. "
            f"Fewer, narrowed with {key_of('filter')}, are ordered by any."
        )

    def _orders(self, table: LineTable) -> frozenset[str] | None:
        """The columns that rows can be ordered by; None: any."""
        if not isinstance(table.rows, PagedRows):
            return None
        if not self._is_long(table):
            return frozenset(one.name for one in self.named())
        listing = table.rows.listing
        return listing.orders if isinstance(listing, Narrowed) else frozenset()

    @staticmethod
    def _is_long(table: LineTable) -> bool:
        """Whether only an index can order it; of a list that is still read nobody knows."""
        return isinstance(table.rows, PagedRows) and (len(table.rows) > MOST_SORTED or table.reading.busy)

    def _order_by(self, table: LineTable, order: Order) -> None:
        table.order = order
        table.refresh()
        self.load_soon()

    def load_soon(self) -> None:
        """Read again."""
        raise NotImplementedError


def shown_columns(table: LineTable) -> list[Column]:
    """The columns that there is room for."""
    sizes = fit(table.columns, table.row_width)
    return [column for column, size in zip(table.columns, sizes, strict=True) if size and column.named.name]
