"""A report as one JSON document with stable keys, in ASCII."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from siscon.domain.tables import Cell, Column, Kind, Report, Share, Table, stamp

_DELETE = {127: "\\u007f"}


def as_json(report: Report) -> str:
    """The whole report; moments are ISO 8601 with the zone's offset, spans seconds, shares counts and per cent."""
    period = report.period
    document = {
        "report": report.name,
        "title": report.title,
        "time_zone": report.zone_name,
        "made_at": stamp(report.made_at_ms, report.zone),
        "from": stamp(period.from_ms, report.zone) if period else None,
        "until": stamp(period.until_ms, report.zone) if period else None,
        "facts": {one.key: one.text for one in report.facts},
        "tables": {one.key: _table(one, report) for one in report.tables},
        "notes": list(report.notes),
    }
    return json.dumps(document, ensure_ascii=True, indent=1).translate(_DELETE) + "\n"


def _table(table: Table, report: Report) -> dict[str, Any]:
    return {
        "title": table.title,
        "rows": [
            {
                column.key: value_of(cell, column, report)
                for column, cell in zip(table.columns, row, strict=True)
            }
            for row in table.rows
        ],
        "notes": list(table.notes),
    }


def value_of(cell: Cell, column: Column, report: Report) -> Any:
    """A cell as JSON has it."""
    if isinstance(cell, Share):
        return {"part": cell.part, "whole": cell.whole, "percent": cell.percent}
    if column.kind is Kind.MOMENT and isinstance(cell, int):
        return stamp(cell, report.zone)
    if isinstance(cell, date):
        return cell.isoformat()
    return round(cell, 3) if isinstance(cell, float) else cell
