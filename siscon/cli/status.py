"""siscon status: in the morning, in words: who needs a person, how fresh everything is, what runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from siscon import runtime
from siscon.cli import output
from siscon.cli.options import config_option, in_house, json_option, now_ms
from siscon.domain.text import agreed, counted
from siscon.ops import run_rows
from siscon.ops.health_rows import health_rows
from siscon.ops.rows import Row

HEALTH_COLUMNS = ("integration", "state", "last_good", "next_run", "errors", "conflicts", "fresh")
RUN_COLUMNS = ("run_id", "integration", "status", "phase", "fetched", "total", "requests", "held_by")


@click.command()
@config_option
@json_option
def status(config: Path | None, *, as_json: bool) -> None:
    """Say how each integration is, which engines are alive and what runs."""

    async def work(house: runtime.House) -> None:
        moment = now_ms()
        engines = await run_rows.engine_rows(house.db, now_ms=moment)
        running = await run_rows.active_rows(house.db, now_ms=moment)
        known = await health_rows(house.db, now_ms=moment)
        if as_json:
            output.show([*engines, *running, *known], (), as_json=True)
            return
        output.say(f"Database  {house.settings.database}")
        for one in engines:
            output.say(
                f"Engine    {one['engine']} on {one['host']}, process {one['pid']}, since {one['since']}"
            )
        if not engines:
            output.say("Engine    none is alive: 'siscon' or 'siscon serve' starts one")
        click.echo()
        _tell_health(known)
        click.echo()
        output.show(running, RUN_COLUMNS, as_json=False, empty="No run is under way.")

    in_house(config, work)


def _tell_health(known: Sequence[Row]) -> None:
    output.say(_summary(known))
    told = [
        {
            **row,
            "state": row["state"].upper() if row["needs_person"] else row["state"],
            "last_good": _minute(row["last_good_at"]),
            "next_run": "paused" if row["paused"] else _minute(row["next_due_at"]),
            "fresh": _fresh(row["entities"]),
        }
        for row in known
    ]
    if told:
        output.show(told, HEALTH_COLUMNS, as_json=False)
    for row in known:
        if row["needs_person"] and row["why"]:
            output.say(f"{row['integration']}: {row['why']}")
        for words in _not_fresh(row["entities"]):
            output.say(f"{row['integration']}: {words}")


def _not_fresh(entities: Sequence[Row]) -> list[str]:
    """Which entities are late, in one sentence for those of the same age, and which came without a record."""
    told = [f"{one['entity']} came EMPTY in run {one['run_id']}" for one in entities if one["empty"]]
    late = [one for one in entities if one["late"]]
    for run_id in dict.fromkeys(one["run_id"] for one in late):
        same = [one for one in late if one["run_id"] == run_id]
        names = ", ".join(one["entity"] for one in same)
        told.append(f"{names} LATE, last good in run {run_id}, {_age(same[0]['age_s'])} ago")
    return told


def _summary(known: Sequence[Row]) -> str:
    waiting = [row for row in known if row["needs_person"]]
    if not known:
        return "No integration yet: start the engine with 'siscon serve' once config.yaml names one."
    if not waiting:
        return f"All is well: {counted(len(known), 'integration')}, none needs a person."
    return f"{len(waiting)} of {counted(len(known), 'integration')} {agreed(len(waiting), 'needs', 'need')} a person."


def _minute(at: str | None) -> str:
    return "-" if at is None else at[:16].replace("T", " ")


def _fresh(entities: Sequence[Row]) -> str:
    """The oldest entity, for it is what somebody asks about; all of them stand in --json."""
    if not entities:
        return "-"
    oldest = max(entities, key=lambda one: one["age_s"])
    return f"{oldest['entity']} {_age(oldest['age_s'])}"


def _age(seconds: int) -> str:
    if seconds < 3600:
        return f"{seconds // 60} min"
    return f"{seconds // 3600} h" if seconds < 48 * 3600 else f"{seconds // 86_400} d"
