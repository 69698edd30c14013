"""Commands about records, mappings and errors: what only looks; edits stand in a module of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from siscon import runtime
from siscon.cli import aliases, classes, edits, output
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
    where_option,
)
from siscon.domain.errors import UsageError
from siscon.domain.records import Entity
from siscon.ops import history, rows
from siscon.ops.records import COLUMNS

RECORD_COLUMNS = ("integration", "entity", "external_id", "internal_id", "name", "status", "missing_since")
MAPPING_COLUMNS = (
    *("integration", "entity", "external_id", "internal_id", "sync_status", "last_synced_at"),
    "error_message",
)
FOUND_COLUMNS = ("integration", "entity", "external_id", "internal_id", "name")
HISTORY_COLUMNS = ("at", "what", "run_id", "run_kind", "requested_by", "field", "before", "after", "rule")

Lister = Callable[..., AsyncIterator[dict[str, Any]]]


def _list(
    lister: Lister,
    columns: tuple[str, ...],
    *,
    config: Path | None,
    integration: str | None,
    entity: str | None,
    limit: int | None,
    as_json: bool,
    empty: str,
) -> None:
    async def work(house: runtime.House) -> None:
        check_integration(house, integration, await rows.names(house.db))
        found = lister(house.db, integration=integration, entity=entity_of(entity), limit=limit)
        await output.stream(found, columns, as_json=as_json, empty=empty)

    in_house(config, work)


@click.group()
def records() -> None:
    """Look at the local roster."""


@records.command("list")
@integration_option
@entity_option
@limit_option
@config_option
@json_option
def list_records(
    config: Path | None, integration: str | None, entity: str | None, limit: int | None, *, as_json: bool
) -> None:
    """List the records as each integration knows them: references are that integration's ids."""

    async def lister(*args: Any, **kwargs: Any) -> AsyncIterator[dict[str, Any]]:
        async for row in rows.record_rows(*args, **kwargs):
            yield row if as_json else {**row, "name": _name_of(row)}

    _list(
        lister,
        RECORD_COLUMNS,
        config=config,
        integration=integration,
        entity=entity,
        limit=limit,
        as_json=as_json,
        empty=output.none_of("No records yet: 'siscon sync NAME' imports them.", entity),
    )


@records.command("show")
@click.argument("integration")
@click.argument("entity", type=click.Choice([entity.value for entity in Entity]))
@click.argument("external_id")
@config_option
@json_option
def show_record(
    config: Path | None, integration: str, entity: str, external_id: str, *, as_json: bool
) -> None:
    """Show one record by an integration's name for it."""

    async def work(house: runtime.House) -> None:
        check_integration(house, integration, await rows.names(house.db))
        found = await rows.one_record(house.db, integration, Entity(entity), external_id)
        if found is None:
            raise UsageError(f"{integration} has no {entity} '{external_id}' in the local roster.")
        output.card(found, as_json=as_json)

    in_house(config, work)


@records.command("find")
@click.argument("text")
@config_option
@json_option
def find_records(text: str, config: Path | None, *, as_json: bool) -> None:
    """Find records by an external id, an internal id, or the beginning of a name."""

    async def work(house: runtime.House) -> None:
        found = await history.find(house.db, text)
        output.show(found, FOUND_COLUMNS, as_json=as_json, empty="Nobody and nothing is called so.")

    in_house(config, work)


@records.command("history")
@click.argument("integration")
@click.argument("entity", type=click.Choice([entity.value for entity in Entity]))
@click.argument("external_id")
@config_option
@json_option
def show_history(
    config: Path | None, integration: str, entity: str, external_id: str, *, as_json: bool
) -> None:
    """Show what was done to one record: when, by which run and whom, what it was before, which rule decided."""

    async def work(house: runtime.House) -> None:
        check_integration(house, integration, await rows.names(house.db))
        found = await history.internal_id(house.db, integration, Entity(entity), external_id)
        if found is None:
            raise UsageError(f"{integration} has no {entity} '{external_id}' in the local roster.")
        printer = output.Printer(HISTORY_COLUMNS, as_json=as_json, empty="Nothing was ever done to it.")
        async for row in history.history(house.db, found):
            changed = row.pop("changes") if not as_json else []
            for one in [row] if as_json else [{**row, **field} for field in changed] or [row]:
                printer.row(one)
        printer.end()

    in_house(config, work)


for command in (
    classes.show_classes,
    edits.edit_record,
    edits.list_edits,
    edits.release_edits,
    edits.withdraw_records,
    aliases.list_aliases,
    aliases.split_record,
):
    records.add_command(command)


def _name_of(row: dict[str, Any]) -> str:
    """What a person would call a record."""
    full = " ".join(row[key] for key in ("first_name", "middle_name", "last_name") if row.get(key))
    places = " in ".join(row[key] for key in ("student", "section") if row.get(key))
    return full or row.get("name") or row.get("title") or places or ""


@click.group()
def mappings() -> None:
    """Look at the ties between the systems' ids and ours."""


@mappings.command("list")
@integration_option
@entity_option
@where_option
@limit_option
@config_option
@json_option
def list_mappings(
    config: Path | None,
    integration: str | None,
    entity: str | None,
    where: str,
    limit: int | None,
    *,
    as_json: bool,
) -> None:
    """List external ids, internal ids and how their last import went."""
    _list(
        partial(rows.mapping_rows, where=filter_of(where, COLUMNS)),
        MAPPING_COLUMNS,
        config=config,
        integration=integration,
        entity=entity,
        limit=limit,
        as_json=as_json,
        empty=output.none_of("No mappings yet: 'siscon sync NAME' makes them.", entity, where),
    )
