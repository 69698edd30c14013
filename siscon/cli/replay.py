"""``siscon replay``: a database file of the past in the same screens, without an engine and without a way to write."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from siscon import runtime
from siscon.cli import early, output
from siscon.cli.asked import asked_of, look_options
from siscon.cli.console import need_terminal
from siscon.cli.options import config_option
from siscon.domain.errors import NOT_ALLOWED, ConfigError, UsageError
from siscon.domain.roles import Role, refusal
from siscon.ops.actor import is_in_anothers_account, role_here

NO_HOUSE: Mapping[str, Any] = {"time_zone": "UTC"}


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--at", metavar="TIME", default="", help="05:12, or 2026-11-20T05:12; else at its last event.")
@look_options
@config_option
@click.pass_context
def replay(ctx: click.Context, file: Path, at: str, config: Path | None) -> int:
    """Look at a database file of the past, such as a backup, as it was at a moment.

    It is opened for reading alone: the file stays as it is, and no engine starts. On the screen < and > go one event
    back and on.
    """
    need_operator(config, "replay")
    need_terminal()
    screen = importlib.import_module("siscon.cli.screen")
    code: int = screen.replay(file, at, house_of(config), asked_of(ctx))
    return code


def need_operator(config: Path | None, what: str) -> None:
    """Raise ``UsageError`` for a viewer of the installation: a file of the past is shown as it is, without a mask, and
    none is written for a viewer.

    Without a configuration, or beside a broken one, nobody knows of roles: then it is refused only in another's
    account, which may read more than the one who came.
    """
    found = runtime.settings_file(config)[1]
    try:
        role = role_here(runtime.load_settings(found).role_rules)[1]
    except ConfigError as error:
        if is_in_anothers_account():
            raise UsageError(
                f"Behind sudo and su 'siscon {what}' needs a configuration, which says what you may. {error.sentence}",
                code=NOT_ALLOWED,
            ) from error
        return
    if role is Role.VIEWER:
        raise UsageError(refusal(what, role, Role.OPERATOR), code=NOT_ALLOWED)


def house_of(config: Path | None) -> Mapping[str, Any]:
    """What is known of the house: a file of the past can be looked at without one, or beside a broken configuration."""
    named, found = runtime.settings_file(config)
    if not named and not found.exists():
        return NO_HOUSE
    try:
        return early.known_of(runtime.load_settings(found))
    except ConfigError as error:
        if named:
            raise
        output.note(f"siscon: times are in UTC: {error.sentence}")
        return NO_HOUSE
