"""Commands that operate: sync, runs, stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import click

from siscon import runtime
from siscon.cli import acts, output, summaries
from siscon.cli.comparing import compare_runs
from siscon.cli.exit_codes import HELD
from siscon.cli.options import (
    check_integration,
    config_option,
    entities_option,
    entity_option,
    filter_of,
    in_house,
    integration_option,
    json_option,
    now_ms,
    reason_option,
    sure,
    where_option,
    yes_option,
)
from siscon.cli.resting import continue_run, mind_windows, pause_run
from siscon.domain.commands import (
    ApprovePlan,
    CancelRun,
    Command,
    FetchRecords,
    ForceSync,
    Remap,
    StartRun,
    StopEngine,
)
from siscon.domain.errors import SisconError, UsageError
from siscon.domain.records import Entity
from siscon.domain.runs import Run, RunStatus
from siscon.ops import plans, rows, run_rows
from siscon.ops import summaries as desk
from siscon.ops.runs import COLUMNS

SUMMARY_COLUMNS = (
    *("integration", "entity", "fetched", "created", "updated", "unchanged", "failed", "missing"),
    *("requests", "seconds"),
)
RUN_COLUMNS = (
    *("id", "integration", "status", "phase", "requested_by", "started_at", "fetched", "created", "updated"),
    *("failed", "requests", "error"),
)
STOP_WITHIN_S = 10.0


@click.command()
@click.argument("integrations", nargs=-1, required=True, metavar="INTEGRATION...")
@entity_option
@click.option("--full", is_flag=True, help="Fetch everything anew and look for what is missing.")
@click.option(
    "--record",
    "records",
    multiple=True,
    type=(click.Choice([entity.value for entity in Entity]), str),
    metavar="ENTITY ID",
    help="Only this record, before everything else; of a student or a section with the enrollments. Again for "
    "others: several come without.",
)
@click.option("--wait", is_flag=True, help="Wait for the end; where no engine is alive, run one for as long.")
@config_option
@json_option
def sync(
    integrations: tuple[str, ...],
    entity: str | None,
    config: Path | None,
    *,
    full: bool,
    records: tuple[tuple[str, str], ...],
    wait: bool,
    as_json: bool,
) -> int:
    """Import rosters now: queue a run for each INTEGRATION."""

    async def work(house: runtime.House) -> int:
        for name in integrations:
            check_integration(house, name, [])
        if records:
            return await _sync_records(house, integrations, records, wait=wait, as_json=as_json)
        mind_windows(house.settings, integrations)
        entities = (entity,) if entity else ()
        wanted = [StartRun(name, entities, full) for name in dict.fromkeys(integrations)]
        under_way, held = await _under_way(house)
        if wait:
            known = {**under_way, **held}
            run_ids = [
                known.get(one.integration) or await _queue(house, one.integration, one) for one in wanted
            ]
            return await finish(house, run_ids, as_json=as_json)
        free = [one for one in wanted if one.integration not in held]
        await _tell_queued(
            house, [await _queue(house, one.integration, one) for one in free], as_json=as_json
        )
        waiting = [run_id for name, run_id in held.items() if name in integrations]
        _tell_unfinished(await run_rows.runs_by_id(house.db, waiting))
        return HELD if waiting else 0

    return in_house(config, work)


async def _sync_records(
    house: runtime.House,
    integrations: tuple[str, ...],
    records: tuple[tuple[str, str], ...],
    *,
    wait: bool,
    as_json: bool,
) -> int:
    """One record with what belongs to it, or several, those of each kind by a run of their own."""
    if len(integrations) != 1:
        raise UsageError("Name one integration with --record.")
    (name,), wanted = integrations, dict.fromkeys(records)
    if len(wanted) == 1:
        commands: list[Command] = [ForceSync(name, *next(iter(wanted)))]
    else:
        kinds = dict.fromkeys(entity for entity, _ in wanted)
        commands = [
            FetchRecords(name, kind, tuple(id_ for one, id_ in wanted if one == kind)) for kind in kinds
        ]
    run_ids = [await _queue(house, name, one) for one in commands]
    if wait:
        return await finish(house, run_ids, as_json=as_json)
    await _tell_queued(house, run_ids, as_json=as_json)
    return 0


async def _under_way(house: runtime.House) -> tuple[dict[str, int], dict[str, int]]:
    """The run of each integration that is queued or runs already, and the one that is held for a person.

    Who waits, waits for that one; beside a held run none is queued.
    """
    found = await run_rows.active_rows(house.db, now_ms=now_ms())
    waiting = ("queued", "running", "interrupted")
    under_way = {row["integration"]: row["run_id"] for row in found if row["status"] in waiting}
    return under_way, {row["integration"]: row["run_id"] for row in found if row["status"] == "held"}


async def _queue(house: runtime.House, integration: str, command: Command) -> int:
    row = await acts.carry_out(house, command)
    if row.run_id is None:
        raise SisconError(f"No run was queued for {integration}: {row.answer}")
    return row.run_id


async def _tell_queued(house: runtime.House, run_ids: list[int], *, as_json: bool) -> None:
    if not run_ids:
        return
    alive = await runtime.find_engine(house.db)
    for run in await run_rows.runs_by_id(house.db, run_ids):
        if as_json:
            output.Printer((), as_json=True).row(
                {
                    "run_id": run.id,
                    "integration": run.integration,
                    "status": run.status.value,
                    "engine": bool(alive),
                }
            )
        else:
            output.say(f"Run {run.id} of {run.integration} is {run.status}.")
    if alive is None:
        output.note("No engine is alive: the run waits until 'siscon' or 'siscon serve' starts one.")


async def finish(house: runtime.House, run_ids: list[int], *, as_json: bool) -> int:
    """See runs through, print what each did with each entity; the exit code."""
    found = await acts.see_through(house, run_ids)
    summary = await run_rows.summary(house.db, run_ids)
    output.show(
        summary
        if as_json
        else [row for row in summary if row["requests"] or row["fetched"] or row["missing"]],
        SUMMARY_COLUMNS,
        as_json=as_json,
        empty="Nothing was fetched.",
    )
    for run_id in () if as_json else run_ids:
        await _tell_summary(house, run_id, alone=len(run_ids) == 1)
    _tell_unfinished(found)
    return acts.exit_code(found)


async def _tell_summary(house: runtime.House, run_id: int, *, alone: bool) -> None:
    told = await desk.summary(house.db, run_id)
    if told is not None and told["processed"]:
        click.echo()
        if not alone:
            output.say(f"Run {run_id} of {told['integration']}")
        summaries.tell(told)


def _tell_unfinished(found: list[Run]) -> None:
    for run in found:
        if run.status is RunStatus.HELD:
            output.note(
                f"Run {run.id} of {run.integration} is held for a person: {run.error}. Look with 'siscon runs show "
                f"{run.id}', then 'siscon runs approve {run.id} --reason WHY' or 'siscon runs discard {run.id} "
                "--reason WHY'."
            )
        elif run.status is RunStatus.PLANNED:
            limit = f" It passes a limit: {run.error}." if run.error else ""
            output.note(f"Run {run.id} of {run.integration} was a dry run; nothing was written.{limit}")
        elif run.status is not RunStatus.COMPLETED:
            listed = (
                run.status is RunStatus.WITH_ERRORS
                and f"see 'siscon errors list --integration {run.integration}'"
            )
            why = run.error or listed or f"see 'siscon runs show {run.id}'"
            output.note(f"Run {run.id} of {run.integration}: {run.status}; {why}")


@click.group()
def runs() -> None:
    """List, show, pause and cancel runs; decide on those that are held."""


@runs.command("list")
@integration_option
@click.option(
    "--status", type=click.Choice([status.value for status in RunStatus]), help="Only runs in this state."
)
@where_option
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, metavar="N")
@config_option
@json_option
def list_runs(
    integration: str | None, status: str | None, where: str, limit: int, config: Path | None, *, as_json: bool
) -> None:
    """List runs, newest first."""

    async def work(house: runtime.House) -> None:
        check_integration(house, integration, await rows.names(house.db))
        chosen = RunStatus(status) if status else None
        meant = filter_of(where, COLUMNS)
        found = await run_rows.run_rows(
            house.db, integration=integration, status=chosen, where=meant, limit=limit
        )
        empty = output.none_of("No run yet: 'siscon sync NAME' starts one.", status, where)
        output.show(found, RUN_COLUMNS, as_json=as_json, empty=empty)

    in_house(config, work)


@runs.command("show")
@click.argument("run_id", type=int, metavar="ID")
@config_option
@json_option
def show_run(run_id: int, config: Path | None, *, as_json: bool) -> None:
    """Show one run: its counts, what it came to, its error, its events."""

    async def work(house: runtime.House) -> None:
        found = await run_rows.one_run(house.db, run_id)
        if found is None:
            raise UsageError(f"There is no run {run_id}. See 'siscon runs list'.", code="no_such_run")
        if as_json:
            output.card(found, as_json=True)
            return
        counts, events, came_to = (found.pop(name) for name in ("counts", "events", "summary"))
        found["phases"] = [f"{one['phase']} {one['seconds']:.0f} s" for one in found["phases"]]
        output.card(found, as_json=False)
        click.echo()
        summaries.tell(came_to)
        click.echo()
        output.show(counts, SUMMARY_COLUMNS[1:], as_json=False, empty="Nothing fetched yet.")
        click.echo()
        for event in events:
            output.say(f"{event['at']}  {event['level']:7}  {event['text']}")

    in_house(config, work)


runs.add_command(compare_runs)
runs.add_command(pause_run)
runs.add_command(continue_run)


@runs.command("cancel")
@click.argument("run_id", type=int, metavar="ID")
@config_option
def cancel_run(run_id: int, config: Path | None) -> None:
    """Stop a run after its open batch; what is committed stays."""
    in_house(config, lambda house: acts.ask(house, CancelRun(run_id)))


@runs.command("approve")
@click.argument("run_id", type=int, metavar="ID")
@entities_option
@reason_option
@config_option
def approve_run(run_id: int, entities: tuple[str, ...], reason: str, config: Path | None) -> None:
    """Let a held run apply the plan that it holds, exactly as shown."""
    in_house(config, lambda house: acts.ask(house, ApprovePlan(run_id, reason, entities)))


@runs.command("discard")
@click.argument("run_id", type=int, metavar="ID")
@reason_option
@yes_option
@config_option
def discard_run(run_id: int, reason: str, config: Path | None, *, yes: bool) -> None:
    """End a held run; nothing of its plan is applied."""
    in_house(config, lambda house: acts.discard_plan(house, run_id, reason, yes=yes))


@runs.command("remap")
@click.argument("run_id", type=int, metavar="ID")
@reason_option
@yes_option
@config_option
def remap_run(run_id: int, reason: str, config: Path | None, *, yes: bool) -> None:
    """Tie records whose ids were changed at the source to their old ones; the held run then plans anew."""

    async def work(house: runtime.House) -> None:
        await plans.the_run(house.db, run_id)
        counted = await plans.pair_counts(house.db, run_id)
        if not counted:
            raise UsageError(f"The plan of run {run_id} holds no records that came back under other ids.")
        told = ", ".join(f"{n} {entity}" for entity, n in counted.items())
        output.say(f"To be tied to their new ids: {told} records. They keep their internal ids and edits.")
        sure("Tie them?", yes=yes, word=house.settings.profile.final_word)
        await acts.ask(house, Remap(run_id, sum(counted.values()), reason))

    in_house(config, work)


@click.command()
@config_option
def stop(config: Path | None) -> int:
    """End the engine after its open batch."""

    return in_house(config, stop_engines)


async def stop_engines(house: runtime.House, *, tell: Callable[[str], None] = output.say) -> int:
    """Ask every engine that is alive to end, and wait until none is."""
    alive = await run_rows.engine_rows(house.db, now_ms=now_ms())
    if not alive:
        tell("No engine is alive.")
        return 0
    for one in alive:
        await _ask_to_end(house, one["engine"], tell)
    loop = asyncio.get_running_loop()
    until_s = loop.time() + STOP_WITHIN_S
    while loop.time() < until_s:
        if await runtime.find_engine(house.db) is None:
            tell("The engine has ended.")
            return 0
        await house.db.changed(timeout_s=0.5)
    raise SisconError(
        f"The engine has not ended within {STOP_WITHIN_S:.0f} s; it finishes its batch first. See 'siscon status'.",
        code="still_running",
    )


async def _ask_to_end(house: runtime.House, engine: str, tell: Callable[[str], None]) -> None:
    """One engine; that it ended by itself meanwhile is what was wanted."""
    try:
        row = await acts.carry_out(house, StopEngine(engine))
    except UsageError:
        if await runtime.find_engine(house.db) is not None:
            raise
    else:
        tell(row.answer)
