"""What the person was told, kept: a notice that was missed is found again."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from siscon.tui.present import Cell, Look, Tone, foreign, moment
from siscon.tui.widgets.columns import Column
from siscon.tui.widgets.rows import Line

MOST = 200

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
