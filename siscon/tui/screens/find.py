"""One line at the foot of the screen: what rows should hold."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from siscon.tui.widgets.entry import Entry


class Find(ModalScreen[str | None]):
    """Asks for a text; None when the person thinks better of it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False)]

    def __init__(self, text: str, words: str) -> None:
        super().__init__()
        self._text = text
        self._words = words

    def compose(self) -> ComposeResult:
        with Horizontal(id="find"):
            yield Static(Content(f" {self._words}: "), id="find_words", markup=False)
            yield Entry(self._text, id="find_text")

    @on(Entry.Submitted)
    def _found(self, message: Entry.Submitted) -> None:
        self.dismiss(message.value)

    def action_leave(self) -> None:
        """Nothing is looked for."""
        self.dismiss(None)
