"""``siscon`` and ``siscon serve``: the screen with an engine beside it, and the engine alone."""

from __future__ import annotations

import asyncio
import importlib
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import click

from siscon import receiving, runtime, serving
from siscon.cli import early, early_word, output
from siscon.cli.options import config_option
from siscon.config import Settings
from siscon.domain.errors import UsageError


def need_terminal() -> None:
    """Refuse to open a screen where there is none."""
    if not all(one.isatty() for one in (sys.stdin, sys.stdout, sys.stderr)):
        raise UsageError(
            "The console needs a terminal, for standard error too. Without one: 'siscon serve' runs the engine, "
            "'siscon --help' lists the commands.",
            code="no_terminal",
        )


def open_console(config: str | None, asked: Mapping[str, Any], *, in_process: bool) -> int:
    """Show the screen; find the engine that is alive, or start one, unless the screen is only to be read."""
    if in_process and asked.get("read_only"):
        raise UsageError(
            "A console that is only read cannot hold an engine: leave out --in-process or --read-only."
        )
    need_terminal()
    if not in_process:
        return early.open_console(config, asked)
    settings = runtime.load_settings(config)
    return run_console(settings, asked, engine=runtime.engine_in_thread(settings))


def run_console(
    settings: Settings, asked: Mapping[str, Any], *, engine: AbstractContextManager[None] | None = None
) -> int:
    """Show the screen over a configuration that was read, beside an engine that is alive or given."""
    screen = importlib.import_module("siscon.cli.screen")
    code: int = screen.run(early.known_of(settings), asked, engine)
    return code


@click.command()
@config_option
def serve(config: Path | None) -> int:
    """Run the engine alone, without a screen."""
    settings = runtime.load_settings(config)
    said = f"siscon: the engine works on {settings.database}; end it with ctrl-C or 'siscon stop'."
    return asyncio.run(
        serving.serve(
            settings,
            on_ready=lambda: output.note(said),
            asked_to_end=early_word.came,
            beside=receiving.beside(settings),
        )
    )
