"""``siscon`` and ``siscon serve``: the screen with an engine beside it, and the engine alone."""

from __future__ import annotations

import asyncio
import importlib
import sys
from pathlib import Path

import click

from siscon import runtime
from siscon.cli import output
from siscon.cli.options import config_option
from siscon.config import Settings
from siscon.domain.errors import UsageError


def need_terminal() -> None:
    """Refuse to open a screen where there is none."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "The console needs a terminal. Without one: 'siscon serve' runs the engine, 'siscon --help' lists the "
            "commands.",
            code="no_terminal",
        )


def open_console(config: str | None, *, in_process: bool) -> int:
    """Show the screen; find the engine that is alive, or start one."""
    need_terminal()
    return run_console(runtime.load_settings(config), in_process=in_process)


def run_console(settings: Settings, *, in_process: bool) -> int:
    """Show the screen over an open configuration."""
    screen = importlib.import_module("siscon.cli.screen")
    code: int = screen.run(settings, in_process=in_process)
    return code


@click.command()
@config_option
def serve(config: Path | None) -> int:
    """Run the engine alone, without a screen."""
    settings = runtime.load_settings(config)
    output.note(f"siscon: the engine works on {settings.database}; end it with ctrl-C or 'siscon stop'.")
    return asyncio.run(runtime.serve(settings))
