"""A question with a few answers. The safe answer has the cursor; escape gives it too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from siscon.tui.present import Cell, Look
from siscon.tui.widgets.dialog import Dialog
from siscon.tui.widgets.panel import content

NO = "No, change nothing"


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer: the key that gives it, what it is called in code, its words."""

    key: str
    value: str
    words: str


class Ask(Dialog[str]):
    """Asks; the value of the answer is the result. ``safe`` is the value that harms nothing."""

    def __init__(
        self, title: str, lines: Sequence[Cell], choices: Sequence[Choice], *, safe: str, look: Look
    ) -> None:
        super().__init__()
        self._heading = title
        self._lines = tuple(lines)
        self._choices = tuple(choices)
        self._safe = safe
        self._look = look
        self._at = next(index for index, choice in enumerate(choices) if choice.value == safe)

    def on_resize(self) -> None:
        """In a window too small for anything else the answers alone are left."""
        self.set_class(self.app.size.height < 13, "-low")

    def compose(self) -> ComposeResult:
        with Vertical(id="ask"):
            yield Static(Content.styled(self._heading, "bold"), id="ask_title", markup=False)
            if self._lines:
                yield Static(content(self._lines), id="ask_lines", markup=False)
            yield Static(self._answers(), id="ask_choices", markup=False)

    def _answers(self) -> Content:
        lines = []
        for index, choice in enumerate(self._choices):
            here = index == self._at
            sign = ">" if here else " "
            lines.append(
                Content.styled(f"{sign} {choice.key}  {choice.words}", "bold reverse" if here else "")
            )
        return Content("\n").join(lines)

    def on_key(self, event: events.Key) -> None:
        """A choice's key answers; arrows move; enter takes the one under the cursor."""
        event.stop()
        if event.key == "escape":
            self.dismiss(self._safe)
        elif event.key == "enter":
            self.dismiss(self._choices[self._at].value)
        elif event.key in ("down", "right", "tab", "up", "left", "shift+tab"):
            step = 1 if event.key in ("down", "right", "tab") else -1
            self._at = (self._at + step) % len(self._choices)
            self.query_one("#ask_choices", Static).update(self._answers())
        else:
            self._answer(event.character or "")

    def _answer(self, character: str) -> None:
        for choice in self._choices:
            if character and character.casefold() == choice.key.casefold():
                self.dismiss(choice.value)
                return


def yes_no(title: str, lines: Sequence[Cell], *, look: Look, yes: str) -> Ask:
    """The usual question: no is the safe answer."""
    choices = (Choice("n", "no", NO), Choice("y", "yes", yes))
    return Ask(title, lines, choices, safe="no", look=look)
