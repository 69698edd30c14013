"""Which rows of a list are marked: some by their keys, or all but some. Never anything for each row."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any

from siscon.domain.filters import ALL, Filter


@dataclass(frozen=True, slots=True)
class Chosen:
    """The rows that an action concerns: those with these keys, or with ``every`` all that ``where`` means but those."""

    keys: tuple[Any, ...] = ()
    every: bool = False
    count: int = 0
    where: Filter = ALL

    def __bool__(self) -> bool:
        return self.count > 0


class Marks:
    """Marks by key, so that they stay with their rows when a list is read again or other pages are looked at."""

    def __init__(self) -> None:
        self.every = False
        self.keys: set[Hashable] = set()
        """Those that are marked; with ``every`` those that are not."""
        self.last: Hashable | None = None
        """Where a range begins: the row that was marked, or let go, last."""

    def __contains__(self, key: Hashable) -> bool:
        return (key in self.keys) is not self.every

    def __bool__(self) -> bool:
        return self.every or bool(self.keys)

    def count(self, total: int) -> int:
        """How many rows are marked of a list with ``total`` rows."""
        return total - len(self.keys) if self.every else len(self.keys)

    def toggle(self, key: Hashable) -> None:
        """Mark a row, or let it go."""
        self.keys ^= {key}
        self.last = key

    def add(self, keys: Iterable[Hashable]) -> None:
        """Mark rows, whether they are marked or not."""
        if self.every:
            self.keys.difference_update(keys)
        else:
            self.keys.update(keys)

    def mark_all(self) -> None:
        """Mark every row that the list shows, also those that come later."""
        self.every = True
        self.keys.clear()

    def clear(self) -> None:
        """Mark nothing."""
        self.every = False
        self.keys.clear()
        self.last = None

    def keep(self, there: Iterable[Hashable]) -> None:
        """Forget the rows that are not ``there`` any more."""
        if self.keys:
            self.keys.intersection_update(there)
