"""The outbox: messages to people, put in the transaction of what they tell of, kept until a channel has taken them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from siscon.domain.deliveries import NO_WAIT_MS, QUEUE_MOST, Message, MessageState
from siscon.domain.text import plain, plain_lines
from siscon.store.database import Connection, Row

SUBJECT_MOST, TEXT_MOST, HTML_MOST = 200, 200_000, 1_000_000
ALL_MAIL = ""
"""Stands for every e-mail channel of the configuration."""

PUT = """
INSERT INTO outbox (channel, key, uid, subject, text, html, data, put_at_ms, next_at_ms)
VALUES (:channel, :key, lower(hex(randomblob(16))), :subject, :text, :html, :data, :now_ms, :now_ms)
ON CONFLICT (channel, key) DO NOTHING
"""
MAKE_ROOM = """
UPDATE outbox SET state = 'dropped', ended_at_ms = :now_ms, error = :why WHERE id IN (
  SELECT id FROM outbox WHERE state = 'waiting' AND channel = :channel ORDER BY id DESC LIMIT -1 OFFSET :most)
"""
SPLIT = """
INSERT INTO outbox (channel, key, uid, subject, text, html, data, put_at_ms, next_at_ms)
SELECT n.value, o.key, lower(hex(randomblob(16))), o.subject, o.text, o.html, o.data, o.put_at_ms, o.next_at_ms
FROM outbox o CROSS JOIN json_each(:channels) n WHERE o.channel = '' AND o.state = 'waiting'
ON CONFLICT (channel, key) DO NOTHING
"""
DROP_SPLIT = "DELETE FROM outbox WHERE channel = '' AND state = 'waiting'"
ANY_TO_SPLIT = "SELECT id FROM outbox WHERE channel = '' AND state = 'waiting' LIMIT 1"
NEXT_DUE = """
SELECT * FROM outbox WHERE state = 'waiting' AND channel = :channel
  AND (next_at_ms <= :now_ms OR next_at_ms > :absurd_ms) ORDER BY id LIMIT 1
"""
FIND = "SELECT * FROM outbox WHERE id = :id"
FIND_KEY = "SELECT * FROM outbox WHERE channel = :channel AND key = :key"
BEGIN = "UPDATE outbox SET attempts = attempts + 1 WHERE id = :id AND state = 'waiting'"
END = """
UPDATE outbox SET state = :state, next_at_ms = :next_at_ms, error = :error,
  left_to = iif(:state = 'sent', '[]', :left_to), refused_by = :refused_by,
  ended_at_ms = CASE WHEN :state = 'waiting' THEN NULL ELSE :now_ms END
WHERE id = :id AND state = 'waiting'
"""
AGAIN = """
UPDATE outbox SET state = 'waiting', attempts = 0, put_at_ms = :now_ms, next_at_ms = :now_ms, ended_at_ms = NULL,
  left_to = (SELECT json_group_array(value) FROM (SELECT value FROM json_each(left_to) UNION
    SELECT value FROM json_each(refused_by))), refused_by = '[]'
