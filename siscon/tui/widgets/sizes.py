"""Of the sizes that reach a screen, the one of the terminal counts."""

from __future__ import annotations

from typing import Any

from textual.events import Resize
from textual.screen import Screen


def heed(screen: Screen[Any], event: Resize) -> None:
    """Let a size that is over be nothing.

    Textual has a screen tell itself each size it was laid out in. Two sizes of one moment (a terminal that nobody told
    its own, a window drawn with the mouse) would answer each other for ever.
    """
    if event.size != screen.app.size:
        event.stop()
        event.prevent_default()
