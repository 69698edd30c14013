"""``siscon chores``: what one engine does for the whole installation from time to time, and doing it now."""

from __future__ import annotations

from pathlib import Path

import click

from siscon import runtime, upkeep
from siscon.cli import acts, output
from siscon.cli.exit_codes import DONE, FAILED
from siscon.cli.options import config_option, in_house, json_option, now_ms
from siscon.domain.chores import ChoreState
from siscon.domain.commands import Command, RunChore
from siscon.domain.errors import SisconError
from siscon.ops import chores as desk


@click.group()
def chores() -> None:
    """Look at what is done from time to time, such as backups, and have it done now."""


@chores.command("list")
@config_option
@json_option
def list_chores(config: Path | None, *, as_json: bool) -> None:
    """List every chore: when it is due, how it went the last time, when it last went well."""

    async def work(house: runtime.House) -> None:
        found = await desk.chore_rows(house.db, now_ms=now_ms())
        empty = "No engine has run yet, so no chore is known."
        output.show(found, desk.COLUMNS, as_json=as_json, empty=empty)

    in_house(config, work)


@chores.command("run")
@click.argument("name")
@config_option
@json_option
def run_chore(name: str, config: Path | None, *, as_json: bool) -> int:
    """Do a chore now and wait for its end; where no engine is alive, in this process."""
    return in_house(config, lambda house: see_through(house, name, RunChore(name), as_json=as_json))


async def see_through(house: runtime.House, name: str, command: Command, *, as_json: bool) -> int:
    """Have a chore asked for, wait until it is done, say what came of it; the exit code."""
    await _know(house, name)
    before = await desk.state_of(house.db, name)
    output.note((await acts.carry_out(house, command)).answer)
    while (now := await desk.state_of(house.db, name)) is None or _is_same(before, now):
        await upkeep.see_to_chore(house, name)
    if as_json:
        output.card(desk.chore_row(now, now_ms=now_ms()), as_json=True)
    elif now.last_ok:
        output.say(f"{name}: {now.last_told}.")
    if not now.last_ok and not as_json:
        raise SisconError(f"{name} failed: {now.last_told}", code="chore_failed")
    return DONE if now.last_ok else FAILED


async def _know(house: runtime.House, name: str) -> None:
    """Enter a chore that no engine has known yet; nothing is due by that."""
    alive = await runtime.find_engine(house.db)
    if alive is None and await desk.state_of(house.db, name) is None:
        await upkeep.do_chore(house, name)


def _is_same(before: ChoreState | None, now: ChoreState) -> bool:
    return (before.last_at_ms if before else None) == now.last_at_ms
