"""``siscon backup``: copies of the database made, listed and examined; and one put in its place."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from siscon import runtime, upkeep
from siscon.cli import output
from siscon.cli.chores import see_through
from siscon.cli.exit_codes import DONE, FAILED
from siscon.cli.options import config_option, in_house, json_option, reason_option, sure, yes_option
from siscon.domain.commands import RunChore
from siscon.domain.errors import UsageError
from siscon.domain.text import agreed, counted
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
    found = desk.backup_rows(settings.backups)
    output.show(found, desk.COLUMNS, as_json=as_json, empty=empty)
    if old := sum(row["installation"] is None for row in found):
        output.note(
            f"{counted(old, 'backup')} {agreed(old, 'was', 'were')} made by an earlier siscon, whose names do not tell "
            f"of which installation: {agreed(old, 'it is', 'they are')} restored and removed by hand alone."
        )


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


@backup.command("restore")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--foreign", is_flag=True, help="Also where the backup is of another installation.")
@reason_option
@yes_option
@config_option
@json_option
def restore_backup(
    file: Path, reason: str, config: Path | None, *, foreign: bool, yes: bool, as_json: bool
) -> int:
    """Put a backup in the place of the database, after showing what that replaces; no engine may be alive."""
    settings, backup_file = runtime.load_settings(config), file.absolute()
    asyncio.run(upkeep.may_restore(settings))
    outlook = upkeep.look_before_restoring(settings, backup_file, foreign=foreign)
    lines = desk.outlook_lines(settings.database, outlook.now, outlook.fault, backup_file, outlook.backup)
    for line in lines:
        output.note(line)
    sure(f"Put it in the place of {settings.database}?", yes=yes, word=settings.profile.final_word)
    done = asyncio.run(upkeep.restore(settings, backup_file, reason=reason))
    if as_json:
        kept = str(done.kept) if done.kept else None
        told = {"database": str(settings.database), "kept": kept, "act": done.act, "logins_kept": done.ahead}
        output.card(told, as_json=True)
        return DONE
    output.say(
        f"{settings.database} is restored, act {done.act} of its audit says so. No engine runs: start it again."
    )
    if done.kept and not done.ahead:
        output.note(
            "Nothing newer was taken over from what was there, such as ids given since, renewed logins, the memory of "
            "webhooks and of what people were told: it cannot be read, or is of another installation or version."
        )
    if done.kept:
        output.say(
            f"What was there is kept: {done.kept}. It holds pupils' data: remove it once you need it no more."
        )
    return DONE
