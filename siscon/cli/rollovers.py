"""Commands about mass changes that are expected."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from siscon import runtime
from siscon.cli import acts, output
from siscon.cli.options import (
    check_integration,
    config_option,
    in_house,
    integration_option,
    json_option,
    now_ms,
)
from siscon.domain.commands import DeclareRollover, EndRollover
from siscon.domain.guards import Mass
from siscon.domain.records import Entity
from siscon.ops import plans as desk
from siscon.ops import rows

COLUMNS = ("id", "integration", "entity", "what", "share", "until", "active", "declared_by", "reason")
WHATS = [one.value for one in (Mass.CREATED, Mass.UPDATED, Mass.MISSING)]


@click.group()
def rollover() -> None:
    """Expect a mass change, such as a new school year."""


@rollover.command("declare")
@click.argument("integration")
@click.option("--entity", required=True, type=click.Choice([one.value for one in Entity]), help="Of what.")
@click.option("--what", required=True, type=click.Choice(WHATS), help="What so many records may be.")
@click.option(
    "--share",
    required=True,
    type=click.FloatRange(0, 1, min_open=True),
    help="How many of the known: 0.9 is 90 %.",
)
@click.option(
    "--until",
    required=True,
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="YYYY-MM-DD",
    help="The last day, in the time zone of the configuration.",
)
@click.option("--reason", required=True, metavar="WHY", help="Why; it stands in the audit beside your name.")
@config_option
def declare(
    integration: str, entity: str, what: str, share: float, until: datetime, reason: str, config: Path | None
) -> None:
    """Let up to a share of the records of one kind change until a day has passed."""

    async def work(house: runtime.House) -> None:
        check_integration(house, integration, await rows.names(house.db))
        midnight = (until + timedelta(days=1)).replace(tzinfo=ZoneInfo(house.settings.time_zone))
        until_ms = int(midnight.timestamp() * 1000)
        await acts.ask(house, DeclareRollover(integration, entity, what, share, until_ms, reason))

    in_house(config, work)


@rollover.command("list")
@integration_option
@config_option
@json_option
def list_rollovers(integration: str | None, config: Path | None, *, as_json: bool) -> None:
    """List what was declared, newest first."""

    async def work(house: runtime.House) -> None:
        check_integration(house, integration, await rows.names(house.db))
        found = await desk.rollover_rows(house.db, now_ms=now_ms(), integration=integration)
        output.show(found, COLUMNS, as_json=as_json, empty="Nothing was declared: the usual limits hold.")

    in_house(config, work)


@rollover.command("end")
@click.argument("rollover_id", type=int, metavar="ID")
@config_option
def end(rollover_id: int, config: Path | None) -> None:
    """End it before its day: the usual limits hold again."""
    in_house(config, lambda house: acts.ask(house, EndRollover(rollover_id)))
