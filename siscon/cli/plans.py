"""Commands about plans: make one without applying it, look at it, apply it, throw it away."""

from __future__ import annotations

from pathlib import Path

import click

from siscon import runtime
from siscon.cli import acts, output
from siscon.cli.operate import finish
from siscon.cli.options import (
    check_integration,
    config_option,
    entities_option,
    entity_of,
    entity_option,
    in_house,
    integration_option,
    json_option,
    yes_option,
)
from siscon.domain.commands import ApprovePlan, NoteExport, StartRun
from siscon.domain.errors import SisconError
from siscon.domain.plans import Verdict
from siscon.domain.records import Entity
from siscon.domain.runs import RunStatus
from siscon.domain.text import counted
from siscon.ops import plans as desk
from siscon.ops import rows

VERDICTS = ("create", "update", "unchanged", "conflict", "dead", "missing", "withdraw")
COUNT_COLUMNS = ("entity", "known", *VERDICTS)
PLAN_COLUMNS = (
    *("run_id", "integration", "status", "queued_at", "create", "update", "conflict", "dead", "missing"),
    *("withdraw", "error"),
)


@click.command()
@click.argument("integration")
@entities_option
@config_option
@json_option
def plan(integration: str, entities: tuple[str, ...], config: Path | None, *, as_json: bool) -> int:
    """Say what an import would do, and change nothing."""

    async def work(house: runtime.House) -> int:
        check_integration(house, integration, [])
        row = await acts.carry_out(house, StartRun(integration, entities, full=True, dry=True))
        if row.run_id is None:
            raise SisconError(f"No run was queued for {integration}: {row.answer}")
        found = await acts.see_through(house, [row.run_id])
        output.show(await desk.count_rows(house.db, row.run_id), COUNT_COLUMNS, as_json=as_json)
        for run in found:
            if run.status is not RunStatus.PLANNED:
                output.note(f"Run {run.id} of {run.integration}: {run.status}; {run.error}")
                continue
            if run.error:
                output.note(f"It passes a limit, so a person must agree to it: {run.error}.")
            output.note(
                f"Nothing was changed. 'siscon plans show {run.id}' lists the records, 'siscon apply {run.id}' "
                f"applies the plan, 'siscon plans discard {run.id}' throws it away."
            )
        return acts.exit_code(found)

    return in_house(config, work)


@click.group()
def plans() -> None:
    """List and show the plans that wait; throw them away."""


@plans.command("list")
@integration_option
@config_option
@json_option
def list_plans(integration: str | None, config: Path | None, *, as_json: bool) -> None:
    """List the plans that wait for a person, newest first."""

    async def work(house: runtime.House) -> None:
        check_integration(house, integration, await rows.names(house.db))
        found = await desk.plan_rows(house.db, integration=integration)
        output.show(
            found, PLAN_COLUMNS, as_json=as_json, empty="No plan waits: 'siscon plan NAME' makes one."
        )

    in_house(config, work)


@plans.command("show")
@click.argument("run_id", type=int, metavar="RUN")
@entity_option
@click.option(
    "--verdict", type=click.Choice([one.value for one in Verdict]), help="Only this; else all changes."
)
@click.option(
    "--csv", "file", type=click.Path(path_type=Path), help="Write them into a file for spreadsheets."
)
@config_option
@json_option
def show_plan(
    run_id: int,
    entity: str | None,
    verdict: str | None,
    file: Path | None,
    config: Path | None,
    *,
    as_json: bool,
) -> None:
    """Show the records of a plan with the old and the new value of each field."""
    kind, only = entity_of(entity), Verdict(verdict) if verdict else None

    async def work(house: runtime.House) -> None:
        await desk.the_run(house.db, run_id)
        if file is not None:

            async def note(rows: int) -> object:
                return await acts.carry_out(house, NoteExport("plan", rows, desk.FIELD_COLUMNS))

            count = await desk.export(house.db, run_id, file, note, entity=kind, verdict=only)
            output.say(f"{counted(count, 'record')} written to {file}.")
            return
        printer = output.Printer(
            desk.FIELD_COLUMNS, as_json=as_json, empty="The plan changes nothing of that."
        )
        async for one in desk.records(house.db, run_id, entity=kind, verdict=only):
            for row in [desk.as_row(one)] if as_json else desk.field_rows(one):
                printer.row(row)
        printer.end()

    in_house(config, work)


@plans.command("discard")
@click.argument("run_id", type=int, metavar="RUN")
@click.option("--reason", default="", metavar="WHY", help="Why; needed where the plan passes a limit.")
@yes_option
@config_option
def discard_plan(run_id: int, reason: str, config: Path | None, *, yes: bool) -> None:
    """Throw a plan away; nothing of it is applied."""
    in_house(config, lambda house: acts.discard_plan(house, run_id, reason, yes=yes))


@click.command()
@click.argument("run_id", type=int, metavar="RUN")
@entities_option
@click.option("--reason", default="", metavar="WHY", help="Why; needed where the plan passes a limit.")
@click.option("--wait", is_flag=True, help="Wait for the end; where no engine is alive, run one for as long.")
@config_option
@json_option
def apply(
    run_id: int,
    entities: tuple[str, ...],
    reason: str,
    config: Path | None,
    *,
    wait: bool,
    as_json: bool,
) -> int:
    """Let a plan apply, as it was shown; what has changed since is left alone."""

    async def work(house: runtime.House) -> int:
        row = await acts.carry_out(house, ApprovePlan(run_id, reason, _in_order(entities)))
        output.note(row.answer)
        return await finish(house, [run_id], as_json=as_json) if wait else 0

    return in_house(config, work)


def _in_order(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(one.value for one in Entity if one.value in names)
