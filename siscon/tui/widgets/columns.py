"""Columns of a table: how wide each gets, and a row of cells cut to those widths."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rich.cells import cell_len, set_cell_size

from siscon.domain.filters import Kind, Named, Order, Value
from siscon.tui.present import Cell, Glyphs

GAP = 2
MOST_DIGITS = 19
_NO_LETTER = re.compile("[^a-z]+")


@dataclass(frozen=True, slots=True)
class Column:
    """One column: at least ``width`` wide, and not shown in a table narrower than ``from_width``.

    ``flex`` is its share of what is left over, until it is ``most`` wide; 0: as wide as there is room. In a table of
    ``wide_from`` cells it is ``most`` wide before anything is shared out. ``said`` is what one without a title is
    called where there is no screen.

    A filter calls it ``name``, else by its title in small letters; ``kind`` says what it holds, else a number stands at
    the right and text at the left.
    """

    title: str
    width: int
    flex: int = 0
    align: Literal["left", "right"] = "left"
    from_width: int = 0
    most: int = 0
    wide_from: int = 0
    said: str = ""
    name: str = ""
    kind: Kind | None = None

    @property
    def named(self) -> Named:
        """The column as a filter knows it."""
        name = self.name or _NO_LETTER.sub("_", self.title.lower()).strip("_")
        return Named(name, self.kind or (Kind.NUMBER if self.align == "right" else Kind.TEXT))

    @property
    def has_names(self) -> bool:
        """Whether both ends of what it holds tell one from another: a name too long for it is cut in the middle."""
        return self.named.name in ("id", "integration")

    def least(self, width: int) -> int:
        """How wide it is at least in a table so wide; 0 where it is not shown."""
        if width < self.from_width:
            return 0
        return self.most if self.wide_from and width >= self.wide_from else self.width

    def value_of(self, cell: Cell) -> Value:
        """What a cell of this column is compared by: its value, else what it says; None where it has none."""
        kind = self.named.kind
        if cell.value is not None or kind in (Kind.PAST, Kind.AHEAD):
            return cell.value
        if kind is Kind.NUMBER:
            digits = cell.text.replace(",", "").removeprefix("#").strip()
            return (
                int(digits) if digits.isascii() and digits.isdigit() and len(digits) < MOST_DIGITS else None
            )
        return cell.text

    def heading(self, order: Order, width: int, glyphs: Glyphs) -> str:
        """Its title, with a sign when the rows stand in its order."""
        if not self.title or not order.column or order.column != self.named.name:
            return self.title
        return cut(self.title, min(cell_len(self.title), width - 1), more="") + (
            glyphs.down if order.down else glyphs.up
        )


def fit(columns: Sequence[Column], width: int) -> list[int]:
    """The width of each column in a table ``width`` wide; 0 for one that is not shown."""
    shown = [column.least(width) for column in columns]
    gaps = GAP * max(0, sum(1 for one in shown if one) - 1)
    spare = width - sum(shown) - gaps
    while spare > 0 and (given := _share(columns, shown, spare)):
        spare -= given
    return shown


def _share(columns: Sequence[Column], widths: list[int], spare: int) -> int:
    """Share out what is left over once; how much of it was taken."""
    growing = [
        (index, column)
        for index, column in enumerate(columns)
        if widths[index] and column.flex and (not column.most or widths[index] < column.most)
    ]
    shares, left = sum(column.flex for _, column in growing), spare
    for index, column in growing:
        extra = left * column.flex // shares
        if column.most:
            extra = min(extra, column.most - widths[index])
        widths[index] += extra
        left -= extra
        shares -= column.flex
    return spare - left


def cut(text: str, width: int, *, align: str = "left", more: str = "…", middle: bool = False) -> str:
    """A text exactly ``width`` cells wide, with a sign that something is left out, at its end or in its ``middle``."""
    size = cell_len(text)
    if size > width:
        if width <= len(more):
            return set_cell_size(text, width)
        if middle and text.isascii():
            tail = (width - len(more)) // 2
            return text[: width - len(more) - tail] + more + text[size - tail :]
        return set_cell_size(text, width - len(more)) + more
    if align == "right":
        return " " * (width - size) + text
    return text + " " * (width - size)
