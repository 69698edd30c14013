"""``siscon`` and ``siscon serve``: the screen with an engine beside it, and the engine alone."""

from __future__ import annotations

import asyncio
import importlib
import sys
from contextlib import AbstractContextManager
from pathlib import Path

import click

from siscon import runtime
from siscon.cli import early, output
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
    if not in_process:
        return early.open_console(config)
    settings = runtime.load_settings(config)
    return run_console(settings, engine=runtime.engine_in_thread(settings))


def run_console(settings: Settings, *, engine: AbstractContextManager[None] | None = None) -> int:
    """Show the screen over a configuration that was read, beside an engine that is alive or given."""
    screen = importlib.import_module("siscon.cli.screen")
    code: int = screen.run(early.known_of(settings), engine)
    return code


@click.command()
@config_option
def serve(config: Path | None) -> int:
    """Run the engine alone, without a screen."""
    settings = runtime.load_settings(config)
    said = f"siscon: the engine works on {settings.database}; end it with ctrl-C or 'siscon stop'."
    return asyncio.run(runtime.serve(settings, on_ready=lambda: output.note(said)))
