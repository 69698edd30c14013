"""``siscon metrics``: counts, moments and states for Prometheus, as text or over HTTP."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import click

from siscon import outward, runtime
from siscon.cli import output
from siscon.cli.options import config_option, json_option
from siscon.config import Settings

HOST, PORT = "127.0.0.1", 9464


@click.group(invoke_without_command=True)
@config_option
@json_option
@click.pass_context
def metrics(ctx: click.Context, config: Path | None, *, as_json: bool) -> None:
    """Print the metrics, or serve them to Prometheus."""
    if ctx.invoked_subcommand is not None:
        return
    families = asyncio.run(outward.read_metrics(runtime.load_settings(config)))
    if as_json:
        for one in families:
            for labels, value in one.samples:
                named = dict(zip(one.metric.labels, labels, strict=True))
                click.echo(output.to_json({"metric": one.metric.name, "labels": named, "value": value}))
        return
    from siscon.metrics.exposition import exposition

    text, _ = exposition(families)
    click.echo(text.decode(), nl=False)


@metrics.command("serve")
@click.option("--host", default=HOST, show_default=True, help="Where to listen.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=PORT, show_default=True, help="0: a free one."
)
@config_option
def serve(host: str, port: int, config: Path | None) -> None:
    """Serve the metrics in a process of their own, until it is told to stop."""
    asyncio.run(_serve(runtime.load_settings(config), host, port))


async def _serve(settings: Settings, host: str, port: int) -> None:
    stop = asyncio.Event()
    with runtime.stop_on_signals(stop):
        serving = asyncio.create_task(outward.serve_metrics(settings, host, port, on_ready=output.say))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            stopping.cancel()
            serving.result()
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving
