"""A report as one HTML page that needs nothing else: no script, no picture, no address; it can be printed."""

from __future__ import annotations

import html
from collections.abc import Iterator

from siscon.domain.tables import Column, Kind, Report, Table, told
from siscon.domain.text import plain

RIGHT = frozenset({Kind.COUNT, Kind.NUMBER, Kind.SHARE, Kind.SPAN})
STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
h1 { font-size: 1.35rem; margin: 0; }
.when, .note { margin: .3rem 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.2rem; }
dt { font-weight: 600; }
dd { margin: 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: 1.4rem 0 .4rem; }
caption { font-weight: 600; padding-bottom: .3rem; text-align: left; }
th, td { border-bottom: 1px solid; padding: .25rem .8rem .25rem 0; text-align: left; vertical-align: top; }
th.n, td.n { font-variant-numeric: tabular-nums; text-align: right; white-space: nowrap; }
@media print {
  body { font-size: 10pt; margin: 0; max-width: none; }
  table, dl { break-inside: auto; }
  tr { break-inside: avoid; }
  thead { display: table-header-group; }
  .wide { overflow: visible; }
}
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def as_html(report: Report) -> str:
    """The whole report; all that came from outside is text, and nothing is said by a colour alone."""
    return "\n".join(_page(report)) + "\n"


def _page(report: Report) -> Iterator[str]:
    title = safe(report.title)
    yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield '<meta name="referrer" content="no-referrer">'
    yield f"<title>{title}, {safe(report.span)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>"
    yield f'<h1>{title}</h1>\n<p class="when">{safe(report.span)} ({safe(report.zone_name)})</p>'
    if report.facts:
        yield "<dl>"
        for fact in report.facts:
            yield f"<dt>{safe(fact.name)}</dt><dd>{safe(fact.text)}</dd>"
        yield "</dl>"
    for table in report.tables:
        yield from _table(table, report)
    yield from (f'<p class="note">{safe(note)}</p>' for note in report.notes)
    yield "</main>\n</body>\n</html>"


def _table(table: Table, report: Report) -> Iterator[str]:
    yield f'<div class="wide"><table>\n<caption>{safe(table.title)}</caption>'
    if table.rows:
        heads = (f'<th scope="col"{_side(one)}>{safe(one.title)}</th>' for one in table.columns)
        yield f"<thead><tr>{''.join(heads)}</tr></thead>\n<tbody>"
        for row in table.rows:
            cells = (
                f"<td{_side(column)}>{safe(told(cell, column, report))}</td>"
                for column, cell in zip(table.columns, row, strict=True)
            )
            yield f"<tr>{''.join(cells)}</tr>"
        yield "</tbody>"
    else:
        yield f"<tbody><tr><td>{safe(table.empty)}</td></tr></tbody>"
    yield "</table></div>"
    yield from (f'<p class="note">{safe(note)}</p>' for note in table.notes)


def _side(column: Column) -> str:
    return ' class="n"' if column.kind in RIGHT else ""


def safe(text: str) -> str:
    """Foreign text as text of a page."""
    return html.escape(plain(text, limit=2000))
