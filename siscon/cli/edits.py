"""Commands by which people change local records: edit, list the edits, give them back, withdraw."""

from __future__ import annotations

from pathlib import Path

import click

from siscon import runtime
from siscon.cli import acts, output
from siscon.cli.options import (
    check_integration,
    config_option,
    entity_of,
    entity_option,
    in_house,
    json_option,
    limit_option,
    pairs,
    reason_option,
    sure,
    yes_option,
)
from siscon.domain.commands import EditRecord, ReleaseEdits, WithdrawRecords
from siscon.domain.errors import UsageError
from siscon.domain.records import Entity
from siscon.domain.text import counted
from siscon.ops import edits as desk
from siscon.ops import rows

EDIT_COLUMNS = ("integration", "entity", "external_id", "internal_id", "field", "local", "sis")
ENTITY = click.Choice([entity.value for entity in Entity])


@click.command("edit")
@click.argument("integration")
@click.argument("entity", type=ENTITY)
@click.argument("external_id")
@click.option(
    "--set",
    "told",
    multiple=True,
    required=True,
    metavar="FIELD=VALUE",
    help="The new value; none empties it.",
)
@reason_option
@config_option
def edit_record(
    integration: str, entity: str, external_id: str, told: tuple[str, ...], reason: str, config: Path | None
) -> None:
    """Change fields of a local record by hand; they stay until the SIS changes the same ones."""

    async def work(house: runtime.House) -> None:
        check_integration(house, integration, await rows.names(house.db))
        fields = {name: value or None for name, value in pairs(told, "--set").items()}
        settings = house.settings.integrations.get(integration)
        owned = settings.conflicts.policies[Entity(entity)].theirs if settings else frozenset()
        for name in sorted(owned & fields.keys()):
            raise UsageError(f"The {name} of a {entity} is the SIS's own (sis_owns): change it there.")
        await acts.ask(house, EditRecord(integration, entity, external_id, fields, reason))

    in_house(config, work)


@click.command("edits")
@click.argument("integration")
@entity_option
@limit_option
@config_option
@json_option
def list_edits(
    integration: str, entity: str | None, limit: int | None, config: Path | None, *, as_json: bool
) -> None:
    """List the fields that were changed here and differ from what the SIS says."""

    async def work(house: runtime.House) -> None:
        check_integration(house, integration, await rows.names(house.db))
        found = desk.edit_rows(house.db, integration, entity=entity_of(entity), limit=limit)
        await output.stream(found, EDIT_COLUMNS, as_json=as_json, empty="Nothing was changed here.")

    in_house(config, work)


@click.command("release")
@click.argument("integration")
@click.argument("entity", type=ENTITY)
@click.argument("external_ids", nargs=-1, metavar="[ID]...")
@click.option("--all", "every", is_flag=True, help="All records of this kind that were edited.")
@click.option("--field", "fields", multiple=True, metavar="NAME", help="Only this field; again for others.")
@reason_option
@yes_option
@config_option
def release_edits(
    integration: str,
    entity: str,
    external_ids: tuple[str, ...],
    fields: tuple[str, ...],
    reason: str,
    config: Path | None,
    *,
    every: bool,
    yes: bool,
) -> None:
    """Give fields that were edited here back to the SIS, after showing how many records that are."""
    if every == bool(external_ids):
        raise UsageError("Name the records, or say --all.")

    async def work(house: runtime.House) -> None:
        check_integration(house, integration, await rows.names(house.db))
        count = await desk.count_edited(house.db, integration, Entity(entity), external_ids, fields)
        output.note(f"{counted(count, f'{entity} record')} would become what the SIS says.")
        sure(f"Give these {count} back?", yes=yes)
        await acts.ask(house, ReleaseEdits(integration, entity, external_ids, fields, count, reason))

    in_house(config, work)


@click.command("withdraw")
@click.argument("integration")
@click.argument("entity", type=ENTITY)
@click.argument("external_ids", nargs=-1, metavar="[ID]...")
@click.option(
    "--where", "told", multiple=True, metavar="FIELD=VALUE", help="All with this value, such as section=x1."
)
@reason_option
@yes_option
@config_option
def withdraw_records(
    integration: str,
    entity: str,
    external_ids: tuple[str, ...],
    told: tuple[str, ...],
    reason: str,
    config: Path | None,
    *,
    yes: bool,
) -> None:
    """Take records out of use here, after showing how many; the SIS does not bring them back."""
    if not external_ids and not told:
        raise UsageError("Name the records, or choose them with --where.")

    async def work(house: runtime.House) -> None:
        check_integration(house, integration, await rows.names(house.db))
        where = pairs(told, "--where")
        count = await desk.count_active(house.db, integration, Entity(entity), external_ids, where)
        output.note(f"{counted(count, f'active {entity} record')} would be withdrawn.")
        sure(f"Withdraw these {count}?", yes=yes)
        await acts.ask(house, WithdrawRecords(integration, entity, external_ids, where, count, reason))

    in_house(config, work)
