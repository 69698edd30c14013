"""Commands about records that could not be applied: causes, records, retry, giving up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from siscon import runtime
from siscon.cli import acts, output
from siscon.cli.operate import finish
from siscon.cli.options import (
    check_integration,
    config_option,
    entity_of,
    entity_option,
    filter_of,
    in_house,
    integration_option,
    json_option,
    limit_option,
    pairs,
    reason_option,
    sure,
    where_option,
    yes_option,
)
from siscon.domain.commands import DiscardDead, ForgetMend, MendDead, RetryDead
from siscon.domain.dead_records import DeadRecord
from siscon.domain.errors import SisconError, UsageError
from siscon.domain.kept_filters import keep, read
from siscon.domain.text import counted
from siscon.ops import dead_records as desk
from siscon.ops import rows

COLUMNS = (
    "id",
    "integration",
    "entity",
    "external_id",
    "code",
    "field",
    "reason",
    "attempts",
    "last_seen_at",
)
MENDED_COLUMNS = ("id", "integration", "entity", "external_id", "mended_by", "mended_at", "reason")
CAUSE_COLUMNS = ("integration", "entity", "code", "field", "count", "examples", "last_seen_at", "reason")

Choice = tuple[tuple[int, ...], dict[str, str]]
"""Numbers, or a pattern."""


@click.group()
def errors() -> None:
    """Look at the records that could not be applied; retry them, give them up."""


@errors.command("list")
@integration_option
@entity_option
@click.option("--run", type=int, metavar="RUN", help="Those that this run met last.")
@where_option
@limit_option
@config_option
@json_option
def list_errors(
    config: Path | None,
    integration: str | None,
    entity: str | None,
    run: int | None,
    where: str,
    limit: int | None,
    *,
    as_json: bool,
) -> None:
    """List the records that wait for a better answer, with the reason."""

    async def work(house: runtime.House) -> None:
        check_integration(house, integration, await rows.names(house.db))
        meant = filter_of(where, desk.COLUMNS)
        chosen = desk.Chosen(integration, entity_of(entity), run_id=run, where=meant)
        found = rows.error_rows(house.db, chosen, limit=limit)
        empty = output.none_of("No record is in error.", entity, run, where)
        await output.stream(found, COLUMNS, as_json=as_json, empty=empty)

    in_house(config, work)


@errors.command("causes")
@integration_option
@config_option
@json_option
def list_causes(config: Path | None, integration: str | None, *, as_json: bool) -> None:
    """List what is wrong, the commonest first: how often, since when, for example with whom."""

    async def work(house: runtime.House) -> None:
        check_integration(house, integration, await rows.names(house.db))
        found = await desk.cause_rows(house.db, integration=integration)
        output.show(found, CAUSE_COLUMNS, as_json=as_json, empty="No record is in error.")

    in_house(config, work)


@errors.command("show")
@click.argument("dead_id", type=int, metavar="ID")
@config_option
@json_option
def show_error(dead_id: int, config: Path | None, *, as_json: bool) -> None:
    """Show one record that could not be applied, and what became of it."""

    async def work(house: runtime.House) -> None:
        found = await _find(house, dead_id)
        places = await desk.payload(house.db, house.vault, dead_id)
        told = {**rows.error_row(found), "status": found.status}
        if as_json:
            output.card({**told, "payload": places}, as_json=True)
            return
        output.card(told, as_json=False)
        if places:
            output.say("What the SIS had said, sealed; its places, for 'siscon errors mend':")
            output.show(
                ({"place": name, "value": kind} for name, kind in places.items()),
                ("place", "value"),
                as_json=False,
            )

    in_house(config, work)


async def _find(house: runtime.House, dead_id: int) -> DeadRecord:
    found = await desk.one(house.db, dead_id)
    if found is None:
        raise UsageError(
            f"There is no record in error {dead_id}: 'siscon errors list' shows those there are."
        )
    return found


@errors.command("mend")
@click.argument("dead_id", type=int, metavar="ID")
@click.option(
    "--set",
    "told",
    multiple=True,
    required=True,
    metavar="PLACE=VALUE",
    help="Another value for a place that 'errors show' lists; none empties it.",
)
@reason_option
@click.option("--wait", is_flag=True, help="Wait for the end; where no engine is alive, run one for as long.")
@config_option
@json_option
def mend(
    dead_id: int, told: tuple[str, ...], reason: str, config: Path | None, *, wait: bool, as_json: bool
) -> int:
    """Try one again with other values in what the SIS had said; they count as long as it says the same."""

    async def work(house: runtime.House) -> int:
        fields = {name: value or None for name, value in pairs(told, "--set", "familyName=Marsh").items()}
        found = await _find(house, dead_id)
        row = await acts.carry_out(house, MendDead(dead_id, fields, found.digest, reason))
        output.note(row.answer)
        if row.run_id is None:
            raise SisconError(f"No run was queued: {row.answer}")
        return await finish(house, [row.run_id], as_json=as_json) if wait else 0

    return in_house(config, work)


@errors.command("mended")
@integration_option
@config_option
@json_option
def list_mended(config: Path | None, integration: str | None, *, as_json: bool) -> None:
    """List what people have mended, and what counts in the SIS's place."""

    async def work(house: runtime.House) -> None:
        check_integration(house, integration, await rows.names(house.db))
        found = desk.mended_rows(house.db, integration=integration)
        await output.stream(found, MENDED_COLUMNS, as_json=as_json, empty="Nothing was mended by hand.")

    in_house(config, work)


