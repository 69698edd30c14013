"""How each channel to people is: failing since when, what waits for it, what was lost."""

from __future__ import annotations

import json
from collections.abc import Iterable

from siscon.domain.deliveries import ChannelState
from siscon.store.database import Connection, Row

LOST = "(o.state IN ('refused', 'given up', 'dropped') OR o.refused_by <> '[]')"
"""What somebody of a channel does not have and is no longer tried."""
ALL = f"""
SELECT n.name, coalesce(c.failures, 0) AS failures, c.failing_since_ms, coalesce(c.not_before_ms, 0) AS not_before_ms,
  coalesce(c.gather_until_ms, 0) AS gather_until_ms, c.last_good_at_ms, coalesce(c.last_error, '') AS last_error,
  (SELECT count(*) FROM outbox o WHERE o.channel = n.name AND o.state = 'waiting') AS waiting,
  (SELECT count(*) FROM outbox o WHERE o.channel = n.name AND {LOST}) AS lost
FROM (SELECT name FROM channels UNION SELECT channel FROM outbox) n LEFT JOIN channels c ON c.name = n.name
ORDER BY n.name
"""
LOST_SINCE = f"""
SELECT o.channel, count(*) AS n FROM outbox o
WHERE o.state <> 'waiting' AND o.ended_at_ms >= :since_ms AND {LOST} GROUP BY o.channel ORDER BY o.channel
"""
BARE = "SELECT *, 0 AS waiting, 0 AS lost FROM channels"
FIND = "SELECT *, 0 AS waiting, 0 AS lost FROM channels WHERE name = :name"
SAVE = """
INSERT INTO channels (name, failures, failing_since_ms, not_before_ms, gather_until_ms, last_good_at_ms, last_error)
VALUES (:name, :failures, :failing_since_ms, :not_before_ms, 0, :last_good_at_ms, :last_error)
ON CONFLICT (name) DO UPDATE SET failures = excluded.failures, failing_since_ms = excluded.failing_since_ms,
  not_before_ms = excluded.not_before_ms, last_good_at_ms = excluded.last_good_at_ms, last_error = excluded.last_error
"""
LIFT = "UPDATE channels SET not_before_ms = 0 WHERE name = :name"
FORGET = "DELETE FROM channels WHERE name NOT IN (SELECT value FROM json_each(:names))"
GATHER = """
INSERT INTO channels (name, gather_until_ms) VALUES (:name, :until_ms)
ON CONFLICT (name) DO UPDATE SET gather_until_ms = excluded.gather_until_ms
"""


async def states(c: Connection) -> dict[str, ChannelState]:
    """Every channel that has ever had a message, by name; the name '' stands for all e-mail channels."""
    return {row["name"]: _state(row) for row in await c.all(ALL)}


async def bare_states(c: Connection) -> dict[str, ChannelState]:
    """How the channels are, by name, without what waits for them: for who looks often."""
    return {row["name"]: _state(row) for row in await c.all(BARE)}


async def lost_since(c: Connection, since_ms: int) -> dict[str, int]:
    """Of how many messages since a moment somebody of a channel has none and is no longer tried, by channel."""
    return {row["channel"]: row["n"] for row in await c.all(LOST_SINCE, {"since_ms": since_ms})}


async def one(c: Connection, name: str) -> ChannelState:
    """A channel without what waits for it; of one that had nothing yet, all is well."""
    row = await c.one(FIND, {"name": name})
    return ChannelState(name) if row is None else _state(row)


async def save(c: Connection, state: ChannelState) -> None:
    """Write down how a channel is after an attempt."""
    told = {"name": state.name, "failures": state.failures, "failing_since_ms": state.failing_since_ms}
    more = {"not_before_ms": state.not_before_ms, "last_good_at_ms": state.last_good_at_ms}
    await c.run(SAVE, {**told, **more, "last_error": state.last_error})


async def forget_others(c: Connection, names: Iterable[str]) -> None:
    """Forget how channels were that the configuration does not name any more: nobody can mend them."""
    await c.run(FORGET, {"names": json.dumps(list(names))})


async def lift(c: Connection, name: str) -> None:
    """Let a channel that failed be tried now, not only after its pause."""
    await c.run(LIFT, {"name": name})


async def gather_until(c: Connection, name: str, until_ms: int) -> None:
    """Until then notices for a channel are gathered, for it has just been told something."""
    await c.run(GATHER, {"name": name, "until_ms": until_ms})


def _state(row: Row) -> ChannelState:
    return ChannelState(
        row["name"],
        failures=row["failures"],
        failing_since_ms=row["failing_since_ms"],
        not_before_ms=row["not_before_ms"],
        gather_until_ms=row["gather_until_ms"],
        last_good_at_ms=row["last_good_at_ms"],
        last_error=row["last_error"],
        waiting=row["waiting"],
        lost=row["lost"],
    )
