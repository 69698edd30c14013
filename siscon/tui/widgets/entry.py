"""A line to type in: no blinking cursor, and nothing pasted into it can act on the terminal."""

from __future__ import annotations

from textual import events
from textual.widgets import Input

from siscon.domain.text import MAX_SHOWN, plain

LONGEST = MAX_SHOWN
"""More characters are not taken."""


class Entry(Input):
    """Text typed or pasted by a person, always plain."""

    def __init__(self, value: str = "", *, placeholder: str = "", id: str | None = None) -> None:  # noqa: A002 # the name Textual gives it
        super().__init__(
            value=value,
            placeholder=placeholder,
            max_length=LONGEST,
            id=id,
            compact=True,
            select_on_focus=False,
        )
        self.cursor_blink = False

    async def on_key(self, event: events.Key) -> None:
        """Enter is answered here: on its way up as a binding, letters typed after it would come before it."""
        if event.key == "enter":
            event.stop()
            event.prevent_default()
            await self.action_submit()

    def validate_value(self, value: str) -> str:
        """What was typed, with hidden characters made visible."""
        return plain(value)
