"""A line to type in above a list that follows it; enter runs what is under the cursor."""

from __future__ import annotations

from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from siscon.tui.actions import BY_ID
from siscon.tui.present import Look
from siscon.tui.widgets.columns import Column
from siscon.tui.widgets.dialog import Dialog
from siscon.tui.widgets.entry import Entry
from siscon.tui.widgets.table import LineTable


class Choosing(Dialog[str | None]):
    """Actions to choose from, one a row with its id as key; the result is the action to run, or None."""

    AUTO_FOCUS = "Entry"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False)]
    columns: tuple[Column, ...]
    placeholder: ClassVar[str]

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look

    def find(self, text: str) -> None:
        """Show the rows that a text means; all of them for none."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        with Vertical(id="help"):
            yield Entry(placeholder=self.placeholder, id="help_find")
            yield LineTable(self.columns, self._look, id="help_list")

    def on_mount(self) -> None:
        self.find("")

    @on(Entry.Changed)
    def _changed(self, message: Entry.Changed) -> None:
        self.find(message.value)

    def on_key(self, event: events.Key) -> None:
        """Arrows move in the list while the cursor stays in the line."""
        ways = {"down": "down", "up": "up", "pagedown": "page_down", "pageup": "page_up"}
        if event.key in ways:
            event.stop()
            self.query_one(LineTable).action_move(ways[event.key])

    @on(Entry.Submitted)
    @on(LineTable.Opened)
    def _chosen(self) -> None:
        key = self.query_one(LineTable).key
        if key is None:
            return  # nothing is like what was typed: what stands there says so
        self.dismiss(str(key) if key in BY_ID else None)

    def action_leave(self) -> None:
        """Close."""
        self.dismiss(None)
