"""What a table shows: rows that are all there, or rows that are fetched by page when somebody looks at them."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from siscon.domain.filters import AS_THEY_COME, Filter, Order, matches
from siscon.ops.listing import Listing, Narrowed
from siscon.tui.present import Cells
from siscon.tui.widgets.columns import Column

PAGE = 128
KEEP = 10
NEAR = 2_000
"""A row that moved is most often so near to where it stood."""


class Rows(Protocol):
    """Rows by position. ``cells`` gives None for a row that is not here yet, and remembers that it was wanted."""

    total: int | None

    def __len__(self) -> int: ...

    def key(self, index: int) -> Hashable: ...

    def keys(self) -> Iterable[Hashable]: ...

    def index_of(self, key: Hashable, /, *, near: int = 0) -> int | None: ...

    def cells(self, index: int) -> Cells | None: ...

    def value(self, index: int) -> Any: ...


@dataclass(frozen=True, slots=True)
class Line:
    """One row that is there: its key, which stays the same when the row changes, what it shows, what it is."""

    key: Hashable
    cells: Cells
    value: Any = None


class FixedRows:
    """Rows that are all in memory; for lists that cannot grow with the data."""

    def __init__(self, lines: Sequence[Line] = ()) -> None:
        self.lines = list(lines)
        self.total: int | None = None  # without the filter that they were narrowed by
        self._places = {line.key: index for index, line in enumerate(self.lines)}

    def __len__(self) -> int:
        return len(self.lines)

    def key(self, index: int) -> Hashable:
        return self.lines[index].key

    def keys(self) -> Iterable[Hashable]:
        """The keys of all rows in their order."""
        return self._places

    def index_of(self, key: Hashable, *, near: int = 0) -> int | None:  # noqa: ARG002 # these are found at once
        return self._places.get(key)

    def cells(self, index: int) -> Cells | None:
        return self.lines[index].cells

    def value(self, index: int) -> Any:
        return self.lines[index].value

    def narrowed(self, where: Filter, columns: Sequence[Column]) -> FixedRows:
        """Only the rows that a filter means."""
        if not where:
            return self
        fewer = FixedRows([line for line in self.lines if _meets(line.cells, where, columns)])
        fewer.total = len(self)
        return fewer

    def ordered(self, order: Order, columns: Sequence[Column]) -> FixedRows:
        """The rows by one of their columns; what has nothing there comes last."""
        names = [column.named.name for column in columns]
        if not order.column or order.column not in names:  # a heading such as #12 makes no name
            return self
        at = names.index(order.column)
        there = [line for line in self.lines if _weight(line, at, columns) is not None]
        rest = [line for line in self.lines if _weight(line, at, columns) is None]
        there.sort(key=lambda line: _weight(line, at, columns) or (0, ""), reverse=order.down)
        told = FixedRows(there + rest)
        told.total = self.total
        return told


def _meets(cells: Cells, where: Filter, columns: Sequence[Column]) -> bool:
    values = {column.named.name: column.value_of(cell) for column, cell in zip(columns, cells, strict=False)}
    return matches(where, values, (cell.text for cell in cells))


def _weight(line: Line, at: int, columns: Sequence[Column]) -> tuple[int, str] | None:
    value = columns[at].value_of(line.cells[at])
    if value is None or value == "":
        return None
    return (value, "") if isinstance(value, int) else (0, value.casefold())


class PagedRows:
    """Rows of a listing: all ids, four bytes each, and the few pages that were looked at last."""

    def __init__(self, listing: Listing[Any], present: Callable[[Any], Cells]) -> None:
        self.listing = listing
        self.present = present
        self.ids: array[int] = array("I")
        self.stale = False
        self.total: int | None = None  # without the filter that they were narrowed by
        self.sought: Hashable | None = None  # the cursor comes to stand on this row when its id has come
        self._pages: OrderedDict[int, list[Line | None]] = OrderedDict()
        self._wanted: set[int] = set()
        self._coming: int | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def key(self, index: int) -> Hashable:
        return self.ids[index]

    def keys(self) -> Iterable[Hashable]:
        """The ids of all rows in their order."""
        return self.ids

    def index_of(self, key: Hashable, *, first: int = 0, near: int = 0) -> int | None:
        """The place of a row from ``first`` on; looked for ``near`` one first: to see a million takes a while."""
        assert isinstance(key, int)  # keys of these rows are ids
        for begin, end in ((max(first, near - NEAR), near + NEAR), (first, len(self.ids))):
            try:
                return self.ids.index(key, begin, end)
            except ValueError:
                pass
        return None

    def grow(self, ids: Sequence[int]) -> None:
        """More rows have come behind these."""
        if self.ids.typecode == "I" and ids and max(ids) >= 1 << 32:
            self.ids = array("q", self.ids)
        alike = not isinstance(ids, array) or ids.typecode == self.ids.typecode
        self.ids.extend(ids if alike else iter(ids))

    def cells(self, index: int) -> Cells | None:
        line = self._line(index)
        return line.cells if line is not None else None

    def value(self, index: int) -> Any:
        line = self._line(index)
        return line.value if line is not None else None

    def _line(self, index: int) -> Line | None:
        number, place = divmod(index, PAGE)
        page = self._pages.get(number)
        if page is None:
            if number != self._coming:
                self._wanted.add(number)
            return None
        return page[place] if place < len(page) else None

    def look(self, seen: range) -> bool:
        """Want the pages that are looked at, or when they are here those beside them; whether any is not here.

        What was wanted before is not: nobody looks at it any more.
        """
        last = -(-len(self.ids) // PAGE)
        for pages in (seen, range(max(0, seen.start - 1), min(seen.stop + 1, last))):
            self._wanted = {one for one in pages if one not in self._pages and one != self._coming}
            if self._wanted:
                return True
        return False

    def next_wanted(self) -> int:
        """One of the pages that are wanted."""
        return self._wanted.pop()

    async def fetch(self, number: int) -> bool:
        """Fetch one page; True when its rows are other than before."""
        chosen = list(self.ids[number * PAGE : (number + 1) * PAGE])
        self._coming = number
        try:
            found = await self.listing.rows(chosen)
        finally:
            self._coming = None
        page = [Line(id_, self.present(found[id_]), found[id_]) if id_ in found else None for id_ in chosen]
        self.stale = self.stale or None in page
        before = self._pages.get(number)
        self._pages[number] = page
        self._pages.move_to_end(number)
        while len(self._pages) > KEEP:
            self._pages.popitem(last=False)
        return page != before

    async def reload(self, wanted: Iterator[int]) -> bool:
        """Read the pages ``wanted`` again; True when any of them changed."""
        changed = [await self.fetch(number) for number in wanted]
        return any(changed)

    def lists_the_same_as(self, other: PagedRows) -> bool:
        """Whether both are parts of one list, so that a number means the same row in both."""
        mine, theirs = self.listing, other.listing
        return isinstance(mine, Narrowed) and isinstance(theirs, Narrowed) and mine.whole == theirs.whole

    def shows_the_same_as(self, other: Rows) -> bool:
        """Whether both show the same rows, in whatever order."""
        mine, theirs = self.listing, other.listing if isinstance(other, PagedRows) else None
        if not (isinstance(mine, Narrowed) and isinstance(theirs, Narrowed)):
            return False
        return bool(mine.ordered(AS_THEY_COME) == theirs.ordered(AS_THEY_COME))

    def with_ids(self, ids: Sequence[int] = ()) -> PagedRows:
        """The same listing under new ids, with no page yet."""
        fresh = PagedRows(self.listing, self.present)
        fresh.grow(ids)
        return fresh
