"""The command that puts back what a run did."""

from __future__ import annotations

from pathlib import Path

import click

from siscon import runtime
from siscon.cli import acts, output
from siscon.cli.operate import finish
from siscon.cli.options import (
    config_option,
    entity_of,
    entity_option,
    in_house,
    json_option,
    reason_option,
    sure,
    yes_option,
)
from siscon.domain.commands import UndoRun
from siscon.domain.errors import SisconError, UsageError
from siscon.domain.text import counted
from siscon.ops import history as desk

COLUMNS = ("run_id", "entity", "what", "changes")


@click.command()
@click.argument("run_id", type=int, metavar="RUN")
@entity_option
@click.option("--record", metavar="ID", help="Only the record of this external id; with --entity.")
@click.option("--wait", is_flag=True, help="Wait for the end; where no engine is alive, run one for as long.")
@reason_option
@yes_option
@config_option
@json_option
def undo(
    run_id: int,
    entity: str | None,
    record: str | None,
    reason: str,
    config: Path | None,
    *,
    wait: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Put back what a run did: all of it, of one entity, or of one record. What changed since is left alone."""
    if record and not entity:
        raise UsageError("A record is named with its kind: add --entity.")

    async def work(house: runtime.House) -> int:
        run, found = await desk.undo_preview(house.db, run_id, entity=entity_of(entity), external_id=record)
        if run is None:
            raise UsageError(f"There is no run {run_id}. See 'siscon runs list'.", code="no_such_run")
        if not found:
            raise UsageError(f"Run {run_id} has changed nothing of that: there is nothing to undo.")
        output.show(found, COLUMNS, as_json=as_json)
        count = sum(row["changes"] for row in found)
        output.note(
            f"{counted(count, 'change')} of run {run_id} of {run.integration} would be put back. What was changed "
            "since is left alone and counted as skipped. The undo can be undone itself."
        )
        sure(f"Put back these {count}?", yes=yes)
        row = await acts.carry_out(house, UndoRun(run_id, entity or "", record or "", count, reason))
        output.note(row.answer)
        if row.run_id is None:
            raise SisconError(f"No run was queued: {row.answer}")
        return await finish(house, [row.run_id], as_json=as_json) if wait else 0

    return in_house(config, work)
