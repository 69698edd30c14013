"""Messages: what this console has told the person, newest first, also what has gone from the screen since."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from siscon.ops import Database
from siscon.tui.keymap import keyed
from siscon.tui.notices import NOTICES, Notice, notice_line
from siscon.tui.present import foreign, moment, of
from siscon.tui.screens.pane import Pane, bindings_of
from siscon.tui.widgets.panel import Panel
from siscon.tui.widgets.status_bar import Part
from siscon.tui.widgets.table import LineTable


class Messages(Pane):
    """The notices that are kept."""

    name_ = "messages"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("messages")]

    def body(self) -> ComposeResult:
        yield LineTable(NOTICES, self.look, id="list")
        yield Panel(id="panel")

    async def load(self, db: Database) -> None:  # noqa: ARG002 # notices are kept in memory
        lines = [notice_line(one, self.look) for one in reversed(self.desk.notices.kept)]
        self.table().show(self.fixed(lines), note=self.empty("Nothing was said yet."))

    def pointed(self) -> None:
        one: Notice | None = self.value()
        panel = self.query_one("#panel", Panel)
        panel.tell([foreign(f"{moment(one.at_ms, self.look)}  {one.text}", limit=900)] if one else [])

    def status(self) -> list[Part]:
        return [
            Part(f" {of(len(self.table().rows), 'message')} "),
            Part(keyed(" {back} goes back "), "dim", "back"),
        ]
