"""Notices as people see them: causes, channels and messages as rows, and what of them is wrong."""

from __future__ import annotations

from collections.abc import Sequence

from siscon.config import NoticeSettings
from siscon.domain.deliveries import ChannelState, Message, MessageState
from siscon.domain.notices import Cause, CauseState
from siscon.ops.checks import Check, State
from siscon.ops.rows import Row, iso
from siscon.store import channels, notices, outbox
from siscon.store.database import Database

CAUSE_COLUMNS = ("id", "state", "level", "trouble", "about", "since", "count", "text")
CHANNEL_COLUMNS = ("channel", "kind", "state", "waiting", "lost", "last_good_at", "last_error")
MESSAGE_COLUMNS = ("id", "channel", "state", "attempts", "put_at", "subject", "error")
BLIND_MS = 15 * 60_000
"""Whoever looks for causes leaves a sign more often than this."""


async def cause_rows(db: Database, *, now_ms: int, every: bool = False) -> list[Row]:
    """The causes that are open, the oldest first; with ``every`` also those that are over, the newest 200 first."""
    async with db.read() as c:
        if every:
            return [cause_row(one, now_ms=now_ms) for one in await notices.latest(c, limit=200)]
        known = await notices.not_closed(c)
    return [cause_row(one, now_ms=now_ms) for one in known.values() if not one.is_over]


async def channel_rows(db: Database, settings: NoticeSettings) -> list[Row]:
    """Each channel of the configuration, and any other for which something waits."""
    async with db.read() as c:
        states = await channels.states(c)
    names = [
        *settings.channels,
        *(n for n, one in states.items() if n not in settings.channels and one.waiting),
    ]
    return [_channel_row(name, settings, states.get(name, ChannelState(name))) for name in names]


async def message_rows(db: Database) -> list[Row]:
    """The newest 50 messages first, with what became of each."""
    async with db.read() as c:
        return [message_row(one) for one in await outbox.latest(c, limit=50)]


async def test_of(db: Database, channel: str, *, before_id: int) -> Message | None:
    """The newest test of a channel, if it is newer than a message."""
    async with db.read() as c:
        found = await outbox.latest(c, limit=50)
    tests = [one for one in found if one.channel == channel and one.key.startswith("test:")]
    return next((one for one in tests if one.id > before_id), None)


async def newest_message(db: Database) -> int:
    """The number of the newest message, 0 where there is none."""
    async with db.read() as c:
        found = await outbox.latest(c, limit=1)
    return found[0].id if found else 0


async def is_busy(db: Database, channel: str, *, now_ms: int) -> bool:
    """Whether something is to be sent through a channel this moment, or is being sent."""
    async with db.read() as c:
        is_open = (await channels.one(c, channel)).may_try(now_ms)
        return is_open and await outbox.next_due(c, channel, now_ms=now_ms) is not None


async def is_blind(db: Database, *, now_ms: int) -> bool:
    """Whether nobody has looked for causes for a while, although an engine lives that should."""
    async with db.read() as c:
        watched = await notices.watched(c)
    return now_ms - watched.looked_at_ms > BLIND_MS


async def checks(db: Database, settings: NoticeSettings, *, now_ms: int) -> list[Check]:
    """What Doctor says: how many causes are open, and how each channel is."""
    causes = await cause_rows(db, now_ms=now_ms)
    told = [_of_channel(row) for row in await channel_rows(db, settings)]
    if not settings.channels:
        nobody = Check("notices", State.OK, "no channel is configured: nobody is told of trouble")
        return [nobody] if not causes else [_of_causes(causes), nobody]
    return [_of_causes(causes), *told]


def cause_row(one: Cause, *, now_ms: int) -> Row:
    """One cause."""
    is_muted = one.muted_until_ms > now_ms
    state = "muted" if is_muted and not one.is_over else one.state.value
    return {
        "row": "cause",
        "id": one.id,
        "state": state,
        "level": one.level.value,
        "trouble": one.trouble.value,
        "about": one.about,
        "integration": one.integration,
        "since": iso(one.since_ms),
        "last_at": iso(one.last_ms),
        "count": one.count,
        "told": one.tellings,
        "told_at": iso(one.told_at_ms),
        "channels": list(one.channels),
        "over_at": iso(one.over_at_ms) if one.state is not CauseState.OPEN else None,
        "muted_until": iso(one.muted_until_ms) if is_muted else None,
        "text": one.text,
    }


def message_row(one: Message) -> Row:
    """One message, without its text."""
    return {
        "row": "message",
        "id": one.id,
        "channel": one.channel or "(all e-mail)",
        "state": one.state.value,
        "attempts": one.attempts,
        "subject": one.subject,
        "put_at": iso(one.put_at_ms),
        "next_at": iso(one.next_at_ms) if one.state is MessageState.WAITING else None,
        "ended_at": iso(one.ended_at_ms),
        "error": one.error,
        "refused_by": list(one.refused_by),
    }


def _channel_row(name: str, settings: NoticeSettings, state: ChannelState) -> Row:
    known = settings.channels.get(name or next(iter(settings.mail_channels), ""))
    if known is None:
        word = "not configured"
    elif state.is_dead:
        word = "DEAD"
    else:
        word = "failing" if state.failures else "ok"
    return {
        "row": "channel",
        "channel": name or "(all e-mail)",
        "kind": known.kind if known else None,
        "state": word,
        "failures": state.failures,
        "failing_since": iso(state.failing_since_ms),
        "waiting": state.waiting,
        "lost": state.lost,
        "last_good_at": iso(state.last_good_at_ms),
        "next_try_at": iso(state.not_before_ms or None),
        "last_error": state.last_error,
    }


def _of_causes(causes: Sequence[Row]) -> Check:
    if not causes:
        return Check("notices", State.OK, "no cause is open")
    told = "; ".join(f"{one['trouble']} {one['about']} (cause {one['id']})" for one in causes[:5])
    more = f" and {len(causes) - 5} more" if len(causes) > 5 else ""
    return Check(
        "notices", State.WARN, f"open: {told}{more}", "'siscon notices list' says what and since when"
    )


def _of_channel(row: Row) -> Check:
    name, waiting = f"channel {row['channel']}", row["waiting"]
    lost = f", {row['lost']} lost: 'siscon notices retry {row['channel']}' sends them" if row["lost"] else ""
    if row["state"] == "ok" and not row["last_error"]:
        return Check(name, State.OK, f"{row['kind']}" + (f", {waiting} waiting" if waiting else "") + lost)
    if row["state"] == "not configured":
        seen, advice = (
            f"{waiting} messages wait for a channel that the configuration does not name",
            "name it again",
        )
        return Check(name, State.WARN, seen, advice)
    state = State.FAIL if row["state"] == "DEAD" else State.WARN
    advice = f"mend it, then 'siscon notices retry {row['channel']}' sends what waits"
    return Check(name, state, f"{row['last_error']}; {waiting} waiting{lost}", advice)
