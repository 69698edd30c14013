"""The panel under a list: what is known of the row under the cursor, in full sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual.content import Content
from textual.widgets import Static

from siscon.tui.present import Cell, Cells, Tone
from siscon.tui.widgets.columns import cut

STYLES: dict[Tone, str] = {
    "": "",
    "good": "$text-success",
    "busy": "$text-primary",
    "warn": "$text-warning",
    "bad": "$text-error",
    "dim": "$text-muted",
    "strong": "bold",
}


def content(lines: Sequence[Cell | Cells]) -> Content:
    """Cells as text that is never read as markup, one line each; several cells may share a line."""
    return Content("\n").join(_line(one) for one in lines)


def _line(told: Cell | Cells) -> Content:
    cells = (told,) if isinstance(told, Cell) else told
    return Content("").join(Content.styled(cell.text, STYLES[cell.tone]) for cell in cells)


def as_cell(told: Cell | Cells) -> Cell:
    """A line as one cell: what it says, as loud as its first piece."""
    if isinstance(told, Cell):
        return told
    return Cell("".join(cell.text for cell in told), told[0].tone if told else "")


class Panel(Static):
    """Lines about one row; painted only when they change."""

    ALLOW_SELECT: ClassVar[bool] = False

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 # the name Textual gives it
        super().__init__(Content(""), id=id, markup=False)
        self.lines: tuple[Cell, ...] = ()
        self.table: tuple[Cells, ...] = ()
        self._told: tuple[Cell | Cells, ...] = ()

    def tell(self, lines: Sequence[Cell | Cells]) -> None:
        """Show sentences; several cells that stand together are one line."""
        if tuple(lines) != self._told or self.table:
            before, self.lines = self.lines, tuple(map(as_cell, lines))
            as_high = not self.table and self._one_each(before) and self._one_each(self.lines)
            self._told, self.table = tuple(lines), ()
            self.update(content(lines), layout=not as_high or len(before) != len(lines))

    def _one_each(self, lines: Sequence[Cell]) -> bool:
        """Whether each sentence has a line: then as many are as high, and nothing is laid out anew."""
        return all(cell_len(line.text) <= self.content_region.width for line in lines)

    def tell_table(self, lines: Sequence[Cell], rows: Sequence[Cells], *, more: str) -> None:
        """Show sentences and below them a few rows in columns of equal width."""
        if (tuple(lines), tuple(rows)) == (self.lines, self.table):
            return
        self.lines, self.table = tuple(lines), tuple(rows)
        self._told = self.lines
        width = max(10, self.content_region.width or self.app.size.width - 4)
        size = max(8, (width - 2 * 3) // 4)
        told = [content(lines)] if lines else []
        told += [
            Content("  ").join(
                Content.styled(cut(cell.text, size, more=more), STYLES[cell.tone]) for cell in row
            )
            for row in rows
        ]
        self.update(Content("\n").join(told))
