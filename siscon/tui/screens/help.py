"""Keys and what they do, made from the table of actions; type to find one, enter runs it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from siscon.domain.filters import holding
from siscon.tui.actions import MOVES, Action, actions_of
from siscon.tui.key_names import key_word
from siscon.tui.keymap import keys_of
from siscon.tui.present import Cell, Look
from siscon.tui.screens.choosing import Choosing
from siscon.tui.widgets.columns import Column
from siscon.tui.widgets.rows import FixedRows, Line
from siscon.tui.widgets.table import LineTable

LEAST_KEYS, MOST_KEYS = 14, 28


def help_columns(lines: Sequence[Line]) -> tuple[Column, ...]:
    """The keys are written out whole: half a key is none. What they do comes next."""
    widest = max(cell_len(line.cells[0].text) for line in lines)
    return (
        Column("Keys", min(MOST_KEYS, max(LEAST_KEYS, widest))),
        Column("What it does", 34, flex=1, most=54),
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


class Help(Choosing):
    """The keys of one screen."""

    placeholder = "Type to find a key or a word; enter runs, esc closes"

    def __init__(self, screen: str, look: Look) -> None:
        super().__init__(look)
        lines = help_lines(screen)
        self.columns, self._lines = help_columns(lines), FixedRows(lines)

    def find(self, text: str) -> None:
        """Keys and words that hold it."""
        note = (Cell("No key does that."),)
        self.query_one(LineTable).show(self._lines.narrowed(holding(text), ()), note=note)
