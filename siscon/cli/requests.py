"""Commands about what people have asked for: list it with the answers, take back what nobody has carried out yet."""

from __future__ import annotations

from pathlib import Path

import click

from siscon import runtime
from siscon.cli import output
from siscon.cli.options import config_option, in_house, json_option, limit_option
from siscon.ops import commands as desk
from siscon.ops.requests import request_row, request_rows

COLUMNS = ("id", "kind", "actor", "status", "left_at", "due_at", "run_id", "answer")


@click.group()
def requests() -> None:
    """Look at what people have asked for, and take back what waits."""


@requests.command("list")
@click.option("--waiting", is_flag=True, help="Only those that nobody has carried out yet.")
@limit_option
@config_option
@json_option
def list_requests(config: Path | None, limit: int | None, *, waiting: bool, as_json: bool) -> None:
    """List requests with their answers, the newest first."""

    async def work(house: runtime.House) -> None:
        found = request_rows(house.db, waiting=waiting, limit=limit)
        empty = "No request waits." if waiting else "Nobody has asked for anything yet."
        await output.stream(found, COLUMNS, as_json=as_json, empty=empty)

    in_house(config, work)


@requests.command("take-back")
@click.argument("request_id", type=int, metavar="ID")
@config_option
@json_option
def take_back(request_id: int, config: Path | None, *, as_json: bool) -> None:
    """Take a request back that nobody has carried out yet: nothing of it is done."""

    async def work(house: runtime.House) -> None:
        row = await desk.take_back(house.db, request_id, actor=house.actor, role=house.role)
        if await runtime.find_engine(house.db) is None:
            await runtime.carry_out_request(house, request_id)
        if as_json:
            output.card(request_row(row), as_json=True)
        else:
            output.say(f"Request {row.id} is taken back: nothing of it was done.")

    in_house(config, work)
