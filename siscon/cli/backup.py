"""``siscon backup``: copies of the database made, listed and examined; and one put in its place."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from siscon import runtime
from siscon.cli import output
from siscon.cli.chores import see_through
from siscon.cli.exit_codes import DONE, FAILED
from siscon.cli.options import config_option, in_house, json_option
from siscon.domain.commands import RunChore
from siscon.domain.errors import UsageError
from siscon.ops import backups as desk

CHORE = "backup"


@click.group()
def backup() -> None:
    """Copy the database while it is in use; list, examine and restore copies."""


@backup.command("now")
@config_option
@json_option
def make_backup(config: Path | None, *, as_json: bool) -> int:
    """Make a backup now and wait for it; syncs go on meanwhile."""

    async def work(house: runtime.House) -> int:
        code = await see_through(house, CHORE, RunChore(CHORE), as_json=as_json)
        if not code:
            output.note(
                "The key is not in it: keep siscon.key, config.yaml and the secrets it names beside it, elsewhere."
            )
        return code

    return in_house(config, work)


@backup.command("list")
@config_option
@json_option
def list_backups(config: Path | None, *, as_json: bool) -> None:
    """List the backups that are kept, newest first."""
    settings = runtime.load_settings(config)
    empty = f"There is no backup in {settings.backups}: 'siscon backup now' makes one."
    output.show(desk.backup_rows(settings.backups), desk.COLUMNS, as_json=as_json, empty=empty)


@backup.command("verify")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE]...")
@config_option
@json_option
def verify_backups(files: tuple[Path, ...], config: Path | None, *, as_json: bool) -> int:
    """Read backups from end to end and compare them with what was noted when they were made; without FILE all."""
    chosen = [Path(one).absolute() for one in files] or _all(runtime.load_settings(config).backups)
    rows = [asyncio.run(desk.verified(one)) for one in chosen]
    output.show(rows, ("file", "state", "schema", "newest_event_at", "told"), as_json=as_json)
    return DONE if all(row["state"] == "sound" for row in rows) else FAILED


def _all(folder: Path) -> list[Path]:
    found = [Path(row["file"]) for row in desk.backup_rows(folder)]
    if not found:
        raise UsageError(f"There is no backup in {folder}: 'siscon backup now' makes one.", code="no_backup")
    return found
