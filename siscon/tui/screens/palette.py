"""The palette: every command and action, found by a few of its letters; enter runs it, or begins its line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from siscon.tui.actions import ACTIONS, Action
from siscon.tui.fuzzy import best_first
from siscon.tui.key_names import key_word
from siscon.tui.keymap import keys_of
from siscon.tui.present import Cell, Look
from siscon.tui.screens.choosing import Choosing
from siscon.tui.verbs import how_to, takes_of, verbs_of
from siscon.tui.widgets.columns import Column
from siscon.tui.widgets.rows import FixedRows, Line
from siscon.tui.widgets.table import LineTable

COLUMNS = (
    Column("Command", 22, flex=2, most=44),
    Column("What it does", 30, flex=5, most=54),
    Column("Key", 6, flex=1, most=12),
)


def offered(here: Sequence[Action]) -> list[Action]:
    """What can be meant on a screen: what its keys do, the screens, and all that is named by words."""
    named = [one for one in ACTIONS if takes_of(one) or not one.keys]
    return list({one.id: one for one in (*here, *named)}.values())


def palette_line(action: Action) -> Line:
    """One command as a row."""
    keys = " ".join(key_word(key) for key in keys_of(action.id))
    words = Cell(how_to(verbs_of(action)[0]), "strong")
    return Line(action.id, (words, Cell(action.help, "warn" if action.mutates else ""), Cell(keys, "dim")))


class Palette(Choosing):
    """Commands by their likeness to what is typed."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,ctrl+p", "leave", show=False, priority=True)]
    columns = COLUMNS
    placeholder = "A few letters of what you want; enter runs, esc closes"

    def __init__(self, here: Sequence[Action], look: Look) -> None:
        super().__init__(look)
        self._actions = {one.id: one for one in offered(here)}
        self._names = {one.id: f"{' '.join(verbs_of(one))} {one.word}" for one in self._actions.values()}
        self._helps = {one.id: one.help for one in self._actions.values()}

    def find(self, text: str) -> None:
        """What is most like it stands first."""
        found = dict.fromkeys((*best_first(text, self._names), *best_first(text, self._helps)))
        if not text.strip():
            found = dict.fromkeys(self._actions)  # what this screen is for stands first
        lines = [palette_line(self._actions[one]) for one in found]
        table = self.query_one(LineTable)
        table.show(FixedRows(lines), note=(Cell("No command is like that."),))
        table.point(0)
