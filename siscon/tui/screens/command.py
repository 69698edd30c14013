"""The command line, in the place of the status line; below it what could stand next, or what is wrong with it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from siscon.domain.errors import SisconError
from siscon.tui.line_history import LineHistory, Walk
from siscon.tui.present import Cell, foreign
from siscon.tui.verbs import VERBS, complete, how_to
from siscon.tui.widgets.dialog import Dialog
from siscon.tui.widgets.entry import Entry
from siscon.tui.widgets.panel import content

Deed = Callable[[], object]


class Command(Dialog[Deed | None]):
    """One line. What it would do is its result; a line that cannot be done stays, with the reason below it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("tab", "complete", show=False, priority=True),
        Binding("up", "walk(-1)", show=False, priority=True),
        Binding("down", "walk(1)", show=False, priority=True),
    ]

    def __init__(
        self,
        prepare: Callable[[str], Awaitable[Deed]],
        known: Callable[[], Awaitable[Mapping[str, Iterable[str]]]],
        history: LineHistory,
        *,
        text: str = "",
    ) -> None:
        super().__init__()
        self._prepare = prepare
        self._ask_known = known
        self._known: Mapping[str, Iterable[str]] = {}
        self._history = history
        self._walk = Walk(history.lines)
        self._text = text

    def compose(self) -> ComposeResult:
        with Vertical(id="command"):
            with Horizontal(id="command_line"):
                yield Static(Content(" :"), id="command_sign", markup=False)
                yield Entry(self._text, id="command_text")
            yield Static(Content(""), id="command_hint", markup=False)

    async def on_mount(self) -> None:
        self._hint()
        try:
            self._known = await self._ask_known()
        except SisconError:
            return  # what could be typed is not offered then; typing goes all the same
        self._hint()

    @property
    def _entry(self) -> Entry:
        return self.query_one(Entry)

    def _say(self, cell: Cell) -> None:
        self.query_one("#command_hint", Static).update(content([Cell(f" {cell.text}", cell.tone)]))

    def _hint(self) -> None:
        """What could stand next; once a verb is whole, how it is written."""
        text = self._entry.value
        _, found = complete(text, self._known)
        verb = text.split(" ")[0]
        if not text:
            told = "tab completes, arrows are the history, esc closes"
        elif " " in text and not found and verb in VERBS:
            told = how_to(verb)
        else:
            told = "  ".join(found)
        self._say(foreign(told, "dim", limit=300))

    @on(Entry.Changed)
    def _changed(self) -> None:
        self._hint()

    def action_complete(self) -> None:
        """Fill in what is certain."""
        self._write(complete(self._entry.value, self._known)[0])

    def action_walk(self, way: int) -> None:
        """A line of before, or one after it."""
        now = self._entry.value
        self._write(self._walk.back(now) if way < 0 else self._walk.on(now))

    def _write(self, text: str) -> None:
        self._entry.value = text
        self._entry.cursor_position = len(text)

    @on(Entry.Submitted)
    async def _done(self, message: Entry.Submitted) -> None:
        line = message.value.strip().removeprefix(":").strip()
        if not line:
            self.dismiss(None)
            return
        try:
            deed = await self._prepare(line)
        except SisconError as error:
            self._say(foreign(error.sentence, "bad", limit=400))
            return
        self._history.add(line)
        self.dismiss(deed)

    def action_leave(self) -> None:
        """Nothing is done."""
        self.dismiss(None)
