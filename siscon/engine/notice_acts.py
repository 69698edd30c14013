"""Commands about notices: be quiet about a cause, try a channel, send what it did not take once more."""

from __future__ import annotations

from datetime import UTC, datetime

from siscon.domain.commands import MuteCause, RetryChannel, TryChannel
from siscon.domain.errors import UsageError
from siscon.domain.text import agreed, counted, plain
from siscon.engine.answers import Answer, Circumstances
from siscon.store import channels, notices, outbox
from siscon.store.database import Connection

LONGEST_MUTE_S = 31 * 86_400


async def mute(c: Connection, command: MuteCause, here: Circumstances) -> Answer:
    """Tell nobody of a cause for a while; what is open then is told."""
    if not 0 <= command.seconds <= LONGEST_MUTE_S:
        raise UsageError("A cause may be muted for at most 31 days.")
    until_ms = here.now_ms + command.seconds * 1000 if command.seconds else 0
    if not await notices.mute(c, command.cause, until_ms):
        raise UsageError(
            f"There is no open cause {command.cause}: 'siscon notices list' shows those there are.",
            code="no_such_cause",
        )
    cause = await notices.get(c, command.cause)
    about = plain(cause.about) if cause is not None else ""
    target = f"cause {command.cause}"
    if not command.seconds:
        return Answer(f"Cause {command.cause} ({about}) is told of again.", target)
    until = f"{datetime.fromtimestamp(until_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"
    return Answer(f"Nobody is told of cause {command.cause} ({about}) until {until}.", target)


async def try_channel(c: Connection, command: TryChannel, here: Circumstances) -> Answer:
    """Leave a message that says it is only a test; whoever delivers knows whether there is such a channel."""
    channel = command.channel
    await channels.lift(c, channel)
    at = f"{datetime.fromtimestamp(here.now_ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
    await outbox.put(
        c,
        subject="[siscon] Test: this channel works",
        text=f"{here.actor} tried the channel {channel} at {at}. Nothing is wrong, and nothing is to be done.\n",
        channel=channel,
        key=f"test:{here.now_ms}",
        data={"type": "test", "data": {}},
        now_ms=here.now_ms,
    )
    return Answer(f"A test is on its way to {plain(channel)}.", f"channel {plain(channel)}")


async def retry_channel(c: Connection, command: RetryChannel, here: Circumstances) -> Answer:
    """Have everything that a channel has not taken sent now: it was mended, or its settings were."""
    revived = await outbox.again(c, command.channel, now_ms=here.now_ms)
    waiting = await outbox.hasten(c, command.channel, now_ms=here.now_ms)
    await channels.lift(c, command.channel)
    name = plain(command.channel)
    if not waiting:
        return Answer(f"Nothing waits for {name}, and nothing was lost.", f"channel {name}")
    told = f", {revived:,} of them refused, given up or dropped before" if revived else ""
    sent = f"{counted(waiting, 'message')} for {name} {agreed(waiting, 'is', 'are')} sent now"
    return Answer(f"{sent}{told}.", f"channel {name}")
