"""Columns of a table: how wide each gets, and a row of cells cut to those widths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rich.cells import cell_len, set_cell_size

GAP = 2


@dataclass(frozen=True, slots=True)
class Column:
    """One column. ``flex`` shares out what is left over; below ``from_width`` the column is not shown."""

    title: str
    width: int
    flex: int = 0
    align: Literal["left", "right"] = "left"
    from_width: int = 0


def fit(columns: Sequence[Column], width: int) -> list[int]:
    """The width of each column in a table ``width`` wide; 0 for one that is not shown."""
    shown = [column.width if width >= column.from_width else 0 for column in columns]
    gaps = GAP * max(0, sum(1 for one in shown if one) - 1)
    spare = width - sum(shown) - gaps
    shares = sum(column.flex for column, one in zip(columns, shown, strict=True) if one)
    if spare > 0 and shares:
        for index, column in enumerate(columns):
            if shown[index] and column.flex:
                extra = spare * column.flex // shares
                shown[index] += extra
                spare -= extra
                shares -= column.flex
    return shown


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
