"""``siscon show``: what any screen says, as plain text or JSON. Needs no terminal, starts no engine, writes nothing."""

from __future__ import annotations

import importlib
import textwrap
from pathlib import Path
from typing import Any

import click

from siscon import runtime
from siscon.cli import early, output
from siscon.cli.options import config_option, json_option
from siscon.cli.replay import house_of, need_operator

ROWS = 200


@click.command()
@click.argument("screen")
@click.argument("words", nargs=-1)
@click.option("--text", "as_text", is_flag=True, help="Plain text, one row a line; so it is without --json.")
@click.option(
    "--where", metavar="FILTER", default="", help="Only rows that hold this, as / does on the screen."
)
@click.option(
    "--limit", type=click.IntRange(min=1), default=ROWS, metavar="N", help=f"Rows of each list; else {ROWS}."
)
@click.option("--exact", is_flag=True, help="Times of day with their zone, not how long ago.")
@click.option("--width", type=click.IntRange(min=20), metavar="N", help="Fold lines longer than this.")
@click.option(
    "--database",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Another database file, such as a backup, as it was at its last event.",
)
@click.option("--at", metavar="TIME", default="", help="As it was at 05:12, or 2026-11-20T05:12.")
@config_option
@json_option
def show(
    screen: str,
    words: tuple[str, ...],
    where: str,
    limit: int,
    width: int | None,
    database: Path | None,
    at: str,
    config: Path | None,
    *,
    exact: bool,
    as_text: bool,
    as_json: bool,
) -> int:
    """Say what a screen of the console says, for ears and for scripts.

    SCREEN is the name of a screen, such as health, errors or run; WORDS say which one, such as the number of a run.
    """
    if as_text and as_json:
        raise click.UsageError("--text or --json, not both.")
    teller = importlib.import_module("siscon.cli.screen")
    options = _options(teller, database, at, config)
    for told in teller.tell(options, screen, words, where=where, limit=limit, exact=exact, as_json=as_json):
        click.echo(output.to_json(told) if as_json else _folded(told, width))
    return 0


def _options(teller: Any, database: Path | None, at: str, config: Path | None) -> Any:
    """How to look: at what is, or at what was."""
    if database is not None or at:
        need_operator(config, "show")
    if database is not None:
        return teller.to_look_back(database, at, house_of(config))
    settings = runtime.load_settings(config)
    found = early.known_of(settings)
    return teller.to_look_back(settings.database, at, found) if at else teller.to_look(found)


def _folded(line: str, width: int | None) -> str:
    if width is None:
        return line
    return textwrap.fill(line, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
