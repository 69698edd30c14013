"""Columns of a table: how wide each gets, and a row of cells cut to those widths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rich.cells import cell_len, set_cell_size

GAP = 2


@dataclass(frozen=True, slots=True)
class Column:
    """One column: at least ``width`` wide, and not shown in a table narrower than ``from_width``.

    ``flex`` is its share of what is left over, until it is ``most`` wide; 0: as wide as there is room. ``said`` is what
    one without a title is called where there is no screen.
    """

    title: str
    width: int
    flex: int = 0
    align: Literal["left", "right"] = "left"
    from_width: int = 0
    most: int = 0
    said: str = ""


def fit(columns: Sequence[Column], width: int) -> list[int]:
    """The width of each column in a table ``width`` wide; 0 for one that is not shown."""
    shown = [column.width if width >= column.from_width else 0 for column in columns]
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


def cut(text: str, width: int, *, align: str = "left", more: str = "…") -> str:
    """A text exactly ``width`` cells wide, with a sign that something is left out."""
    size = cell_len(text)
    if size > width:
        if width <= len(more):
            return set_cell_size(text, width)
        return set_cell_size(text, width - len(more)) + more
    if align == "right":
        return " " * (width - size) + text
    return text + " " * (width - size)
