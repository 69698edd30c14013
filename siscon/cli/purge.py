"""``siscon purge``: what is too old, shown, and removed ahead of its schedule."""

from __future__ import annotations

from pathlib import Path

import click

from siscon import runtime
from siscon.cli import output
from siscon.cli.chores import see_through
from siscon.cli.exit_codes import DONE
from siscon.cli.options import config_option, in_house, json_option, now_ms, sure, yes_option
from siscon.domain.commands import Purge
from siscon.ops import retention as desk

CHORE = "retention"


@click.command()
@click.option("--preview", is_flag=True, help="Only show what is too old.")
@yes_option
@config_option
@json_option
def purge(config: Path | None, *, preview: bool, yes: bool, as_json: bool) -> int:
    """Remove what is too old now, after showing how much that is; nothing brings it back."""

    async def work(house: runtime.House) -> int:
        settings = house.settings
        rows = await desk.preview(house.db, settings.home, settings.upkeep.days, now_ms=now_ms())
        if preview or not as_json:
            output.show(rows, desk.COLUMNS, as_json=as_json, empty="Nothing is too old.")
        if preview or not rows:
            return DONE
        total = sum(row["count"] for row in rows)
        runs = sum(row["count"] for row in rows if row["what"] == "runs")
        lost = f" {runs:,} runs can no longer be undone." if runs else ""
        output.note(f"There is no undo.{lost} The audit stays, and says how much went.")
        sure(f"Remove these {total:,}?", yes=yes, word=settings.profile.final_word)
        return await see_through(house, CHORE, Purge(total), as_json=as_json)

    return in_house(config, work)
