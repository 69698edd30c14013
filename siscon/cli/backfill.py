"""``siscon backfill``: read again what changed within a window of time, or some records by their ids."""

from __future__ import annotations

import sys
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from siscon import runtime
from siscon.cli import acts, output
from siscon.cli.operate import finish
from siscon.cli.options import (
    check_integration,
    config_option,
    entities_option,
    in_house,
    json_option,
    now_ms,
    sure,
    yes_option,
)
from siscon.domain.commands import Backfill, Command, FetchRecords
from siscon.domain.errors import UsageError
from siscon.domain.moments import past_ms
from siscon.domain.records import Entity
from siscon.domain.text import counted
from siscon.ops import backfills as desk

COLUMNS = ("entity", "requests", "minutes")


@click.command()
@click.argument("integration")
@click.option("--since", metavar="WHEN", help="What changed since: 3d, 2027-01-04 or '2027-01-04 06:00'.")
@click.option("--until", metavar="WHEN", help="Leave out what changed after that.")
@entities_option
@click.option("--id", "ids", multiple=True, metavar="ID", help="This record; may be given again.")
@click.option(
    "--ids", "file", type=click.Path(), metavar="FILE", help="A file with an id a line; '-': standard input."
)
@click.option("--preview", is_flag=True, help="Only say what it would take.")
@click.option("--reason", default="", metavar="WHY", help="Why; it stands in the audit beside your name.")
@click.option("--wait", is_flag=True, help="Wait for the end; where no engine is alive, run one for as long.")
@yes_option
@config_option
@json_option
def backfill(
    integration: str,
    since: str | None,
    until: str | None,
    entities: tuple[str, ...],
    ids: tuple[str, ...],
    file: str | None,
    reason: str,
    config: Path | None,
    *,
    preview: bool,
    wait: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Read again what changed since a moment, or some records by their ids; says first what that takes."""
    named = _ids(ids, file)
    if (since is None) == (not named):
        raise UsageError("Name a window with --since, or records with --id or --ids.")
    if named and len(entities) != 1:
        raise UsageError("Name the one kind of the records with --entity.")

    def window(house: runtime.House) -> Backfill:
        zone, at_ms = ZoneInfo(house.settings.time_zone), now_ms()
        since_ms = past_ms(since or "", zone, now_ms=at_ms)
        until_ms = past_ms(until, zone, now_ms=at_ms) if until is not None else None
        meant = Backfill(integration, entities, since_ms, until_ms, reason or "asked for by command")
        meant.check_window(now_ms=at_ms)
        desk.check_by_date(integration, house.settings.integrations[integration])
        return meant

    async def work(house: runtime.House) -> int:
        check_integration(house, integration, [])
        kinds = [Entity(one) for one in entities]
        command: Command = FetchRecords(integration, entities[0], named) if named else window(house)
        told = await desk.estimates(house.db, integration, kinds, ids=len(named))
        if preview or not as_json:
            output.show(desk.rows(told), COLUMNS, as_json=as_json, empty="No list was read whole yet.")
        if preview:
            if not as_json:
                output.say(desk.in_words(told))
            return 0
        what = counted(len(named), "record") if named else "what changed"
        sure(f"Read {what} of {integration} again? {desk.in_words(told)}", yes=yes)
        row = await acts.carry_out(house, command)
        if not as_json:
            output.say(row.answer)
        if wait and row.run_id is not None:
            return await finish(house, [row.run_id], as_json=as_json)
        if as_json:
            output.show([{"run_id": row.run_id, "integration": integration}], (), as_json=True)
        return 0

    return in_house(config, work)


def _ids(ids: tuple[str, ...], file: str | None) -> tuple[str, ...]:
    told = list(ids)
    if file is not None:
        try:
            text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"The ids in {file} cannot be read: {error}.") from error
        told += [line.strip() for line in text.splitlines() if line.strip()]
    return tuple(dict.fromkeys(told))
