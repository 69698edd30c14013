"""Commands about logins: list, refresh, authorise, revoke, clean."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from siscon import logins, runtime
from siscon.cli import acts, output
from siscon.cli.exit_codes import DONE, FAILED
from siscon.cli.options import (
    check_integration,
    config_option,
    in_house,
    json_option,
    now_ms,
    sure,
    yes_option,
)
from siscon.domain.commands import RefreshToken
from siscon.domain.errors import UsageError
from siscon.domain.text import plain
from siscon.domain.tokens import TokenHealth
from siscon.ops import rows

TOKEN_COLUMNS = ("integration", "provider", "health", "expires_at", "refresh_at", "last_error")
CALLBACK_PORT = 8976


@click.group()
def tokens() -> None:
    """Look at the logins; renew, allow and give them back."""


@tokens.command("list")
@config_option
@json_option
def list_tokens(config: Path | None, *, as_json: bool) -> None:
    """List how each login is and when it is renewed; never the login itself."""

    async def work(house: runtime.House) -> None:
        found = await rows.token_rows(house.db, now_ms=now_ms())
        output.show(
            found, TOKEN_COLUMNS, as_json=as_json, empty="No token yet: the first import asks for one."
        )
        for row in found:
            if row["health"] == TokenHealth.NEEDS_PERSON and not as_json:
                output.note(row["last_error"])

    in_house(config, work)


@tokens.command("refresh")
@click.argument("integration")
@config_option
def refresh_token(config: Path | None, integration: str) -> None:
    """Have the engine ask for a new token."""
    in_house(config, lambda house: acts.ask(house, RefreshToken(integration)))


@tokens.command("authorise")
@click.argument("integration")
@click.option("--paste", is_flag=True, help="Do not listen: paste the address that the browser ends on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=CALLBACK_PORT,
    show_default=True,
    metavar="P",
    help="The port of this machine that the browser comes back to; 0: any that is free.",
)
@config_option
def authorise(config: Path | None, integration: str, port: int, *, paste: bool) -> None:
    """Allow a login in a browser, where a person's consent is needed."""

    async def work(house: runtime.House) -> None:
        _check_configured(house, integration)
        asked = _pasted if paste else None
        said = await logins.authorise(house, integration, port=port, show=_show, paste=asked)
        output.say(said)

    if paste and not port:
        raise UsageError("With --paste name the port that is registered with the vendor.")
    in_house(config, work)


def _show(address: str) -> None:
    output.note("Open this address in a browser, and allow siscon to log in:")
    click.echo(plain(address, limit=4000))


def _pasted() -> str:
    output.note("The browser ends on a page that cannot be shown. Paste its whole address here:")
    return sys.stdin.readline()


@tokens.command("revoke")
@click.argument("integration", required=False)
@click.option("--all", "everybody", is_flag=True, help="The logins of all integrations.")
@yes_option
@config_option
def revoke(config: Path | None, integration: str | None, *, everybody: bool, yes: bool) -> int:
    """Give a login back to the SIS and drop it here."""
    if (integration is None) != everybody:
        raise UsageError("Name one integration, or say --all.")

    async def work(house: runtime.House) -> int:
        known = await rows.names(house.db)
        check_integration(house, integration, known)
        names = known if integration is None else [integration]
        word = house.settings.profile.final_word
        sure(f"Give up the login of {', '.join(names) or 'nobody'}?", yes=yes, word=word)
        code = DONE
        for name in names:
            said, refused = await logins.revoke(house, name)
            (output.note if refused else output.say)(said)
            code = FAILED if refused else code
        return code

    return in_house(config, work)


@tokens.command("clean")
@config_option
def clean(config: Path | None) -> None:
    """Drop tokens past their end and those of integrations that are no longer configured."""

    async def work(house: runtime.House) -> None:
        gone = await logins.clean(house)
        output.say(f"Dropped the tokens of {', '.join(gone)}." if gone else "No token is left over.")

    in_house(config, work)


def _check_configured(house: runtime.House, name: str) -> None:
    if name not in house.settings.integrations:
        told = ", ".join(sorted(house.settings.integrations)) or "none"
        raise UsageError(f"The configuration names no integration '{name}', but {told}.")
