"""``siscon runs pause`` and ``continue``: a run rests where it stands, and goes on."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from siscon import runtime
from siscon.cli import acts, output
from siscon.cli.options import config_option, in_house, now_ms
from siscon.config import Settings
from siscon.domain.blackouts import of_integration, span_at
from siscon.domain.commands import ContinueRun, PauseRun
from siscon.domain.moments import coming_ms
from siscon.domain.text import utc_words


def mind_windows(settings: Settings, names: Iterable[str]) -> None:
    """Warn who syncs within a window, in which schedules start nothing."""
    for name in dict.fromkeys(names):
        for window in of_integration(settings.all_blackouts, name):
            if (span := span_at(window, now_ms())) is not None:
                until = utc_words(span.end_ms)
                output.note(
                    f"Mind the window {window.name}: until {until} the schedules of {name} start nothing."
                )


@click.command("pause")
@click.argument("run_id", type=int, metavar="ID")
@click.option("--until", metavar="WHEN", help="Go on by itself then: 06:00, 90min, 2d, '2027-01-04 06:00'.")
@config_option
def pause_run(run_id: int, until: str | None, config: Path | None) -> None:
    """Let a run rest after its open step; it keeps what it has fetched."""

    async def work(house: runtime.House) -> None:
        zone = ZoneInfo(house.settings.time_zone)
        until_ms = coming_ms(until, zone, now_ms=now_ms()) if until is not None else None
        await acts.ask(house, PauseRun(run_id, until_ms))

    in_house(config, work)


@click.command("continue")
@click.argument("run_id", type=int, metavar="ID")
@config_option
def continue_run(run_id: int, config: Path | None) -> None:
    """Let a paused run go on where it stands."""
    in_house(config, lambda house: acts.ask(house, ContinueRun(run_id)))
