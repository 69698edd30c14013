"""siscon runs compare: the last imports of one integration side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from siscon import runtime
from siscon.cli import output
from siscon.cli.options import check_integration, config_option, in_house, json_option
from siscon.domain.comparing import MOST, Column, names
from siscon.ops import comparing, rows
from siscon.ops.rows import iso


@click.command("compare")
@click.argument("integration")
@click.option(
    "--last",
    type=click.IntRange(1, MOST),
    default=MOST,
    show_default=True,
    metavar="N",
    help="At most so many imports.",
)
@config_option
@json_option
def compare_runs(integration: str, last: int, config: Path | None, *, as_json: bool) -> None:
    """Show the last imports of INTEGRATION side by side; what is suddenly other says so."""

    async def work(house: runtime.House) -> None:
        check_integration(house, integration, await rows.names(house.db))
        found = await comparing.last_imports(house.db, integration, last=last)
        if as_json:
            output.show(map(comparing.compared_row, found), (), as_json=True)
        elif not found:
            output.say(f"No import of {integration} has ended yet.")
        else:
            output.show(_rows(found), ["count", *_heads(found)], as_json=False)

    in_house(config, work)


def _heads(found: list[Column]) -> list[str]:
    return [f"#{one.run.id}" for one in found]


def _rows(found: list[Column]) -> list[dict[str, Any]]:
    """A row for each count; a count that is suddenly other has the word for it."""
    facts = {
        "status": [one.run.status.value for one in found],
        "started at": [(iso(one.run.started_at_ms) or "-")[:16] for one in found],
        "asked for": ["everything" if one.run.full else "changes" for one in found],
    }
    counts = {name: [_told(one, name) for one in found] for name in names(found)}
    return [
        {"count": name, **dict(zip(_heads(found), told, strict=True))}
        for name, told in {**facts, **counts}.items()
    ]


def _told(one: Column, name: str) -> str:
    value, change = one.counts.get(name), one.sudden.get(name)
    if value is None:
        return "?" if name in one.counts else "-"
    return f"{value} {change.what.value.upper()}" if change else str(value)
