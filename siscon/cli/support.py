"""``siscon support``: a bundle for whoever is asked for help, without anybody's data."""

from __future__ import annotations

import asyncio
import os
from datetime import datetime
from functools import partial
from pathlib import Path

import click

from siscon import runtime
from siscon.cli import acts, output
from siscon.cli.options import config_option, json_option, now_ms
from siscon.config import Settings
from siscon.domain.commands import NoteExport
from siscon.domain.errors import SisconError, UsageError
from siscon.domain.text import plain
from siscon.ops import doctor, files
from siscon.ops.checks import Screen
from siscon.ops.support import bundle as desk

COLUMNS = ("file", "what", "bytes")
NO_SCREEN = Screen(is_terminal=False, columns=0, lines=0, encoding="")


@click.group()
def support() -> None:
    """Make a bundle for whoever is asked for help."""


@support.command("bundle")
@click.option(
    "--output", "target", type=click.Path(path_type=Path), metavar="FILE", help="Where it is written."
)
@click.option("--preview", is_flag=True, help="Say what would be in it, and write nothing.")
@click.option("--mask-hosts", is_flag=True, help="Leave the names of the systems' hosts out.")
@config_option
@json_option
def make_bundle(
    target: Path | None, config: Path | None, *, preview: bool, mask_hosts: bool, as_json: bool
) -> None:
    """Put versions, settings, counts, events and logs into a zip file, without names, ids, values and secrets."""
    settings = runtime.load_settings(config)
    path = (target or Path(f"siscon-support-{datetime.now():%Y%m%d-%H%M%S}.zip")).absolute()  # noqa: DTZ005 - a name
    if not preview and not path.parent.is_dir():
        raise UsageError(f"There is no folder {plain(path.parent)}.")
    asyncio.run(_make(settings, path, preview=preview, with_hosts=not mask_hosts, as_json=as_json))


async def _make(settings: Settings, path: Path, *, preview: bool, with_hosts: bool, as_json: bool) -> None:
    checks = await doctor.examine(
        lambda: settings, os.environ, screen=NO_SCREEN, now_ms=now_ms(), thorough=False
    )
    here = partial(
        desk.Circumstances, settings, runtime.secrets_of(settings), checks, now_ms(), with_hosts=with_hosts
    )
    told: list[desk.Part] | None = None
    try:
        async with runtime.open_house(settings, for_person=True) as house:
            told = await desk.parts(house.db, here())
            _show(told, as_json=as_json)
            if not preview:
                names = tuple(one.name for one in told)
                await acts.carry_out(house, NoteExport("support bundle", len(told), names))
    except SisconError as error:
        if told is not None:
            raise  # the audit cannot or will not say that it was made: then it is not
        output.note(f"siscon: nothing of the database is in it: {error.sentence}")
        told = await desk.parts(None, here())
        _show(told, as_json=as_json)
    if not preview:
        _write(told, path)


def _show(told: list[desk.Part], *, as_json: bool) -> None:
    rows = [{"file": one.name, "what": one.what, "bytes": len(one.text)} for one in told]
    output.show(rows, COLUMNS, as_json=as_json)


def _write(told: list[desk.Part], path: Path) -> None:
    try:
        with files.whole_or_not(path, over=False) as file:
            file.buffer.write(desk.zipped(told))
    except FileExistsError:
        raise UsageError(f"{plain(path)} is there already: name another file with --output.") from None
    except OSError as error:
        raise UsageError(f"{plain(path)} cannot be written: {error.strerror}.") from error
    output.note(f"Written to {path}. Look into it before you send it.")
