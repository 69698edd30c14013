"""A report as `siscon report` writes it, read once: what happened does not move while one reads it."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from siscon.domain.tables import Report
from siscon.ops import Database
from siscon.tui.keymap import keyed
from siscon.tui.present import foreign, moment
from siscon.tui.screens.pane import Desk, Pane, bindings_of
from siscon.tui.widgets.columns import Column
from siscon.tui.widgets.rows import Line
from siscon.tui.widgets.status_bar import Part
from siscon.tui.widgets.table import LineTable

LEAST_WIDTH, MOST_WIDTH = 60, 160
LINES = (Column("Report", 40, flex=1),)
BY_ENDING = {".json": "json", ".csv": "csv", ".html": "html", ".htm": "html", ".md": "md"}
"""The form of a file by the ending of its name; else it is text."""


class ReportPane(Pane):
    """One report; ``words`` are those behind ``:report``."""

    name_ = "report"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("report")]

    def __init__(self, desk: Desk, *words: str) -> None:
        super().__init__(desk)
        self.words = words
        self.report: Report | None = None

    @property
    def crumb(self) -> str:
        return "Report" if self.report is None else foreign(self.report.title, limit=40).text

    def body(self) -> ComposeResult:
        yield LineTable(LINES, self.look, id="list")

    async def load(self, db: Database) -> None:
        from siscon.ops.reports.as_text import as_text
        from siscon.ops.reports.asked import make, understood

        if self.report is None:
            self.report = await make(
                db, understood(self.words), now_ms=self.desk.now_ms(), zone=self.look.zone
            )
        width = min(max(LEAST_WIDTH, self.table().row_width), MOST_WIDTH)
        titles = {self.report.title, *(one.title for one in self.report.tables)}
        told = as_text(self.report, width=width).replace("\u2026", self.look.glyphs.more)  # where it is cut
        lines = [
            Line(at, (foreign(text, "strong" if text in titles else "", limit=MOST_WIDTH),), text)
            for at, text in enumerate(told.splitlines())
        ]
        self.table().show(self.fixed(lines), note=self.empty("Nothing is told."))

    def act_refresh(self) -> None:
        """Read it again, as of now."""
        self.report = None
        self.load_soon()
        self.tell()

    def written_as(self, path: Path) -> str:
        """The report as a file of that name holds it."""
        from siscon.ops.reports.asked import FORMS

        assert self.report is not None, "a screen that is written has been read"
        return FORMS[BY_ENDING.get(path.suffix.lower(), "text")](self.report)

    def status(self) -> list[Part]:
        if self.report is None:
            return [Part(" reading ... ", "busy")]
        as_of = moment(self.report.made_at_ms, self.look)
        return [
            Part(f" as of {as_of} "),
            Part(keyed(" {refresh} reads it again, :write FILE.html exports it "), "dim", "refresh"),
        ]
