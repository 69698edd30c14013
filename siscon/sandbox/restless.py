"""Lists that change while somebody reads them, and lists of which only a half is there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from siscon.sandbox.quirks import Quirks

_MOVES_BEFORE_PAGE = 3
_FEWEST = 10
"""A list with fewer rows never moves: it ends before its third page, and what is hidden would never appear."""


class Indexes(Protocol):
    """Indexes that can be counted and cut."""

    def __len__(self) -> int: ...

    def cut(self, offset: int, limit: int) -> Iterator[int]:
        """The indexes from ``offset`` on, at most ``limit`` of them."""


class Stretch:
    """A stretch of a list: without its first rows, or only its first."""

    __slots__ = ("_rows", "_size", "_start")

    def __init__(self, rows: Indexes, start: int, size: int) -> None:
        self._rows = rows
        self._start = min(start, len(rows))
        self._size = max(0, min(size, len(rows) - self._start))

    def __len__(self) -> int:
        return self._size

    def cut(self, offset: int, limit: int) -> Iterator[int]:
        """The indexes of the stretch from ``offset`` on."""
        return self._rows.cut(self._start + offset, max(0, min(limit, self._size - offset)))


class Restless:
    """Lists that change while somebody reads them, as the switches say.

    ``shift_rows``: so many rows are deleted from the front of a list when its third page is asked for;
    ``insert_rows``: so many rows that were not there before stand in front from then on. Each list moves once.
    """

    def __init__(self, quirks: Quirks) -> None:
        self._quirks = quirks
        self._furthest: dict[str, int] = {}
        self._moved: set[str] = set()

    def now(self, key: str, rows: Indexes, page: int = 0) -> Indexes:
        """The list as it is at this moment; ``page`` is the page asked for, 0 for a count."""
        deleted, inserted = self._quirks.shift_rows, self._quirks.insert_rows
        if (deleted or inserted) and len(rows) >= _FEWEST:
            if page >= _MOVES_BEFORE_PAGE and self._furthest.get(key, 0) == _MOVES_BEFORE_PAGE - 1:
                self._moved.add(key)
            if page and key not in self._moved:
                self._furthest[key] = page
            hidden = deleted if key in self._moved else inserted
            rows = Stretch(rows, hidden, len(rows)) if hidden else rows
        if self._quirks.half_pages:
            rows = Stretch(rows, 0, (len(rows) + 1) // 2)
        return rows
