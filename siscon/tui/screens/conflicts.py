"""Conflicts: records that changed on both sides, and below the list the fields three ways."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from siscon.domain.conflicts import Conflict
from siscon.ops import Database
from siscon.ops.conflicts import ConflictList
from siscon.tui.lines import CONFLICTS, conflict_cells, conflict_in_full, conflict_lines
from siscon.tui.present import Cells, foreign, of
from siscon.tui.screens.pane import Pane, bindings_of
from siscon.tui.widgets.panel import Panel
from siscon.tui.widgets.rows import PagedRows
from siscon.tui.widgets.status_bar import Part
from siscon.tui.widgets.table import LineTable


class Conflicts(Pane):
    """What waits for a person's word."""

    name_ = "conflicts"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("conflicts")]

    in_full = False

    def body(self) -> ComposeResult:
        yield LineTable(CONFLICTS, self.look, id="list")
        yield Panel(id="panel")

    async def load(self, db: Database) -> None:
        table = self.table()
        if isinstance(table.rows, PagedRows):
            await table.renew()
            return
        note = self.empty("No conflicts.", "No record waits for a person to choose between SIS and local.")
        await table.show_paged(PagedRows(ConflictList(db), self._cells), note=note)

    def _cells(self, conflict: Conflict) -> Cells:
        return conflict_cells(conflict, self.desk.now_ms())

    def pointed(self) -> None:
        conflict: Conflict | None = self.value()
        panel = self.query_one("#panel", Panel)
        if conflict is None:
            panel.tell([])
            return
        title = f"{conflict.entity.value} {conflict.external_id}, internal id {conflict.internal_id}"
        if self.in_full:
            panel.tell([foreign(title, "strong"), *conflict_in_full(conflict, self.look)])
            return
        panel.tell_table(
            [foreign(title, "strong")], conflict_lines(conflict, self.look), more=self.look.glyphs.more
        )

    def status(self) -> list[Part]:
        rows = len(self.table().rows)
        if not rows:
            return [Part(" no open conflicts ")]
        way = "side by side" if self.in_full else "in full"
        return [Part(f" {of(rows, 'open conflict')}; enter shows values {way} ")]

    def act_open(self) -> None:
        """The values in full, or side by side again."""
        self.in_full = not self.in_full
        self.pointed()
