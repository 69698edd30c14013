"""One-line bars: where I am and whether an engine works, what this list holds, which keys there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.strip import Strip
from textual.widget import Widget

from siscon.tui.actions import Action
from siscon.tui.keymap import key_of, keys_of
from siscon.tui.present import Tone
from siscon.tui.widgets.columns import cut


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a bar: safe text, its tone, and what a click on it runs: an action of the table, by its id, or an
    action of the app in Textual's way, such as ``app.up(1)``. ``short`` says it where there is little room.
    """

    text: str
    tone: Tone = ""
    action: str = ""
    short: str = ""


class Bar(Widget):
    """One line of parts from the left and parts from the right; a click on a part runs its action."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "bar--good",
        "bar--busy",
        "bar--warn",
        "bar--bad",
        "bar--dim",
        "bar--strong",
    }

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 # the name Textual gives it
        super().__init__(id=id)
        self.left: tuple[Part, ...] = ()
        self.right: tuple[Part, ...] = ()
        self._spans: list[tuple[int, int, str]] = []

    def tell(self, left: Sequence[Part], right: Sequence[Part] = ()) -> None:
        """Show these parts; nothing is painted when they are the same as before."""
        if (tuple(left), tuple(right)) != (self.left, self.right):
            self.left, self.right = tuple(left), tuple(right)
            self.refresh()

    @property
    def text(self) -> str:
        """What the bar says, for tests and for reading aloud."""
        return " ".join(part.text for part in (*self.left, *self.right))

    def render_line(self, y: int) -> Strip:
        """The bar; parts on the left give way to those on the right."""
        width = self.size.width
        if y:
            return Strip.blank(width, self.rich_style)
        self._spans = []
        left, right = shortened(self.left, self.right, width)
        tail_width = _width(right)
        room = max(0, width - tail_width - (1 if tail_width else 0))
        segments, used = self._draw(left, 0, room)
        segments.append(Segment(" " * max(0, width - tail_width - used), self.rich_style))
        tail, _ = self._draw(right, max(used, width - tail_width), tail_width)
        return Strip([*segments, *tail]).adjust_cell_length(width, self.rich_style)

    def _draw(self, parts: Sequence[Part], x: int, room: int) -> tuple[list[Segment], int]:
        segments: list[Segment] = []
        used = 0
        for part in parts:
            size = min(cell_len(part.text), room - used)
            if size <= 0:
                break
            style = self.rich_style
            if part.tone:
                style += self.get_component_rich_style(f"bar--{part.tone}", partial=True)
            segments.append(Segment(cut(part.text, size, more="."), style))
            if part.action:
                self._spans.append((x + used, x + used + size, part.action))
            used += size
        return segments, used

    async def on_click(self, event: events.Click) -> None:
        """Run the action of the part under the mouse."""
        for start, end, action in self._spans:
            if start <= event.x < end:
                await self.app.run_action(action if "(" in action else f"app.act('{action}')")
                return


def shortened(left: Sequence[Part], right: Sequence[Part], width: int) -> tuple[list[Part], list[Part]]:
    """The parts of a bar so wide: as many of them in their short form, from the left on, as are needed to show all."""
    parts = [*left, *right]
    over = _width(parts) + (1 if right else 0) - width
    for at, part in enumerate(parts):
        if over <= 0:
            break
        if part.short:
            parts[at] = replace(part, text=part.short)
            over -= cell_len(part.text) - cell_len(part.short)
    return parts[: len(left)], parts[len(left) :]


def _width(parts: Sequence[Part]) -> int:
    return sum(cell_len(part.text) for part in parts)


AT_THE_END = ("command", "help", "quit")
"""However narrow the window is, these keys stand there: whoever knows them finds all others."""


def key_parts(actions: Sequence[Action], refused: frozenset[str], width: int) -> list[Part]:
    """The keys of a screen, as many as there is room for; keys that cannot act now are dim.

    First come those that a footer is for, then what else the screen itself can do.
    """
    actions = [action for action in actions if keys_of(action.id)]
    ends = [action for action in actions if action.id in AT_THE_END]
    first = [action for action in actions if action.footer and action not in ends]
    more = [action for action in actions if not action.footer and action.screens]
    room = width - sum(map(_size, ends))
    shown = []
    for action in (*first, *more):
        if _size(action) <= room:
            shown.append(action)
            room -= _size(action)
    parts: list[Part] = []
    for action in (*shown, *ends):
        tone: Tone = "dim" if action.id in refused else ""
        parts.append(Part(f" {key_of(action.id)}", "dim" if tone else "strong", action.id))
        parts.append(Part(f" {action.word} ", tone, action.id))
    return parts


def _size(action: Action) -> int:
    return cell_len(key_of(action.id)) + cell_len(action.word) + 3
