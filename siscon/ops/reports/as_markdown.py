"""A report as Markdown with tables, as GitHub, GitLab and most wikis read it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from siscon.domain.tables import Kind, Report, Table, told
from siscon.domain.text import plain

RIGHT = frozenset({Kind.COUNT, Kind.NUMBER, Kind.SHARE, Kind.SPAN})
_MEANT = re.compile(r"([\\`*_{}\[\]<>()#+!|~&@:-])")
"""Signs that Markdown, or an address that it makes a link of, might take for its own."""
_HARMLESS = re.compile(r"(?<=[0-9A-Za-z ])\\([-+:()])(?=[0-9A-Za-z ])")


def as_markdown(report: Report) -> str:
    """The whole report; what came from outside is text, never markup, a link or another cell."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield f"# {safe(report.title)}\n"
    yield f"{safe(report.span)} ({safe(report.zone_name)})\n"
    if report.facts:
        yield from (f"- **{safe(one.name)}**: {safe(one.text)}" for one in report.facts)
        yield ""
    for table in report.tables:
        yield from _table(table, report)
    yield from (f"{safe(note)}\n" for note in report.notes)


def _table(table: Table, report: Report) -> Iterator[str]:
    yield f"## {safe(table.title)}\n"
    if table.rows:
        yield _row(safe(one.title) for one in table.columns)
        yield _row("---:" if one.kind in RIGHT else "---" for one in table.columns)
        for row in table.rows:
            cells = zip(table.columns, row, strict=True)
            yield _row(safe(told(cell, column, report)) for column, cell in cells)
        yield ""
    else:
        yield f"{safe(table.empty)}\n"
    yield from (f"{safe(note)}\n" for note in table.notes)


def _row(cells: Iterator[str]) -> str:
    return f"| {' | '.join(cells)} |"


def safe(text: str) -> str:
    """Foreign text as text of a page; between letters, digits and blanks a dash or a colon stays as it is."""
    return _HARMLESS.sub(r"\1", _MEANT.sub(r"\\\1", plain(text, limit=2000)))
