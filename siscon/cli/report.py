"""``siscon report``: what happened, as text, JSON, CSV, HTML or Markdown, on the screen or in a file."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import click

from siscon import runtime
from siscon.cli import output
from siscon.cli.options import config_option, json_option
from siscon.cli.replay import house_of, need_operator
from siscon.domain.errors import UsageError
from siscon.domain.periods import Wished, time_of_day
from siscon.ops import files, opening
from siscon.ops.reports.asked import FORMS, Asked, make

F = TypeVar("F", bound=Callable[..., Any])
TODAY, THIS = "today", "this"


@click.group()
def report() -> None:
    """Say what happened: history, success, one run, a trend, the morning."""


def _when(command: F) -> F:
    """``--last``, ``--day``, ``--week``, ``--from`` and ``--to``: of which time."""
    for option in (
        click.option("--to", "until", metavar="TIME", default="", help="Until then; a day with its evening."),
        click.option("--from", "since", metavar="TIME", default="", help="From 2026-11-20, or 18:00, on."),
        click.option(
            "--week",
            is_flag=False,
            flag_value=THIS,
            default="",
            metavar="[WEEK]",
            help="From Monday: this, last, or a day of it.",
        ),
        click.option(
            "--day",
            is_flag=False,
            flag_value=TODAY,
            default="",
            metavar="[DAY]",
            help="today, yesterday, or a day.",
        ),
        click.option("--last", metavar="SPAN", default="", help="The last 12h, 7d or 4w."),
    ):
        command = option(command)
    return command


def _how(command: F) -> F:
    """``--format``, ``--output``, ``--database``: how it is written, and of what."""
    for option in (
        json_option,
        config_option,
        click.option(
            "--database",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="Another database file, such as a backup, as of its end.",
        ),
        click.option(
            "--output",
            "target",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="Into a file of your own.",
        ),
        click.option("--format", "form", type=click.Choice(list(FORMS)), default="text", help="Else text."),
    ):
        command = option(command)
    return command


integration_option = click.option("--integration", metavar="NAME", help="One integration; else all.")


@report.command("history")
@integration_option
@click.option("--limit", type=click.IntRange(1, 50_000), default=Asked("history").limit, show_default=True)
@_when
@_how
def show_history(integration: str | None, limit: int, **told: Any) -> None:
    """Which runs there were, the newest first; else of the last 7 days."""
    _tell(Asked("history", _wished(told), integration=integration, limit=limit), **told)


@report.command("success")
@integration_option
@_when
@_how
def show_success(integration: str | None, **told: Any) -> None:
    """How often syncs came through, by integration, schedule and entity; else of the last 7 days."""
    _tell(Asked("success", _wished(told), integration=integration), **told)


@report.command("run")
@click.argument("run_id", type=int, metavar="RUN")
@_how
def show_run(run_id: int, **told: Any) -> None:
    """What one run did with each entity, and why records are in error."""
    _tell(Asked("run", run_id=run_id), **told)


@report.command("trend")
@click.argument("integration")
@click.option(
    "--at", default="06:30", metavar="HH:MM", show_default=True, help="When the data must be fresh."
)
@_when
@_how
def show_trend(integration: str, at: str, **told: Any) -> None:
    """One integration day by day; else of the last 14 days."""
    _tell(Asked("trend", _wished(told), integration=integration, at=time_of_day(at)), **told)


@report.command("morning")
@_when
@_how
def show_morning(**told: Any) -> None:
    """What happened and what a person must do, on one screen; else of the last 24 hours."""
    _tell(Asked("morning", _wished(told)), **told)


def _wished(told: dict[str, Any]) -> Wished:
    return Wished(**{name: told.pop(name) for name in ("last", "day", "week", "since", "until")})


def _tell(
    asked: Asked,
    *,
    form: str,
    target: Path | None,
    database: Path | None,
    config: Path | None,
    as_json: bool,
) -> None:
    if as_json and form not in ("text", "json"):
        raise click.UsageError(f"--json or --format {form}, not both.")
    if target is not None:
        need_operator(config, "report --output")
    text = asyncio.run(_made(asked, "json" if as_json else form, database, config))
    if target is None:
        click.echo(text, nl=False)
        return
    _write(text, target)


async def _made(asked: Asked, form: str, database: Path | None, config: Path | None) -> str:
    if database is not None:
        zone = house_of(config)["time_zone"]
        db, now_ms = await opening.open_file(database)
    else:
        settings = runtime.load_settings(config)
        zone, now_ms = settings.time_zone, time.time_ns() // 1_000_000
        db = await opening.open_database(
            settings.database, synchronous=settings.storage.synchronous, read_only=True
        )
    try:
        return FORMS[form](await make(db, asked, now_ms=now_ms, zone=ZoneInfo(zone)))
    finally:
        await db.close()


def _write(text: str, path: Path) -> None:
    if not path.absolute().parent.is_dir():
        raise UsageError(f"There is no folder {path.absolute().parent}: {path} cannot be written.")
    try:
        with files.whole_or_not(path) as file:
            file.write(text)
    except OSError as error:
        why = error.strerror or "it is no file"
        raise UsageError(f"{path} cannot be written: {why}.", code="unusable_place") from error
    output.note(f"Written to {path}.")
