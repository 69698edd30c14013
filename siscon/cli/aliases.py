"""Commands about ids that lead to another record: list them, split one off again."""

from __future__ import annotations

from pathlib import Path

import click

from siscon import runtime
from siscon.cli import acts, output
from siscon.cli.options import check_integration, config_option, in_house, json_option, reason_option
from siscon.domain.commands import SplitRecord
from siscon.domain.records import Entity
from siscon.ops import aliases as desk
from siscon.ops import rows

COLUMNS = ("integration", "entity", "external_id", "survivor", "made_at", "made_by")


@click.command("aliases")
@click.argument("integration", required=False)
@config_option
@json_option
def list_aliases(integration: str | None, config: Path | None, *, as_json: bool) -> None:
    """List ids that were given up, and the records to which they lead."""

    async def work(house: runtime.House) -> None:
        check_integration(house, integration, await rows.names(house.db))
        found = await desk.alias_rows(house.db, integration)
        output.show(found, COLUMNS, as_json=as_json, empty="No id leads to another record.")

    in_house(config, work)


@click.command("split")
@click.argument("integration")
@click.argument("entity", type=click.Choice([entity.value for entity in Entity]))
@click.argument("alias")
@reason_option
@config_option
def split_record(integration: str, entity: str, alias: str, reason: str, config: Path | None) -> None:
    """Let an alias be an id of its own again; the next sync creates a record for it."""

    async def work(house: runtime.House) -> None:
        check_integration(house, integration, await rows.names(house.db))
        await acts.ask(house, SplitRecord(integration, entity, alias, reason))

    in_house(config, work)
