"""``siscon schedules``: when runs start by themselves."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import click

from siscon import runtime
from siscon.cli import output
from siscon.cli.options import config_option, in_database, json_option, now_ms
from siscon.config import Settings
from siscon.domain.errors import UsageError
from siscon.domain.schedules import in_words
from siscon.ops import schedules as desk

COLUMNS = ("integration", "kind", "state", "words", "next_at", "last_status", "last_at", "missed")
PREVIEW_COLUMNS = ("local", "day", "offset", "clocks_change_from")


@click.group()
def schedules() -> None:
    """Look at when runs start by themselves, and try a line out."""


@schedules.command("list")
@config_option
@json_option
def list_schedules(config: Path | None, *, as_json: bool) -> None:
    """List every schedule: in words, its next time, what came of the last one, what was missed."""
    settings = runtime.load_settings(config)
    zone = ZoneInfo(settings.time_zone)
    found = in_database(settings, lambda db: desk.schedule_rows(db, zone, now_ms=now_ms()))
    output.show(found, COLUMNS, as_json=as_json, empty="No integration has a schedule.")


@schedules.command("preview")
@click.argument("integration", required=False)
@click.option("--cron", metavar="LINE", help="A line to try out, such as '30 2 * * 1-5'.")
@click.option("--full", is_flag=True, help="The integration's full_schedule.")
@click.option(
    "--count", type=click.IntRange(1, 1000), default=5, show_default=True, metavar="N", help="So many times."
)
@config_option
@json_option
def preview(
    integration: str | None, cron: str | None, config: Path | None, count: int, *, full: bool, as_json: bool
) -> None:
    """Say a line in words, and list its next times in the configured zone."""
    if (integration is None) == (cron is None):
        raise UsageError("Name an integration of the configuration, or a line with --cron.")
    settings = runtime.load_settings(config)
    line = cron if cron is not None else _line_of(settings, integration or "", full=full)
    zone = ZoneInfo(settings.time_zone)
    found = desk.preview_rows(line, zone, now_ms=now_ms(), count=count)
    if not as_json:
        output.say(f"{in_words(line)}  ({line}; {zone})")
    output.show(found, PREVIEW_COLUMNS, as_json=as_json, empty="It comes never in the years ahead.")


def _line_of(settings: Settings, name: str, *, full: bool) -> str:
    known = settings.integrations.get(name)
    if known is None:
        told = ", ".join(sorted(settings.integrations)) or "none"
        raise UsageError(f"The configuration names no integration '{name}', but {told}.")
    line = known.full_schedule if full else known.schedule
    if not line:
        what = "full_schedule" if full else "schedule"
        raise UsageError(f"{name} has no {what}: its runs start when somebody asks for them.")
    return line