@errors.command("forget")
@click.argument("dead_id", type=int, metavar="ID")
@reason_option
@config_option
def forget_mend(dead_id: int, reason: str, config: Path | None) -> None:
    """Let the SIS's own word count again where somebody had mended a record."""

    async def work(house: runtime.House) -> None:
        await acts.ask(house, ForgetMend(dead_id, reason))

    in_house(config, work)


def _choosing(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options by which records in error are chosen."""
    for option in (
        where_option,
        click.option("--run", type=int, metavar="RUN", help="Those that this run met last."),
        click.option("--field", metavar="NAME", help="Those with a fault in this field."),
        click.option("--code", metavar="CODE", help="Those with this cause, as 'errors causes' names it."),
        entity_option,
        click.option("--all", "every", is_flag=True, help="All of the integration."),
        click.argument("ids", nargs=-1, type=int, metavar="[ID]..."),
        click.argument("integration"),
    ):
        command = option(command)
    return command


def _choice(ids: tuple[int, ...], told: dict[str, Any], *, every: bool) -> Choice:
    kept = keep(filter_of(told.pop("where"), desk.COLUMNS))
    where = {name: str(value) for name, value in told.items() if value is not None} | kept
    if sum((bool(ids), bool(where), every)) != 1:
        raise UsageError(
            "Say which: numbers, or a pattern (--entity, --code, --field, --run, --where), or --all."
        )
    return ids, where


async def _count(house: runtime.House, integration: str, choice: Choice) -> tuple[int, int]:
    """How many are meant, and the number of the newest."""
    check_integration(house, integration, await rows.names(house.db))
    ids, where = choice
    chosen = desk.Chosen(
        integration,
        entity_of(where.get("entity")),
        where.get("code"),
        where.get("field"),
        int(where["run"]) if "run" in where else None,
        ids or None,
        where=read(where, desk.COLUMNS),
    )
    return await desk.counted(house.db, chosen)


@errors.command("retry")
@_choosing
@click.option("--wait", is_flag=True, help="Wait for the end; where no engine is alive, run one for as long.")
@yes_option
@config_option
@json_option
def retry(
    integration: str,
    ids: tuple[int, ...],
    config: Path | None,
    *,
    every: bool,
    wait: bool,
    yes: bool,
    as_json: bool,
    **told: Any,
) -> int:
    """Fetch records in error again and apply them, after showing how many they are."""
    choice = _choice(ids, told, every=every)

    async def work(house: runtime.House) -> int:
        count, up_to = await _count(house, integration, choice)
        if not count:
            output.note("No record in error is meant by that.")
            return 0
        if count > 1:
            sure(f"Try {count} records in error of {integration} again?", yes=yes)
        row = await acts.carry_out(house, RetryDead(integration, *choice, count, up_to=up_to))
        output.note(row.answer)
        if row.run_id is None:
            raise SisconError(f"No run was queued for {integration}: {row.answer}")
        return await finish(house, [row.run_id], as_json=as_json) if wait else 0

    return in_house(config, work)


@errors.command("discard")
@_choosing
@reason_option
@yes_option
@config_option
@json_option
def discard(
    integration: str,
    ids: tuple[int, ...],
    reason: str,
    config: Path | None,
    *,
    every: bool,
    yes: bool,
    as_json: bool,
    **told: Any,
) -> int:
    """Give records in error up, after showing how many; they come again only when the SIS changes them."""
    choice = _choice(ids, told, every=every)

    async def work(house: runtime.House) -> int:
        count, up_to = await _count(house, integration, choice)
        if not count:
            output.note("No record in error is meant by that.")
            return 0
        output.note(
            f"{counted(count, 'record')} in error of {integration} would be given up: syncs pass over what the SIS "
            "does not change. There is no undo; 'siscon sync --record' fetches one all the same."
        )
        sure(f"Give these {count} up?", yes=yes, word=house.settings.profile.final_word)
        command = DiscardDead(integration, *choice, count, reason, up_to=up_to)
        row = await acts.carry_out(house, command)
        if as_json:
            output.card({"integration": integration, "discarded": count}, as_json=True)
        else:
            output.say(row.answer)
        return 0

    return in_house(config, work)
