"""Commands that tell of the providers: list, show. Only here every installed one is loaded."""

from __future__ import annotations

from typing import Any

import click

from siscon.cli import output
from siscon.cli.exit_codes import DONE, FAILED
from siscon.cli.options import json_option
from siscon.ops import providers as known

COLUMNS = ("name", "title", "entities", "distribution", "version", "state", "reason")
SETTING_COLUMNS = ("name", "type", "default", "description")


@click.group()
def providers() -> None:
    """Look at the kinds of systems that siscon can talk to."""


@providers.command("list")
@json_option
def list_providers(*, as_json: bool) -> int:
    """List every installed provider; exit code 1 when one is broken."""
    rows = known.provider_rows()
    output.show(rows, COLUMNS, as_json=as_json, empty="No provider is installed: install siscon again.")
    return FAILED if any(row["state"] == "broken" for row in rows) else DONE


@providers.command("show")
@click.argument("name")
@json_option
def show_provider(name: str, *, as_json: bool) -> None:
    """Show what one provider offers, needs and lets be set, and whose code it is."""
    row = known.provider_row(name)
    if as_json:
        output.card(row, as_json=True)
        return
    settings: list[dict[str, Any]] = row.pop("settings")
    output.card(row, as_json=False)
    click.echo()
    shown = [{**one, "default": "(needed)" if one["required"] else one["default"]} for one in settings]
    output.show(shown, SETTING_COLUMNS, as_json=False)
