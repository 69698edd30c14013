"""Commands about the user names and e-mail addresses that people are given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from siscon import runtime
from siscon.cli import acts, output
from siscon.cli.operate import finish
from siscon.cli.options import (
    check_integration,
    config_option,
    in_house,
    json_option,
    limit_option,
    reason_option,
    sure,
    yes_option,
)
from siscon.domain.commands import CreateAccounts
from siscon.domain.errors import UsageError
from siscon.ops import accounts as desk
from siscon.ops import rows

ACCOUNT_COLUMNS = ("name", "integration", "entity", "external_id", "internal_id", "in_use", "given_at")
EXAMPLE_COLUMNS = ("entity", "external_id", "internal_id", "username", "email")


@click.group()
def accounts() -> None:
    """Give people user names and e-mail addresses, and list what was given."""


@accounts.command("list")
@click.argument("integration", required=False)
@limit_option
@config_option
@json_option
def list_accounts(integration: str | None, limit: int | None, config: Path | None, *, as_json: bool) -> None:
    """List every name that was ever given; none of them is given to anybody else."""

    async def work(house: runtime.House) -> None:
        check_integration(house, integration, await rows.names(house.db))
        found = desk.account_rows(house.db, integration=integration, limit=limit)
        await output.stream(found, ACCOUNT_COLUMNS, as_json=as_json, empty="No name was given yet.")

    in_house(config, work)


@accounts.command("preview")
@click.argument("integration")
@click.option(
    "--examples", type=click.IntRange(0, 200), default=5, show_default=True, metavar="N", help="So many."
)
@config_option
@json_option
def preview_accounts(integration: str, examples: int, config: Path | None, *, as_json: bool) -> None:
    """Say how many people would be named, and how; nothing is written."""

    async def work(house: runtime.House) -> None:
        found = await _preview(house, integration, examples=examples)
        if as_json:
            output.show(found, (), as_json=True)
            return
        for row in found:
            output.say(_sentence(row))
        told = [{"entity": row["entity"], **one} for row in found for one in row["examples"]]
        if told:
            click.echo()
            output.show(told, EXAMPLE_COLUMNS, as_json=False)

    in_house(config, work)


async def _preview(house: runtime.House, integration: str, *, examples: int = 0) -> list[dict[str, Any]]:
    known = await rows.names(house.db)
    check_integration(house, integration, known)
    if integration not in known:
        raise UsageError(f"{integration} was never synced: 'siscon sync {integration}' comes first.")
    settings = house.settings.integrations.get(integration)
    if settings is None or not settings.accounts.rules:
        raise UsageError(
            f"The configuration does not say how people of {integration} are named: see accounts in "
            "docs/configuration.md."
        )
    return await runtime.preview_accounts(house, integration, examples=examples)


def _sentence(row: dict[str, Any]) -> str:
    words = {"username": "a user name", "email": "an e-mail address"}
    lacking = " or ".join(words[one] for one in row["fields"])
    return f"{row['people']} {row['entity']} records of {row['integration']} lack {lacking}."


@accounts.command("create")
@click.argument("integration")
@click.option("--entity", type=click.Choice(["student", "staff"]), help="One kind of people; else both.")
@reason_option
@click.option("--wait", is_flag=True, help="Wait for the end; where no engine is alive, run one for as long.")
@yes_option
@config_option
@json_option
def create_accounts(
    integration: str,
    entity: str | None,
    reason: str,
    config: Path | None,
    *,
    wait: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Name people who came before names were configured, after showing how many."""

    async def work(house: runtime.House) -> int:
        found = [row for row in await _preview(house, integration) if entity in (None, row["entity"])]
        for row in found:
            output.note(_sentence(row))
        count = sum(row["people"] for row in found)
        if not count:
            raise UsageError("Nobody lacks one: there is nothing to give.")
        sure(f"Name these {count}?", yes=yes)
        fields = tuple(f"{row['entity']}.{name}" for row in found for name in row["fields"])
        answered = await acts.carry_out(house, CreateAccounts(integration, fields, count, reason))
        if wait and answered.run_id is not None:
            return await finish(house, [answered.run_id], as_json=as_json)
        if as_json:
            output.Printer((), as_json=True).row(
                {"integration": integration, "run_id": answered.run_id, "people": count}
            )
        else:
            output.say(answered.answer)
        return 0

    return in_house(config, work)
