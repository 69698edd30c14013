"""What lies over a screen until it has an answer."""

from __future__ import annotations

from typing import TypeVar

from textual.await_complete import AwaitComplete
from textual.events import Resize
from textual.screen import ModalScreen

from siscon.tui.widgets.sizes import heed

Answer = TypeVar("Answer")


class Dialog(ModalScreen[Answer]):
    """A line, a list or a question over a screen; it closes with the answer, once."""

    async def _on_resize(self, event: Resize) -> None:
        """As of every screen."""
        heed(self, event)

    def dismiss(self, result: Answer | None = None) -> AwaitComplete:
        """Close with an answer.

        A second key of the same moment, as a slow line brings them, finds it closed: Textual would close what lies
        below as well, and fail where nothing does.
        """
        return super().dismiss(result) if self.app.screen is self else AwaitComplete()
