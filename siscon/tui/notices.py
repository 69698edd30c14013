"""What the person was told, kept: a notice that was missed is found again."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Self

from textual.notifications import Notification, Notifications

from siscon.tui.present import Cell, Look, Tone, foreign, moment
from siscon.tui.widgets.columns import Column
from siscon.tui.widgets.rows import Line

MOST = 200
AT_ONCE = 3
"""So many notices lie over a screen; an older one makes room, and is found among the messages."""

NOTICES = (
    Column("When", 12),
    Column("How", 7),
    Column("What was said", 30, flex=1),
)
_TONES: dict[str, Tone] = {"warning": "warn", "error": "bad"}


@dataclass(frozen=True, slots=True)
class Notice:
    """One sentence to the person; ``number`` counts them from the start of the console."""

    number: int
    at_ms: int
    severity: str
    text: str


class Notices:
    """The last notices, newest last."""

    def __init__(self) -> None:
        self.kept: deque[Notice] = deque(maxlen=MOST)
        self._count = 0

    def add(self, at_ms: int, severity: str, text: str) -> None:
        """Keep one; the oldest makes room."""
        self._count += 1
        self.kept.append(Notice(self._count, at_ms, severity, text))


def notice_line(one: Notice, look: Look) -> Line:
    """One notice as a row."""
    tone = _TONES.get(one.severity, "")
    how = "info" if one.severity == "information" else one.severity
    cells = (Cell(moment(one.at_ms, look), "dim"), Cell(how, tone), foreign(one.text, tone, limit=800))
    return Line(one.number, cells, one)


class Shown(Notifications):
    """The notices that lie over a screen: each sentence once, and few at a time."""

    def add(self, notification: Notification) -> Self:
        """Show one; what says the same makes room, and the oldest where it would be one too many."""
        for one in list(self):
            if one.message == notification.message:
                del self[one]
        for one in list(self)[: max(0, len(self) - AT_ONCE + 1)]:
            del self[one]
        return super().add(notification)
