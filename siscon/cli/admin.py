"""Commands that examine: config check, show, schema; doctor."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from siscon import runtime
from siscon.cli import output
from siscon.cli.exit_codes import DONE, FAILED
from siscon.cli.options import config_option, json_option, now_ms
from siscon.domain.text import TERMINAL_RESET, counted
from siscon.ops import configuration
from siscon.ops import doctor as checks
from siscon.tui import keymap

KEY_COLUMNS = ("id", "keys", "what", "command", "changes_data", "screens")


@click.group()
def config() -> None:
    """Check, show and describe the configuration."""


@config.command("check")
@config_option
def check_config(config: Path | None) -> None:
    """Say everything that is wrong with the configuration, with file, line and column."""
    settings = runtime.load_settings(config)
    output.say(
        f"{settings.file} is in order: {counted(len(settings.integrations), 'integration')}, home {settings.home}."
    )


@config.command("show")
@config_option
@json_option
def show_config(config: Path | None, *, as_json: bool) -> None:
    """Show every value and where it comes from; secrets stay hidden."""
    found = configuration.explain(runtime.load_settings(config).file, os.environ)
    told = [{"key": one.key, "value": one.value, "source": one.source} for one in found]
    output.show(told, ("key", "value", "source"), as_json=as_json)


@config.command("keys")
@config_option
@json_option
def show_keys(config: Path | None, *, as_json: bool) -> None:
    """List every action of the console with its keys, as 'console.keys' moves them, and the command that does it."""
    named, found = runtime.settings_file(config)
    moved = runtime.load_settings(config).console.keys if named or found.exists() else {}
    told = keymap.listed(keymap.keymap_of(moved))
    output.show(told if as_json else map(_in_words, told), KEY_COLUMNS, as_json=as_json)


def _in_words(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of keys for a table; what is everywhere, or has no key, says so."""
    shown = {one: ", ".join(map(str, row[one])) for one in ("keys", "screens")}
    return {
        **row,
        **shown,
        "screens": shown["screens"] or "all",
        "changes_data": "yes" if row["changes_data"] else "",
    }


@config.command("schema")
def show_schema() -> None:
    """Print the JSON schema of the configuration, for editors."""
    click.echo(json.dumps(configuration.json_schema(), indent=2, ensure_ascii=True))


@click.command()
@config_option
@json_option
@click.option(
    "--reset-terminal", is_flag=True, help="Only put a terminal right that a lost line left in disorder."
)
@click.option(
    "--quick", is_flag=True, help="Without the key, and without reading the database from end to end."
)
def doctor(config: Path | None, *, as_json: bool, reset_terminal: bool, quick: bool) -> int:
    """Examine configuration, files, key, database, clock, providers and terminal."""
    if reset_terminal:
        return _reset_terminal()
    size = shutil.get_terminal_size()
    screen = checks.Screen(sys.stdout.isatty(), size.columns, size.lines, sys.stdout.encoding or "")
    found = asyncio.run(
        checks.examine(
            lambda: runtime.load_settings(config),
            os.environ,
            screen=screen,
            now_ms=now_ms(),
            thorough=not quick,
        )
    )
    told = [
        {"check": one.name, "state": one.state.value, "seen": one.seen, "advice": one.advice} for one in found
    ]
    if as_json:
        output.show(told, (), as_json=True)
    else:
        for one in found:
            advice = f"; {one.advice}" if one.advice and one.state is not checks.State.OK else ""
            output.say(f"{one.state:5} {one.name}: {one.seen.rstrip('.')}{advice}")
    return FAILED if any(one.state is checks.State.FAIL for one in found) else DONE


def _reset_terminal() -> int:
    click.echo(TERMINAL_RESET, nl=False, color=True)
    stty = shutil.which("stty")
    if stty and sys.stdin.isatty():
        subprocess.run([stty, "sane"], check=False)  # noqa: S603 - found on the PATH, no foreign words
    return DONE
