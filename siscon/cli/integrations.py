"""Commands about the connections: list, show, test, enable, disable, pause, resume, remove."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from siscon import runtime
from siscon.cli import acts, output
from siscon.cli.exit_codes import DONE, FAILED
from siscon.cli.options import (
    check_integration,
    config_option,
    in_house,
    json_option,
    now_ms,
    sure,
)
from siscon.domain.commands import PauseIntegration, RemoveIntegration, ResumeIntegration
from siscon.domain.errors import UsageError
from siscon.domain.moments import coming_ms
from siscon.domain.text import counted
from siscon.ops import integrations as desk
from siscon.ops import rows

COLUMNS = (
    *("name", "provider", "state", "schedule", "last_good_at", "next_due_at"),
    *("errors", "conflicts", "last_error"),
)


@click.group()
def integrations() -> None:
    """Look at the connections, try, pause, resume and remove them."""


@integrations.command("list")
@config_option
@json_option
def list_integrations(config: Path | None, *, as_json: bool) -> None:
    """List every connection and how it is doing."""

    async def work(house: runtime.House) -> None:
        configured = {name: one.provider for name, one in house.settings.integrations.items()}
        found = await rows.integration_rows(house.db, configured, now_ms=now_ms())
        output.show(found, COLUMNS, as_json=as_json, empty="The configuration names no integration.")

    in_house(config, work)


@integrations.command("show")
@click.argument("integration")
@config_option
@json_option
def show_integration(config: Path | None, integration: str, *, as_json: bool) -> None:
    """Show one connection in full."""

    async def work(house: runtime.House) -> None:
        check_integration(house, integration, await rows.names(house.db))
        settings = house.settings.integrations.get(integration)
        found = await desk.integration_row(house.db, integration, settings, now_ms=now_ms())
        output.card(found, as_json=as_json)

    in_house(config, work)


@integrations.command("test")
@click.argument("integration")
@config_option
@json_option
def test_integration(config: Path | None, integration: str, *, as_json: bool) -> int:
    """Try host, TLS, login, scopes and a page of each list; nothing of the roster is written."""

    async def work(house: runtime.House) -> int:
        check_integration(house, integration, [])
        code = DONE
        async for row in runtime.try_integration(house, integration):
            code = FAILED if row["state"] == "fail" else code
            if as_json:
                output.show([row], (), as_json=True)
            else:
                output.say(f"{row['state']:5} {row['step']}: {row['seen']} ({row['seconds']:.1f} s)")
        return code

    return in_house(config, work)


def _switch(name: str, word: str, words: str) -> click.Command:
    @integrations.command(name, help=words)
    @click.argument("integration")
    @config_option
    def switch(config: Path | None, integration: str) -> None:
        async def work(house: runtime.House) -> None:
            check_integration(house, integration, await rows.names(house.db))
            settings = house.settings.integrations.get(integration)
            if settings is not None and settings.enabled is (word == "true"):
                output.say(f"{integration} is {name}d in {house.settings.file} already.")
                return
            raise UsageError(
                f"What is on stands in the configuration, which siscon never writes: set integrations.{integration}."
                f"enabled to {word} in {house.settings.file}, then start the engine anew. For the time being, "
                f"'siscon integrations pause {integration}' and 'resume' act at once.",
                code="in_configuration",
            )

        in_house(config, work)

    return switch


enable = _switch("enable", "true", "Say how to switch a connection on: the configuration decides.")
disable = _switch("disable", "false", "Say how to switch a connection off: the configuration decides.")


@integrations.command("pause")
@click.argument("integration")
@click.option(
    "--until", metavar="WHEN", help="Resume by itself then: 06:00, 2d, 2027-01-04 or '2027-01-04 06:00'."
)
@config_option
def pause(config: Path | None, integration: str, until: str | None) -> None:
    """Let its schedules start nothing until it is resumed, or until a moment; a run under way goes on."""

    async def work(house: runtime.House) -> None:
        zone = ZoneInfo(house.settings.time_zone)
        until_ms = coming_ms(until, zone, now_ms=now_ms()) if until is not None else None
        await acts.ask(house, PauseIntegration(integration, until_ms))

    in_house(config, work)


@integrations.command("resume")
@click.argument("integration")
@config_option
def resume(config: Path | None, integration: str) -> None:
    """Let its schedules start runs again; what was due meanwhile is not made up for."""
    in_house(config, lambda house: acts.ask(house, ResumeIntegration(integration)))


@integrations.command("remove")
@click.argument("integration")
@click.option("--yes", is_flag=True, help="Do not ask, even where the configuration still names it.")
@config_option
def remove_integration(config: Path | None, integration: str, *, yes: bool) -> None:
    """Forget a connection's mappings, errors, conflicts and login; the roster stays. Cannot be undone."""

    async def work(house: runtime.House) -> None:
        found = await desk.removal_counts(house.db, integration)
        if found is None:
            raise UsageError(f"There is no integration '{integration}' in the database: nothing to remove.")
        named = integration in house.settings.integrations
        if named and not yes:
            raise UsageError(
                f"{house.settings.file} still names {integration}: take it out first, or it comes back empty with the "
                "next engine. With --yes it is removed all the same."
            )
        told = ", ".join(f"{n} {what.replace('_', ' ')}" for what, n in found.items())
        output.say(f"To be removed with {integration}: {told}. The records of the roster stay.")
        output.say("This cannot be undone: only a new import ties records again, as new ones.")
        sure("Remove it?", yes=yes, word=house.settings.profile.final_word)
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        folder = house.settings.home / "exports"
        path, count = await desk.export_mappings(house.db, integration, folder, stamp=stamp)
        output.say(f"{counted(count, 'mapping')} written to {path}.")
        try:
            await acts.ask(house, RemoveIntegration(integration, count))
        except UsageError:  # refused: of any other fault nobody knows whether it is done yet
            path.unlink(missing_ok=True)
            output.note(f"Nothing was removed, so {path} was taken away again.")
            raise

    in_house(config, work)
