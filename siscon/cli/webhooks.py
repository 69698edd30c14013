"""``siscon webhooks``: receive what systems tell by themselves, see what came, and send one to try it."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from siscon import receiving, runtime
from siscon.cli import output
from siscon.cli.exit_codes import DONE, FAILED
from siscon.cli.options import config_option, in_database, integration_option, json_option, now_ms
from siscon.ops import webhooks as desk

HOUR_MS = 3600 * 1000


@click.group()
def webhooks() -> None:
    """Receive webhooks, see what came of them, and send one."""


@webhooks.command("serve")
@config_option
def serve_webhooks(config: Path | None) -> int:
    """Receive webhooks in a process of its own, until ctrl-C."""
    settings = runtime.load_settings(config)
    names = ", ".join(receiving.senders(settings))

    def ready(port: int) -> None:
        at = f"{settings.webhooks.host}, port {port}"
        output.note(
            f"siscon: webhooks of {names} are received at {at}, path /webhooks/NAME; end it with ctrl-C."
        )

    return asyncio.run(receiving.serve(settings, on_ready=ready))


@webhooks.command("list")
@integration_option
@click.option(
    "--hours", type=click.IntRange(1, 24 * 365), default=24, metavar="N", help="The last so many hours; 24."
)
@click.option("--arrivals", is_flag=True, help="The newest messages one by one, not counts.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=50, metavar="N", help="At most so many messages; 50."
)
@config_option
@json_option
def list_webhooks(
    integration: str | None, hours: int, limit: int, config: Path | None, *, arrivals: bool, as_json: bool
) -> None:
    """Say what became of the webhooks of the last day: accepted, repeated, refused and why."""
    settings = runtime.load_settings(config)

    async def work(db: Any) -> None:
        if arrivals:
            rows = desk.arrival_rows(db, integration=integration, limit=limit)
            await output.stream(
                rows, desk.ARRIVAL_COLUMNS, as_json=as_json, empty="Nothing was received yet."
            )
            return
        since_ms = now_ms() - hours * HOUR_MS
        found = await desk.count_rows(db, since_ms=since_ms, integration=integration)
        empty = f"Nothing came in the last {hours} h."
        output.show(found, desk.COUNT_COLUMNS, as_json=as_json, empty=empty)

    in_database(settings, work)


@webhooks.command("test")
@click.argument("name")
@click.option("--event", default="student.changed", metavar="EVENT", help="What to tell; student.changed.")
@click.option(
    "--id", "ids", multiple=True, metavar="ID", help="The SIS's id of a record, may be given again; else all."
)
@click.option("--url", metavar="URL", help="Where to send it; else to the receiver of this configuration.")
@config_option
@json_option
def test_webhook(
    name: str, event: str, ids: tuple[str, ...], url: str | None, config: Path | None, *, as_json: bool
) -> int:
    """Sign one message as the sender would, send it, and say how it was answered."""
    settings = runtime.load_settings(config)
    answered = asyncio.run(receiving.send_trial(settings, name, event=event, ids=ids, url=url))
    output.card(asdict(answered), as_json=as_json)
    return DONE if 200 <= answered.status < 300 else FAILED