WHERE channel = :channel AND (state IN ('refused', 'given up', 'dropped') OR refused_by <> '[]')
"""
HASTEN = "UPDATE outbox SET next_at_ms = :now_ms WHERE channel = :channel AND state = 'waiting'"
LATEST = "SELECT * FROM outbox ORDER BY id DESC LIMIT :limit"
PRUNE = "DELETE FROM outbox WHERE state <> 'waiting' AND ended_at_ms < :before_ms"


async def put(
    c: Connection,
    *,
    subject: str,
    text: str,
    html: str = "",
    channel: str = ALL_MAIL,
    key: str,
    now_ms: int,
    data: Mapping[str, Any] | None = None,
) -> bool:
    """Leave a message for a channel of the configuration, or for all e-mail channels; False if it was there already.

    It is sent once the caller's transaction has committed, at least once, by the engine or by ``siscon notices
    check``. ``key`` names what it tells of: the same key puts nothing a second time, sent or not, so that a step
    repeated after a crash tells nobody twice. ``html`` may stand beside ``text``, for mail alone; ``data`` is what
    programs get (webhooks). None of it may hold pupils' values. Of too many that wait the oldest is dropped.
    """
    told = {
        "channel": channel,
        "key": key,
        "subject": plain(subject, limit=SUBJECT_MOST),
        "text": plain_lines(text, limit=TEXT_MOST),
        "html": plain_lines(html, limit=HTML_MOST),
        "data": json.dumps(dict(data or {})),
        "now_ms": now_ms,
    }
    if not await c.run(PUT, told):
        return False
    await _make_room(c, channel, now_ms=now_ms)
    return True


async def any_unshared(c: Connection) -> bool:
    """Whether a message waits for all e-mail channels."""
    return await c.one(ANY_TO_SPLIT) is not None


async def hand_out(c: Connection, mail_channels: Iterable[str], *, now_ms: int) -> None:
    """Make of each message to all e-mail channels one to each of them; without one it goes on waiting."""
    names = list(mail_channels)
    if not names:
        return
    await c.run(SPLIT, {"channels": json.dumps(names)})
    await c.run(DROP_SPLIT)
    for name in names:
        await _make_room(c, name, now_ms=now_ms)


async def next_due(c: Connection, channel: str, *, now_ms: int) -> Message | None:
    """The oldest message that a channel should try now, or None."""
    absurd_ms = now_ms + NO_WAIT_MS  # the clock was put back
    row = await c.one(NEXT_DUE, {"channel": channel, "now_ms": now_ms, "absurd_ms": absurd_ms})
    return None if row is None else _message(row)


async def get(c: Connection, message_id: int) -> Message | None:
    """A message by its number."""
    row = await c.one(FIND, {"id": message_id})
    return None if row is None else _message(row)


async def by_key(c: Connection, channel: str, key: str) -> Message | None:
    """The message of a channel that was put under a key."""
    row = await c.one(FIND_KEY, {"channel": channel, "key": key})
    return None if row is None else _message(row)


async def begin(c: Connection, message_id: int) -> bool:
    """Count an attempt before it is made; False when the message waits no more."""
    return await c.run(BEGIN, {"id": message_id}) > 0


async def end(
    c: Connection,
    message_id: int,
    *,
    state: MessageState,
    next_at_ms: int,
    error: str,
    left_to: Iterable[str],
    now_ms: int,
    refused_by: Iterable[str] = (),
) -> None:
    """Write down what became of an attempt."""
    told = {"state": state.value, "next_at_ms": next_at_ms, "error": error, "now_ms": now_ms}
    whom = {"left_to": json.dumps(list(left_to)), "refused_by": json.dumps(sorted(refused_by))}
    await c.run(END, {**told, **whom, "id": message_id})


async def again(c: Connection, channel: str, *, now_ms: int) -> int:
    """Have what a channel refused, or was given up on or dropped, wait once more, as if it were put now; how many.
    Of several receivers those alone get it that have it not.

    Of too many that wait then the oldest are dropped again.
    """
    revived = await c.run(AGAIN, {"channel": channel, "now_ms": now_ms})
    await _make_room(c, channel, now_ms=now_ms)
    return revived


async def hasten(c: Connection, channel: str, *, now_ms: int) -> int:
    """Let everything that waits for a channel be due now; how many that is."""
    return await c.run(HASTEN, {"channel": channel, "now_ms": now_ms})


async def latest(c: Connection, *, limit: int = 50) -> list[Message]:
    """The newest messages first."""
    return [_message(row) for row in await c.all(LATEST, {"limit": limit})]


async def prune(c: Connection, before_ms: int) -> int:
    """Forget messages that are over since before a moment; how many that were."""
    return await c.run(PRUNE, {"before_ms": before_ms})


async def _make_room(c: Connection, channel: str, *, now_ms: int) -> None:
    why = f"more than {QUEUE_MOST} messages waited for this channel"
    await c.run(MAKE_ROOM, {"channel": channel, "most": QUEUE_MOST, "why": why, "now_ms": now_ms})


def _message(row: Row) -> Message:
    return Message(
        id=row["id"],
        channel=row["channel"],
        key=row["key"],
        uid=row["uid"],
        subject=row["subject"],
        text=row["text"],
        html=row["html"],
        data=json.loads(row["data"]),
        state=MessageState(row["state"]),
        left_to=tuple(json.loads(row["left_to"])),
        attempts=row["attempts"],
        put_at_ms=row["put_at_ms"],
        next_at_ms=row["next_at_ms"],
        ended_at_ms=row["ended_at_ms"],
        error=row["error"],
        refused_by=tuple(json.loads(row["refused_by"])),
    )
