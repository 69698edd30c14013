"""``siscon schedules``: when runs start by themselves."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import click

from siscon import runtime
from siscon.cli import acts, output
from siscon.cli.options import check_integration, config_option, in_database, in_house, json_option, now_ms
from siscon.config import Settings
from siscon.domain.blackouts import of_integration
from siscon.domain.commands import StartRun
from siscon.domain.errors import UsageError
from siscon.domain.schedules import in_words
from siscon.domain.timetables import FULL, Schedule, Starts
from siscon.ops import schedules as desk

COLUMNS = (
    *("integration", "name", "kind", "state", "words", "next_at", "last_status", "last_at", "missed"),
    "held_back_by",
)
PREVIEW_COLUMNS = ("local", "day", "offset", "clocks_change_from", "starts_at", "held_back_by")


@click.group()
def schedules() -> None:
    """Look at when runs start by themselves, start one now, and try a line out."""


@schedules.command("list")
@config_option
@json_option
def list_schedules(config: Path | None, *, as_json: bool) -> None:
    """List every schedule: in words, its next time, what came of the last one, what was missed."""
    settings = runtime.load_settings(config)
    found = in_database(settings, lambda db: desk.schedule_rows(db, now_ms=now_ms()))
    output.show(found, COLUMNS, as_json=as_json, empty="No integration has a schedule.")


@schedules.command("preview")
@click.argument("integration", required=False)
@click.argument("name", required=False)
@click.option("--cron", metavar="LINE", help="A line to try out, such as '30 2 * * 1-5'.")
@click.option("--full", is_flag=True, help="The integration's full_schedule.")
@click.option(
    "--count", type=click.IntRange(1, 1000), default=5, show_default=True, metavar="N", help="So many times."
)
@config_option
@json_option
def preview(
    integration: str | None,
    name: str | None,
    cron: str | None,
    config: Path | None,
    count: int,
    *,
    full: bool,
    as_json: bool,
) -> None:
    """Say a schedule in words, and list its next times: when they come, and when their runs start."""
    if (integration is None) == (cron is None):
        raise UsageError("Name an integration of the configuration, or a line with --cron.")
    settings = runtime.load_settings(config)
    zone = ZoneInfo(settings.time_zone)
    if cron is not None:
        schedule = desk.tried(cron, zone)
    else:
        schedule = _schedule_of(settings, integration or "", FULL if full else name)
    windows = of_integration(settings.all_blackouts, integration or "")
    found = desk.preview_rows(schedule, integration or "", windows, now_ms=now_ms(), count=count)
    if not as_json:
        output.say(f"{in_words(schedule.line)}  ({schedule.line}; {schedule.zone})")
    output.show(found, PREVIEW_COLUMNS, as_json=as_json, empty="It comes never in the years ahead.")


@schedules.command("run")
@click.argument("integration")
@click.argument("name", required=False)
@config_option
def run_now(integration: str, name: str | None, config: Path | None) -> None:
    """Start now what a schedule starts: the same kinds of records, the same kind of import."""

    async def work(house: runtime.House) -> None:
        check_integration(house, integration, [])
        one = _schedule_of(house.settings, integration, name)
        entities = tuple(entity.value for entity in one.entities)
        await acts.ask(house, StartRun(integration, entities, full=one.starts is Starts.FULL))

    in_house(config, work)


def _schedule_of(settings: Settings, integration: str, name: str | None) -> Schedule:
    """The schedule of that name, or the first one; raises ``UsageError`` that names those there are."""
    known = settings.integrations.get(integration)
    if known is None:
        told = ", ".join(sorted(settings.integrations)) or "none"
        raise UsageError(f"The configuration names no integration '{integration}', but {told}.")
    timetable = known.timetable(settings.time_zone)
    found = next((one for one in timetable if name in (None, one.name)), None)
    if found is not None:
        return found
    if name == FULL:
        raise UsageError(f"{integration} has no full_schedule: its runs start when somebody asks for them.")
    if not timetable:
        raise UsageError(f"{integration} has no schedule: its runs start when somebody asks for them.")
    told = ", ".join(one.name for one in timetable)
    raise UsageError(f"{integration} has no schedule '{name}', but {told}.")
