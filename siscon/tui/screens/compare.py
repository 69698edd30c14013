"""The last imports of one integration side by side, with what is suddenly other than the time before."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from siscon.domain.comparing import MOST, Column
from siscon.ops import Database
from siscon.ops.comparing import last_imports
from siscon.tui.compare_lines import NAME_WIDTH, columns_of, compare_lines, sudden_sentences
from siscon.tui.keymap import keyed
from siscon.tui.present import Cell, foreign, of
from siscon.tui.screens.pane import Desk, Pane, bindings_of
from siscon.tui.widgets.columns import Column as TableColumn
from siscon.tui.widgets.columns import fit
from siscon.tui.widgets.panel import Panel
from siscon.tui.widgets.status_bar import Part
from siscon.tui.widgets.table import LineTable


class ComparePane(Pane):
    """Up to fourteen imports of one integration."""

    name_ = "compare"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("compare")]

    def __init__(self, desk: Desk, integration: str, chosen: Collection[int] = ()) -> None:
        super().__init__(desk)
        self.integration = integration
        self.chosen = tuple(chosen)
        self.imports: list[Column] = []

    @property
    def crumb(self) -> str:
        return f"{foreign(self.integration, limit=40).text} side by side"

    def body(self) -> ComposeResult:
        yield LineTable((TableColumn("Count", NAME_WIDTH),), self.look, id="list")
        yield Panel(id="panel")

    async def load(self, db: Database) -> None:
        self.imports = await last_imports(db, self.integration, chosen=self.chosen)
        table = self.table()
        lines = compare_lines(self.imports, self.look) if self.imports else []
        columns = tuple(columns_of(self.imports))
        if columns != table.columns:
            table.columns = columns
            table.refresh()
        note = self.empty(f"No import of {foreign(self.integration, limit=40).text} has ended yet.")
        table.show(self.fixed(lines), note=note)
        self.pointed()

    def pointed(self) -> None:
        self.query_one("#panel", Panel).tell(sudden_sentences(self.imports, self.value(), self.look))

    def status(self) -> list[Part]:
        places = sum(len(one.sudden) for one in self.imports)
        parts = [
            Part(f" {foreign(self.integration, limit=40).text} ", "strong"),
            Part(f" {of(len(self.imports), 'import')} of at most {MOST} "),
            *self._not_shown(),
        ]
        if places:
            parts.append(Part(f" {of(places, 'sudden change')} ", "warn"))
        return [*parts, Part(keyed(" {back} goes back "), "dim", "back")]

    def _not_shown(self) -> list[Part]:
        """How many of them this window is too narrow for."""
        table = self.table()
        hidden = sum(not size for size in fit(table.columns, table.row_width))
        return [Part(f" the oldest {hidden} need a wider window ", "warn")] if hidden > 0 else []

    def empty(self, *sentences: str) -> tuple[Cell, ...]:
        return tuple(Cell(one) for one in sentences)
