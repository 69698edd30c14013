"""One line at the foot of the screen: what rows should hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from siscon.tui.widgets.dialog import Dialog
from siscon.tui.widgets.entry import Entry


class Find(Dialog[str | None]):
    """Asks for a text; None when the person thinks better of it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False)]

    def __init__(
        self,
        text: str,
        words: str,
        *,
        example: str = "",
        mistake: Callable[[str], str] = lambda _: "",
    ) -> None:
        super().__init__()
        self._text = text
        self._words = words
        self._example = example
        self._mistake = mistake

    def compose(self) -> ComposeResult:
        yield Static(id="find_mistake", markup=False)
        with Horizontal(id="find"):
            yield Static(Content(f" {self._words}: "), id="find_words", markup=False)
            yield Entry(self._text, placeholder=self._example, id="find_text")

    @on(Entry.Submitted)
    def _found(self, message: Entry.Submitted) -> None:
        mistake = self._mistake(message.value)
        if mistake:
            self._tell(mistake)
        else:
            self.dismiss(message.value)

    @on(Entry.Changed)
    def _changed(self) -> None:
        self._tell("")

    def _tell(self, mistake: str) -> None:
        told = self.query_one("#find_mistake", Static)
        told.display = bool(mistake)
        told.update(Content(f" {mistake}"))

    def action_leave(self) -> None:
        """Nothing is looked for."""
        self.dismiss(None)
