"""``siscon notices``: what is wrong and who was told, trying a channel, looking without an engine, being quiet."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import click

from siscon import notices as assembly
from siscon import runtime
from siscon.cli import acts, output
from siscon.cli.exit_codes import DONE, FAILED
from siscon.cli.options import config_option, in_house, json_option, now_ms
from siscon.domain.commands import MuteCause, RetryChannel, TryChannel
from siscon.domain.deliveries import Message, MessageState
from siscon.domain.errors import SisconError, UsageError
from siscon.ops import notices as desk
from siscon.ops.rows import Row

_SPAN = re.compile(r"([0-9]{1,5})(min|m|h|d)")
_SECONDS = {"min": 60, "m": 60, "h": 3600, "d": 86_400}
TEST_WITHIN_S = 120.0


@click.group()
def notices() -> None:
    """Look at what is wrong and who was told of it; try a channel, be quiet about a cause."""


@notices.command("list")
@click.option("--all", "every", is_flag=True, help="Also the causes that are over, the newest first.")
@click.option("--messages", is_flag=True, help="The messages instead, with what became of each.")
@config_option
@json_option
def list_notices(config: Path | None, *, every: bool, messages: bool, as_json: bool) -> None:
    """List the causes that are open, and how each channel is."""

    async def work(house: runtime.House) -> None:
        if messages:
            found = await desk.message_rows(house.db)
            output.show(found, desk.MESSAGE_COLUMNS, as_json=as_json, empty="No message was ever left.")
            return
        causes = await desk.cause_rows(house.db, now_ms=now_ms(), every=every)
        ways = await desk.channel_rows(house.db, house.settings.notices)
        output.show(causes, desk.CAUSE_COLUMNS, as_json=as_json, empty="No cause is open.")
        if not as_json:
            click.echo()
        empty = "No channel is configured: nobody is told of anything. See notices in docs/configuration.md."
        output.show(ways, desk.CHANNEL_COLUMNS, as_json=as_json, empty=empty)
        if any(one["lost"] for one in ways):
            output.note("What was lost goes out after all by 'siscon notices retry CHANNEL'.")

    in_house(config, work)


@notices.command("check")
@config_option
@json_option
def check(config: Path | None, *, as_json: bool) -> int:
    """Look once and send what is due, also where no engine lives: for cron.

    Exit code 0: nothing is open and every channel works; 1: something is open, or a channel fails.
    """

    async def work(house: runtime.House) -> int:
        looked = await assembly.check(house)
        moment = now_ms()
        causes = await desk.cause_rows(house.db, now_ms=moment)
        ways = await desk.channel_rows(house.db, house.settings.notices)
        failing = [one for one in ways if one["failures"]]
        blind = not looked and await desk.is_blind(house.db, now_ms=moment)
        output.show(
            [*causes, *failing] if as_json else causes,
            desk.CAUSE_COLUMNS,
            as_json=as_json,
            empty="No cause is open.",
        )
        if failing and not as_json:
            click.echo()
            output.show(failing, desk.CHANNEL_COLUMNS, as_json=False)
        if blind:
            output.note(
                "An engine lives, but nobody has looked for causes for a while: see its log, and restart it."
            )
        elif not looked:
            output.note("The engine that is alive looks and sends by itself.")
        return FAILED if causes or failing or blind else DONE

    return in_house(config, work)


@notices.command("test")
@click.argument("channel")
@config_option
@json_option
def test(channel: str, config: Path | None, *, as_json: bool) -> int:
    """Send a test through a channel, the way notices go, and say what came of the first attempt."""

    async def work(house: runtime.House) -> int:
        _check_channel(house, channel)
        before_id = await desk.newest_message(house.db)
        output.note((await acts.carry_out(house, TryChannel(channel))).answer)
        sent = await _sent(house, channel, before_id)
        if as_json:
            output.card(desk.message_row(sent), as_json=True)
        elif sent.state is MessageState.SENT:
            output.say(f"{channel} has taken it." + (f" But {sent.error}." if sent.error else ""))
        elif sent.state is MessageState.WAITING:
            raise SisconError(
                f"{channel} has not taken it, and it is tried again: {sent.error}.", code="not_sent"
            )
        else:
            raise SisconError(f"{channel} refused it: {sent.error}.", code="not_sent")
        return DONE if sent.state is MessageState.SENT else FAILED

    return in_house(config, work)


@notices.command("retry")
@click.argument("channel")
@config_option
@json_option
def retry(channel: str, config: Path | None, *, as_json: bool) -> int:
    """Send now what waits for a channel, and what it refused or was given up on; for when it was mended.

    Exit code 1: this very moment the channel takes nothing.
    """

    async def work(house: runtime.House) -> int:
        _check_channel(house, channel)
        row = await acts.carry_out(house, RetryChannel(channel))
        if await runtime.find_engine(house.db) is None:
            await assembly.check(house, looks=False)
        else:
            await _tried(house, channel)
        way = await _way(house, channel)
        if as_json:
            output.card(way, as_json=True)
        else:
            output.say(row.answer)
            told = f": {way['last_error']}" if way["last_error"] else "."
            output.say(f"Now {way['waiting']} wait for it, and it is {way['state']}{told}")
        return FAILED if way["failures"] else DONE

    return in_house(config, work)


@notices.command("mute")
@click.argument("cause", type=int, metavar="CAUSE")
@click.option("--for", "span", metavar="TIME", help="How long: 30min, 2h, 3d.")
@click.option("--off", is_flag=True, help="Tell of it again.")
@config_option
@json_option
def mute(cause: int, span: str | None, config: Path | None, *, off: bool, as_json: bool) -> None:
    """Tell nobody of a cause for a while; it is shown all the same, and told if it is still open then."""
    if off == (span is not None):
        raise UsageError("Say for how long, such as --for 2h, or --off.")
    seconds = 0 if span is None else _seconds(span)

    async def work(house: runtime.House) -> None:
        row = await acts.carry_out(house, MuteCause(cause, seconds))
        if as_json:
            found = await desk.cause_rows(house.db, now_ms=now_ms())
            output.card(next(one for one in found if one["id"] == cause), as_json=True)
        else:
            output.say(row.answer)

    in_house(config, work)


def _check_channel(house: runtime.House, channel: str) -> None:
    """Complain of a channel that the configuration does not name."""
    if channel not in house.settings.notices.channels:
        told = ", ".join(house.settings.notices.channels) or "none"
        raise UsageError(
            f"The configuration names no channel '{channel}', but {told}.", code="no_such_channel"
        )


async def _way(house: runtime.House, channel: str) -> Row:
    """How a channel is now."""
    ways = await desk.channel_rows(house.db, house.settings.notices)
    return next(one for one in ways if one["channel"] == channel)


async def _tried(house: runtime.House, channel: str) -> None:
    """Wait until the engine that lives has sent all that waits for a channel, or has failed to."""
    waited_s = 0.0
    while waited_s < TEST_WITHIN_S and await desk.is_busy(house.db, channel, now_ms=now_ms()):
        await house.db.changed(timeout_s=1.0)
        waited_s += 1.0


def _seconds(span: str) -> int:
    match = _SPAN.fullmatch(span.strip().lower())
    if match is None or not int(match[1]):
        raise UsageError("A length of time is a number and min, h or d, such as 30min, 2h or 3d.")
    return int(match[1]) * _SECONDS[match[2]]


async def _sent(house: runtime.House, channel: str, before_id: int) -> Message:
    """The test once it has been tried: by the engine that is alive, else by this process."""
    waited_s = 0.0
    while True:
        found = await desk.test_of(house.db, channel, before_id=before_id)
        if found is not None and (found.error or found.state is not MessageState.WAITING):
            return found
        if found is not None and not await desk.is_busy(house.db, channel, now_ms=now_ms()):
            way = await _way(house, channel)  # an older message went first, and in vain
            return replace(found, error=way["last_error"])
        if waited_s > TEST_WITHIN_S:
            raise SisconError(
                "Nobody has tried it within two minutes; see 'siscon notices list'.", code="not_sent"
            )
        if await runtime.find_engine(house.db) is None:
            await assembly.check(house, looks=False)
        await house.db.changed(timeout_s=1.0)
        waited_s += 1.0
