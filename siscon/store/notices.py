"""Causes of trouble as stored, and how far the events have been looked at for them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from siscon.domain.notices import Cause, CauseState, NoticeLevel, Trouble
from siscon.store.database import Connection, Row

NOT_CLOSED = "SELECT * FROM notices WHERE state <> 'closed' ORDER BY +id"
"""The plus keeps to the index of the few that are not closed; without it all of a year are walked in order."""
FIND = "SELECT * FROM notices WHERE id = :id"
SINCE = """
SELECT * FROM notices WHERE state <> 'closed' OR over_at_ms >= :since_ms ORDER BY id LIMIT 1000
"""
TOLD_SINCE = """
SELECT key, count(*) AS n FROM notices WHERE state = 'closed' AND tellings > 0 AND over_at_ms >= :since_ms GROUP BY key
"""
LATEST = "SELECT * FROM notices ORDER BY id DESC LIMIT :limit"
INSERT = """
INSERT INTO notices (key, integration, trouble, level, state, text, since_ms, last_ms, count, classes, tell_from_ms,
  tellings, told_count, told_at_ms, channels, over_at_ms, muted_until_ms)
VALUES (:key, :integration, :trouble, :level, :state, :text, :since_ms, :last_ms, :count, :classes, :tell_from_ms,
  :tellings, :told_count, :told_at_ms, :channels, :over_at_ms, :muted_until_ms)
RETURNING id
"""
UPDATE = """
UPDATE notices SET trouble = :trouble, level = :level, state = :state, text = :text, since_ms = :since_ms,
  last_ms = :last_ms, count = :count, classes = :classes, tell_from_ms = :tell_from_ms, tellings = :tellings,
  told_count = :told_count, told_at_ms = :told_at_ms, channels = :channels, over_at_ms = :over_at_ms,
  muted_until_ms = :muted_until_ms
WHERE id = :id
"""
MUTE = "UPDATE notices SET muted_until_ms = :until_ms WHERE id = :id AND state <> 'closed'"
TELL_AGAIN = """
UPDATE notices SET state = 'open' WHERE state = 'notified' AND id IN (SELECT value FROM json_each(:ids))
"""
PRUNE = "DELETE FROM notices WHERE state = 'closed' AND over_at_ms < :before_ms"
WATCH = "SELECT event_id, looked_at_ms, digest_at_ms FROM notice_watch WHERE id = 1"
LOOKED = "UPDATE notice_watch SET event_id = max(event_id, :event_id), looked_at_ms = :now_ms WHERE id = 1"
DIGESTED = "UPDATE notice_watch SET digest_at_ms = :at_ms WHERE id = 1"


@dataclass(frozen=True, slots=True)
class Watched:
    """How far the events have been looked at, when that was, and until when the last digest reaches (0: none yet)."""

    event_id: int
    looked_at_ms: int
    digest_at_ms: int


async def not_closed(c: Connection) -> dict[str, Cause]:
    """The causes of which there may be more to tell, by key."""
    return {row["key"]: _cause(row) for row in await c.all(NOT_CLOSED)}


async def get(c: Connection, cause_id: int) -> Cause | None:
    """A cause by its number."""
    row = await c.one(FIND, {"id": cause_id})
    return None if row is None else _cause(row)


async def since(c: Connection, since_ms: int) -> list[Cause]:
    """The causes that are open, or ended since a moment, the oldest first."""
    return [_cause(row) for row in await c.all(SINCE, {"since_ms": since_ms})]


async def told_since(c: Connection, since_ms: int) -> dict[str, int]:
    """How many episodes of each cause ended since a moment, of which people were told."""
    return {row["key"]: row["n"] for row in await c.all(TOLD_SINCE, {"since_ms": since_ms})}


async def latest(c: Connection, *, limit: int = 200) -> list[Cause]:
    """The newest causes first, whatever became of them."""
    return [_cause(row) for row in await c.all(LATEST, {"limit": limit})]


async def save(c: Connection, cause: Cause) -> int:
    """Write a cause down; its number, which a new one (0) gets here."""
    told = {
        "key": cause.key,
        "integration": cause.integration,
        "trouble": cause.trouble.value,
        "level": cause.level.value,
        "state": cause.state.value,
        "text": cause.text,
        "since_ms": cause.since_ms,
        "last_ms": cause.last_ms,
        "count": cause.count,
        "classes": json.dumps(list(cause.classes)),
        "tell_from_ms": cause.tell_from_ms,
        "tellings": cause.tellings,
        "told_count": cause.told_count,
        "told_at_ms": cause.told_at_ms,
        "channels": json.dumps(list(cause.channels)),
        "over_at_ms": cause.over_at_ms,
        "muted_until_ms": cause.muted_until_ms,
    }
    if cause.id:
        del told["key"], told["integration"]
        await c.run(UPDATE, {**told, "id": cause.id})
        return cause.id
    row = await c.one(INSERT, told)
    assert row is not None, "an insert returns its row"
    return int(row["id"])


async def mute(c: Connection, cause_id: int, until_ms: int) -> bool:
    """Tell nothing of a cause until a moment; False when it is closed or not there."""
    return await c.run(MUTE, {"id": cause_id, "until_ms": until_ms}) > 0


async def tell_again(c: Connection, ids: Iterable[int]) -> None:
    """Of these causes nobody heard: those that are not over are told as if for the first time."""
    await c.run(TELL_AGAIN, {"ids": json.dumps(list(ids))})


async def prune(c: Connection, before_ms: int) -> int:
    """Forget causes that ended before a moment; how many that were."""
    return await c.run(PRUNE, {"before_ms": before_ms})


async def watched(c: Connection) -> Watched:
    """How far the events have been looked at."""
    row = await c.one(WATCH)
    return Watched(row["event_id"], row["looked_at_ms"], row["digest_at_ms"]) if row else Watched(0, 0, 0)


async def looked(c: Connection, event_id: int, *, now_ms: int) -> None:
    """Note how far the events have been looked at; never backwards."""
    await c.run(LOOKED, {"event_id": event_id, "now_ms": now_ms})


async def digested(c: Connection, at_ms: int) -> None:
    """Note until when the last digest reaches."""
    await c.run(DIGESTED, {"at_ms": at_ms})


def _cause(row: Row) -> Cause:
    return Cause(
        id=row["id"],
        key=row["key"],
        integration=row["integration"],
        trouble=Trouble(row["trouble"]),
        level=NoticeLevel(row["level"]),
        state=CauseState(row["state"]),
        text=row["text"],
        since_ms=row["since_ms"],
        last_ms=row["last_ms"],
        count=row["count"],
        classes=tuple(json.loads(row["classes"])),
        tell_from_ms=row["tell_from_ms"],
        tellings=row["tellings"],
        told_count=row["told_count"],
        told_at_ms=row["told_at_ms"],
        channels=tuple(json.loads(row["channels"])),
        over_at_ms=row["over_at_ms"],
        muted_until_ms=row["muted_until_ms"],
    )
