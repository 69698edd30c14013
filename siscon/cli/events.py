"""``siscon events``: what the engine reports, as a list or read aloud as it comes."""

from __future__ import annotations

import asyncio
import select
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from siscon import runtime
from siscon.cli import output
from siscon.cli.options import (
    config_option,
    in_database,
    integration_option,
    json_option,
    limit_option,
    moment_ms,
)
from siscon.domain.errors import UsageError
from siscon.domain.events import Level
from siscon.domain.text import plain
from siscon.ops import activity as desk
from siscon.ops import rows

COLUMNS = ("id", "at", "level", "integration", "run_id", "text")
LOOK_EVERY_S = 1.0
LEVELS = {"all": Level.INFO, "warning": Level.WARNING, "error": Level.ERROR}


@click.group()
def events() -> None:
    """List what siscon reports, or have it told line by line as it comes."""


def _choosing(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options by which events are chosen."""
    for option in (
        integration_option,
        click.option(
            "--level",
            type=click.Choice([*LEVELS]),
            default="all",
            show_default=True,
            help="warning: those and errors; error: these alone.",
        ),
        click.option("--run", "run_id", type=int, metavar="RUN", help="Those of one run."),
    ):
        command = option(command)
    return command


@events.command("list")
@_choosing
@click.option("--since", metavar="WHEN", help="Since 45min, 6h or 2d ago, or since 2026-11-20T05:00.")
@limit_option
@config_option
@json_option
def list_events(
    integration: str | None,
    level: str,
    run_id: int | None,
    since: str | None,
    limit: int | None,
    config: Path | None,
    *,
    as_json: bool,
) -> None:
    """List what was reported, oldest first; with --limit the newest so many."""
    settings = runtime.load_settings(config)
    since_ms = None if since is None else moment_ms(since, ZoneInfo(settings.time_zone))

    async def work(db: Any) -> None:
        await _check_integration(db, settings, integration)
        log = desk.EventLog(db, integration, run_id, LEVELS[level], since_ms)
        told = desk.event_rows(log, limit=limit)
        await output.stream(told, COLUMNS, as_json=as_json, empty="Nothing of that was reported.")

    in_database(settings, work)


@events.command("follow")
@_choosing
@click.option(
    "--last",
    type=click.IntRange(0, 10_000),
    default=10,
    show_default=True,
    metavar="N",
    help="Begin with the newest so many.",
)
@config_option
@json_option
def follow_events(
    integration: str | None,
    level: str,
    run_id: int | None,
    last: int,
    config: Path | None,
    *,
    as_json: bool,
) -> None:
    """Tell every event in a line as it comes, until ctrl-C or until nobody listens any more."""
    settings = runtime.load_settings(config)
    zone = ZoneInfo(settings.time_zone)

    async def work(db: Any) -> None:
        await _check_integration(db, settings, integration)
        log = desk.EventLog(db, integration, run_id, LEVELS[level])
        told = desk.event_rows(log, limit=last)
        newest = max(await desk.EventLog(db).newest(1), default=0)
        while True:
            async for row in told:
                newest = max(newest, row["id"])
                click.echo(output.to_json(row) if as_json else _line(row, zone))
            if not await _go_on(db):
                return
            told = desk.event_rows(log, after=newest)

    try:
        in_database(settings, work)
    except BrokenPipeError:
        return


async def _go_on(db: Any) -> bool:
    """Wait for news; False when whoever read them has gone."""
    while not _nobody_listens():
        if await db.changed(timeout_s=LOOK_EVERY_S):
            await asyncio.sleep(LOOK_EVERY_S / 4)
            return True
    return False


def _nobody_listens() -> bool:
    """A pipe whose other end is closed says so before anything is written into it."""
    try:
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)
        return any(seen & (select.POLLERR | select.POLLNVAL) for _, seen in poll.poll(0))
    except (OSError, ValueError):
        return False


def _line(row: rows.Row, zone: ZoneInfo) -> str:
    """A sentence that says when and how bad it is before what it is, made to be listened to."""
    at = datetime.fromisoformat(row["at"]).astimezone(zone)
    loud = "" if row["level"] == Level.INFO else f"{row['level']}: "
    name = row["integration"]
    whose = f"{name}: " if name and name not in row["text"] else ""
    return plain(f"{at:%b %d %H:%M:%S}  {loud}{whose}{row['text']}", limit=2000)


async def _check_integration(db: Any, settings: Any, name: str | None) -> None:
    known = sorted({*await rows.names(db), *settings.integrations})
    if name is not None and name not in known:
        told = ", ".join(known) or "none yet"
        raise UsageError(f"There is no integration '{name}'. Known are: {told}.", code="no_such_integration")
