"""A report as one sheet for spreadsheets: the first column says which table a row belongs to."""

from __future__ import annotations

import csv
import io
from datetime import date

from siscon.domain.tables import Cell, Column, Kind, Report, Share, stamp
from siscon.domain.text import plain
from siscon.ops.files import cell as harmless

NO_RUN = "no run"


def as_csv(report: Report) -> str:
    """All tables below each other under one line of names (RFC 4180); what a table has no column for is empty.

    A share is three columns: its per cent, and behind it part and whole.
    """
    names = ["table"]
    for table in report.tables:
        names += [name for one in table.columns for name in _names(one) if name not in names]
    sheet = io.StringIO()
    writer = csv.DictWriter(sheet, names, restval="", lineterminator="\r\n")
    writer.writeheader()
    for table in report.tables:
        for row in table.rows:
            told = {"table": table.key}
            for column, cell in zip(table.columns, row, strict=True):
                told.update(zip(_names(column), _values(cell, column, report), strict=True))
            writer.writerow(told)
    return sheet.getvalue()


def _names(column: Column) -> tuple[str, ...]:
    if column.kind is Kind.SHARE:
        return column.key, f"{column.key}_part", f"{column.key}_whole"
    return (column.key,)


def _values(cell: Cell, column: Column, report: Report) -> tuple[str, ...]:
    if isinstance(cell, Share):
        percent = cell.percent
        return (NO_RUN if percent is None else f"{percent:g}"), str(cell.part), str(cell.whole)
    if cell is None:
        empty = column.absent if column.absent != "-" else ""
        return (empty, *("" for _ in _names(column)[1:]))
    if column.kind is Kind.MOMENT and isinstance(cell, int):
        return (stamp(cell, report.zone),)
    if isinstance(cell, date):
        return (cell.isoformat(),)
    if isinstance(cell, float):
        return (f"{cell:.3f}".rstrip("0").rstrip("."),)
    return (str(cell) if isinstance(cell, int) else harmless(plain(cell, limit=1000)),)
