"""Keys and what they do, made from the table of actions; type to find one, enter runs it."""

from __future__ import annotations

from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from siscon.domain.filters import holding
from siscon.tui.actions import BY_ID, MOVES, Action, actions_of
from siscon.tui.key_names import key_word
from siscon.tui.keymap import keys_of
from siscon.tui.present import Cell, Look
from siscon.tui.widgets.columns import Column
from siscon.tui.widgets.entry import Entry
from siscon.tui.widgets.rows import FixedRows, Line
from siscon.tui.widgets.table import LineTable

COLUMNS = (
    Column("Keys", 14, flex=1, most=22),
    Column("What it does", 34, flex=9, most=54),
    Column("Command", 25, from_width=96),
)


def help_lines(screen: str) -> list[Line]:
    """Every key of a screen: its own, those that move in lists, those of every screen."""
    actions = actions_of(screen)
    own = [_line(action) for action in actions if action.screens]
    return [*own, *_moves(), *(_line(action) for action in actions if not action.screens)]


def _line(action: Action) -> Line:
    cells = (
        Cell(" ".join(key_word(key) for key in keys_of(action.id)), "strong"),
        Cell(action.help, "warn" if action.mutates else ""),
        Cell(action.twin, "dim"),
    )
    return Line(action.id, cells, action)


def _moves() -> list[Line]:
    return [
        Line(
            way,
            (
                Cell(" ".join(map(key_word, keys_of(way))), "strong"),
                Cell(f"In lists: the {words}."),
                Cell(""),
            ),
        )
        for _, way, words in MOVES
    ]


class Help(ModalScreen[str | None]):
    """The keys of one screen; the result is the action to run, or None."""

    AUTO_FOCUS = "Entry"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False)]

    def __init__(self, screen: str, look: Look) -> None:
        super().__init__()
        self._lines = FixedRows(help_lines(screen))
        self._look = look

    def compose(self) -> ComposeResult:
        with Vertical(id="help"):
            yield Entry(placeholder="Type to find a key or a word; enter runs, esc closes", id="help_find")
            yield LineTable(COLUMNS, self._look, id="help_list")

    def on_mount(self) -> None:
        self._show("")

    def _show(self, text: str) -> None:
        note = (Cell("No key does that."),)
        self.query_one(LineTable).show(self._lines.narrowed(holding(text), ()), note=note)

    @on(Entry.Changed)
    def _changed(self, message: Entry.Changed) -> None:
        self._show(message.value)

    def on_key(self, event: events.Key) -> None:
        """Arrows move in the list while the cursor stays in the line."""
        ways = {"down": "down", "up": "up", "pagedown": "page_down", "pageup": "page_up"}
        if event.key in ways:
            event.stop()
            self.query_one(LineTable).action_move(ways[event.key])

    @on(Entry.Submitted)
    @on(LineTable.Opened)
    def _chosen(self) -> None:
        action: Action | None = self.query_one(LineTable).value
        self.dismiss(action.id if action is not None and action.id in BY_ID else None)

    def action_leave(self) -> None:
        """Close."""
        self.dismiss(None)
