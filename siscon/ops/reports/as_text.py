"""A report as plain text that fits a terminal of 80 columns."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

from siscon.domain.tables import Kind, Report, Table, told
from siscon.domain.text import plain

WIDTH = 80
GAP = 2
MOST_NAME = 20
LEAST_TEXT, LEAST_AT_ALL = 12, 5
"""Text may be cut to so much before a column is left out; and where none can be, to so much."""
RIGHT = frozenset({Kind.COUNT, Kind.NUMBER, Kind.SHARE, Kind.SPAN})


def as_text(report: Report, *, width: int = WIDTH) -> str:
    """The whole report; every line ends with a line feed, and none is wider than ``width``."""
    return "".join(f"{line}\n" for line in _lines(report, width))


def _lines(report: Report, width: int) -> Iterator[str]:
    yield from folded(report.title, width)
    yield from folded(f"{report.span} ({report.zone_name})", width)
    if report.facts:
        yield ""
        size = max(min(cells_of(plain(one.name)), MOST_NAME) for one in report.facts) + GAP
        for fact in report.facts:
            yield from _hung(fact.name, fact.text, size, width)
    for table in report.tables:
        yield ""
        yield from table_lines(table, report, width)
    if report.notes:
        yield ""
        for note in report.notes:
            yield from folded(note, width)


def _hung(name: str, text: str, size: int, width: int) -> Iterator[str]:
    for at, line in enumerate(folded(text, width - size)):
        head = "" if at else cut(plain(name), MOST_NAME)
        yield f"{head}{' ' * (size - cells_of(head))}{line}".rstrip()


def table_lines(table: Table, report: Report, width: int) -> Iterator[str]:
    """Title, heads, rows and notes of one table."""
    yield from folded(table.title, width)
    if not table.rows:
        yield from folded(f"  {table.empty}", width)
    else:
        texts = [
            [plain(told(cell, column, report)) for cell, column in zip(row, table.columns, strict=True)]
            for row in table.rows
        ]
        sizes = _sizes(table, texts, width)
        heads = [one.title for one in table.columns]
        for cells in (heads, *texts):
            yield _line(table, cells, sizes)
        hidden = [one.title for one, size in zip(table.columns, sizes, strict=True) if size is None]
        if hidden:
            yield from folded(f"Too wide for this: {', '.join(hidden)}. Every other format has them.", width)
    for note in table.notes:
        yield from folded(note, width)


def _sizes(table: Table, texts: Sequence[Sequence[str]], width: int) -> list[int | None]:
    """How wide each column is; None for one that is left out."""
    wanted = [
        max(cells_of(one.title), *(cells_of(row[at]) for row in texts))
        for at, one in enumerate(table.columns)
    ]
    least = _least(table, wanted, LEAST_TEXT)
    kept = list(range(len(wanted)))
    while _total(least, kept) > width:
        last = max(kept, key=lambda at: (table.columns[at].rank, at))
        if table.columns[last].rank == 0:
            least = _least(table, wanted, LEAST_AT_ALL)
            break
        kept.remove(last)
    spare = width - _total(least, kept)
    sizes: list[int | None] = [None] * len(wanted)
    for at in kept:
        more = max(0, min(spare, wanted[at] - least[at]))
        sizes[at], spare = least[at] + more, spare - more
    return sizes


def _least(table: Table, wanted: Sequence[int], text: int) -> list[int]:
    return [
        min(size, max(text, min(LEAST_TEXT, cells_of(one.title))))
        if one.kind is Kind.TEXT and not one.whole
        else size
        for one, size in zip(table.columns, wanted, strict=True)
    ]


def _total(sizes: Sequence[int], kept: Sequence[int]) -> int:
    return sum(sizes[at] for at in kept) + GAP * (len(kept) - 1)


def _line(table: Table, cells: Sequence[str], sizes: Sequence[int | None]) -> str:
    shown = []
    for column, cell, size in zip(table.columns, cells, sizes, strict=True):
        if size is not None:
            text = cut(cell, size)
            pad = " " * (size - cells_of(text))
            shown.append(pad + text if column.kind in RIGHT else text + pad)
    return (" " * GAP).join(shown).rstrip()


def cells_of(text: str) -> int:
    """How many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(_cells(one) for one in text)


def _cells(sign: str) -> int:
    if unicodedata.combining(sign):
        return 0
    return 2 if unicodedata.east_asian_width(sign) in ("W", "F") else 1


def cut(text: str, size: int) -> str:
    """The text, or as much of its beginning as there is room for before an ellipsis."""
    if cells_of(text) <= size:
        return text
    kept, room = "", size - 1
    for sign in text:
        room -= _cells(sign)
        if room < 0:
            break
        kept += sign
    return f"{kept}…"


def folded(text: str, width: int) -> Iterator[str]:
    """The text in lines of at most ``width``; what stands before the first word stands before each line."""
    safe = plain(text, limit=2000)
    lead = " " * (len(safe) - len(safe.lstrip(" ")))
    line = lead
    for word in safe.split():
        glue = "" if line == lead else " "
        if cells_of(line) + len(glue) + cells_of(word) > width:
            if line.strip():
                yield line
            line, glue = lead, ""
        line += glue + cut(word, width - len(lead))
    yield line
