"""The inbox of webhooks: messages that were proved, once each, and what is done about them.

What was forgotten leaves a floor behind: nothing that was sent before it is taken again, whatever the clock says.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from siscon.domain.records import Entity
from siscon.domain.runs import Lane, RunStatus
from siscon.domain.webhooks import Action, Arrival, Hint, Outcome
from siscon.store.database import Connection, Row

KNOWN = """
SELECT i.integration, i.key, i.digest FROM json_each(:keys) j
JOIN webhook_inbox i ON i.integration = j.value ->> 0 AND i.key = j.value ->> 1
"""
FLOORS = "SELECT integration, sent_at_ms FROM webhook_floors"
OPEN_COUNTS = """
SELECT integration, count(*) AS n FROM webhook_inbox
WHERE state IN ('waiting', 'taken') AND integration IN (SELECT value FROM json_each(:names)) GROUP BY integration
"""
KEEP = """
INSERT INTO webhook_inbox (integration, key, digest, event, hints, sent_at_ms, arrived_at_ms, state)
VALUES (:integration, :key, :digest, :event, :hints, :sent_at_ms, :at_ms, :state)
"""
OPEN_RUNS = """
SELECT DISTINCT w.run_id, r.status, r.lane FROM webhook_inbox w LEFT JOIN runs r ON r.id = w.run_id
WHERE w.integration = :integration AND w.state = 'taken'
"""
# Among the newest runs only: the question is how things go this moment.
LATELY = """
SELECT count(*) AS n, max(queued_at_ms) AS last_ms FROM runs
WHERE id > (SELECT coalesce(max(id), 0) FROM runs) - 500 AND integration = :integration AND requested_by = :requested_by
  AND lane = 'quick' AND queued_at_ms BETWEEN :since_ms AND :now_ms
"""
OPEN_INTEGRATIONS = """
SELECT DISTINCT integration FROM webhook_inbox WHERE state IN ('waiting', 'taken') ORDER BY integration
"""
WAITING = """
SELECT id, hints, tries FROM webhook_inbox
WHERE integration = :integration AND state = 'waiting'
  AND (due_at_ms <= :now_ms OR due_at_ms > :now_ms + 86400000) -- a clock that was set back
ORDER BY id LIMIT :limit
"""
# Of the oldest only, for it is asked often: what fails stays behind.
TRIES = """
SELECT coalesce(max(tries), 0) AS tries FROM (
  SELECT * FROM (
    SELECT tries FROM webhook_inbox WHERE integration = :integration AND state = 'waiting' ORDER BY id LIMIT 200)
  UNION ALL
  SELECT * FROM (
    SELECT tries FROM webhook_inbox WHERE integration = :integration AND state = 'taken' ORDER BY id LIMIT 200))
"""
TAKE = """
UPDATE webhook_inbox SET state = 'taken', run_id = :run_id
WHERE state = 'waiting' AND id IN (SELECT value FROM json_each(:ids))
"""
PASS_OVER = """
UPDATE webhook_inbox SET state = 'ignored' WHERE state = 'waiting' AND id IN (SELECT value FROM json_each(:ids))
"""
CLOSE = """
UPDATE webhook_inbox SET state = :state
WHERE integration = :integration AND state = 'taken' AND run_id = :run_id
"""
PUT_BACK = """
UPDATE webhook_inbox SET tries = tries + 1, due_at_ms = :now_ms + min(:most_ms, :first_ms << min(tries, 20)),
  state = CASE WHEN tries + 1 >= :most_tries THEN 'given up' ELSE 'waiting' END
WHERE integration = :integration AND state = 'taken' AND run_id IS :run_id
RETURNING state
"""
PAGE = """
SELECT * FROM webhook_inbox WHERE id < :before_id AND (:integration IS NULL OR integration = :integration)
ORDER BY id DESC LIMIT :limit
"""
STATES = """
SELECT integration, state, count(*) AS n, min(arrived_at_ms) AS oldest_ms, max(tries) AS tries FROM webhook_inbox
WHERE state IN ('waiting', 'taken', 'given up') GROUP BY integration, state
"""
OLD = """
SELECT id, integration, sent_at_ms
FROM ( -- the oldest stand in front, but for those that wait, which may be many
  SELECT * FROM webhook_inbox WHERE state NOT IN ('waiting', 'taken') ORDER BY id LIMIT 20000)
WHERE (max(arrived_at_ms, coalesce(sent_at_ms, 0)) < :before_ms OR id <= :upto_id)
ORDER BY id LIMIT :limit
"""
KEPT = "SELECT max(id) AS newest FROM webhook_inbox"
RAISE_FLOOR = """
INSERT INTO webhook_floors (integration, sent_at_ms) VALUES (:integration, :sent_at_ms)
ON CONFLICT (integration) DO UPDATE SET sent_at_ms = max(sent_at_ms, excluded.sent_at_ms)
"""
FORGET = "DELETE FROM webhook_inbox WHERE id IN (SELECT value FROM json_each(:ids))"

NEWEST = 2**62


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message for which nothing was fetched yet; ``tries`` runs failed to."""

    id: int
    hints: tuple[Hint, ...]
    tries: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A message as the inbox holds it."""

    id: int
    integration: str
    event: str
    hints: tuple[Hint, ...]
    sent_at_ms: int | None
    arrived_at_ms: int
    state: str
    run_id: int | None
    tries: int
    due_at_ms: int


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run that fetches for messages; without a status there is no such run any more."""

    run_id: int | None
    status: RunStatus | None
    lane: Lane | None


@dataclass(frozen=True, slots=True)
class OpenState:
    """How many messages of an integration are in a state that is not the end of it, since when, and how often the
    fetch of one of them failed.
    """

    integration: str
    state: str
    n: int
    oldest_ms: int
    tries: int


async def keep(c: Connection, arrivals: Sequence[Arrival], *, most_open: int) -> list[Outcome]:
    """Keep messages, each once; what became of each. For no more than ``most_open`` of an integration is there room:
    one that is paused takes none from the others.
    """
    keys = json.dumps([[one.integration, one.key] for one in arrivals])
    known = {
        (row["integration"], row["key"]): bytes(row["digest"]) for row in await c.all(KNOWN, {"keys": keys})
    }
    floors = {row["integration"]: row["sent_at_ms"] for row in await c.all(FLOORS)}
    names = json.dumps(sorted({one.integration for one in arrivals}))
    waiting = Counter({row["integration"]: row["n"] for row in await c.all(OPEN_COUNTS, {"names": names})})
    outcomes, new = list[Outcome](), list[Arrival]()
    for one in arrivals:
        outcome = _judge(one, known, floors, most_open - waiting[one.integration])
        outcomes.append(outcome)
        if outcome in (Outcome.ACCEPTED, Outcome.IGNORED):
            waiting[one.integration] += outcome is Outcome.ACCEPTED
            new.append(one)
            known[one.integration, one.key] = one.digest
    await c.many(KEEP, [_row(one) for one in new])
    return outcomes


def _judge(
    one: Arrival, known: Mapping[tuple[str, str], bytes], floors: Mapping[str, int], room: int
) -> Outcome:
    before = known.get((one.integration, one.key))
    if before is not None:
        return Outcome.REPEATED if before == one.digest else Outcome.OTHER_BODY
    if one.sent_at_ms is not None and one.sent_at_ms <= floors.get(one.integration, -1):
        return Outcome.FORGOTTEN
    if not one.message.hints:
        return Outcome.IGNORED
    return Outcome.ACCEPTED if room > 0 else Outcome.NO_ROOM


def _row(one: Arrival) -> dict[str, object]:
    hints = [[hint.entity.value, hint.action.value, *hint.ids] for hint in one.message.hints]
    return {
        "integration": one.integration,
        "key": one.key,
        "digest": one.digest,
        "event": one.message.event,
        "hints": json.dumps(hints, ensure_ascii=False),
        "sent_at_ms": one.sent_at_ms,
        "at_ms": one.at_ms,
        "state": "waiting" if hints else "ignored",
    }


async def waiting(c: Connection, integration: str, *, now_ms: int, limit: int) -> list[Waiting]:
    """The oldest messages of an integration for which something is to be fetched now."""
    told = {"integration": integration, "now_ms": now_ms, "limit": limit}
    return [Waiting(row["id"], _hints(row), row["tries"]) for row in await c.all(WAITING, told)]


async def open_integrations(c: Connection) -> list[str]:
    """The integrations of which messages wait for a fetch or for its end."""
    return [row["integration"] for row in await c.all(OPEN_INTEGRATIONS)]


async def open_runs(c: Connection, integration: str) -> list[OpenRun]:
    """The runs that fetch for messages of an integration, as they are now."""
    return [
        OpenRun(
            row["run_id"],
            RunStatus(row["status"]) if row["status"] else None,
            Lane(row["lane"]) if row["lane"] else None,
        )
        for row in await c.all(OPEN_RUNS, {"integration": integration})
    ]


async def lately(
    c: Connection, integration: str, requested_by: str, *, since_ms: int, now_ms: int
) -> tuple[int, int]:
    """How many quick runs of an integration somebody has asked for since a moment, and when the last was queued."""
    values = {
        "integration": integration,
        "requested_by": requested_by,
        "since_ms": since_ms,
        "now_ms": now_ms,
    }
    row = await c.one(LATELY, values)
    return (row["n"], row["last_ms"]) if row and row["n"] else (0, 0)


async def tries(c: Connection, integration: str) -> int:
    """How many runs in a row could not fetch what a message of an integration told, the most of all that are open."""
    row = await c.one(TRIES, {"integration": integration})
    return row["tries"] if row else 0


async def take(c: Connection, ids: Iterable[int], run_id: int) -> None:
    """Note which run fetches for these messages."""
    await c.run(TAKE, {"ids": json.dumps(list(ids)), "run_id": run_id})


async def pass_over(c: Connection, ids: Iterable[int]) -> None:
    """Nothing is to be fetched for these messages."""
    await c.run(PASS_OVER, {"ids": json.dumps(list(ids))})


async def close(c: Connection, integration: str, run_id: int, state: str) -> None:
    """The messages for which a run fetched are through: ``done``, or ``given up``."""
    await c.run(CLOSE, {"integration": integration, "run_id": run_id, "state": state})


async def put_back(
    c: Connection,
    integration: str,
    run_id: int | None,
    *,
    now_ms: int,
    first_ms: int,
    most_ms: int,
    most_tries: int,
) -> tuple[int, int]:
    """Let messages whose fetch failed wait longer each time, at last no more; how many wait, and were given up."""
    rows = await c.all(
        PUT_BACK,
        {
            "integration": integration,
            "run_id": run_id,
            "now_ms": now_ms,
            "first_ms": first_ms,
            "most_ms": most_ms,
            "most_tries": most_tries,
        },
    )
    given_up = sum(row["state"] == "given up" for row in rows)
    return len(rows) - given_up, given_up


async def page(
    c: Connection, *, integration: str | None = None, before_id: int = NEWEST, limit: int
) -> list[Kept]:
    """Messages before a number, the newest first."""
    told = {"integration": integration, "before_id": before_id, "limit": limit}
    return [
        Kept(
            id=row["id"],
            integration=row["integration"],
            event=row["event"],
            hints=_hints(row),
            sent_at_ms=row["sent_at_ms"],
            arrived_at_ms=row["arrived_at_ms"],
            state=row["state"],
            run_id=row["run_id"],
            tries=row["tries"],
            due_at_ms=row["due_at_ms"],
        )
        for row in await c.all(PAGE, told)
    ]


async def open_states(c: Connection) -> list[OpenState]:
    """The messages that wait, are being fetched for, or were given up, by integration."""
    rows = await c.all(STATES)
    return [
        OpenState(row["integration"], row["state"], row["n"], row["oldest_ms"], row["tries"]) for row in rows
    ]


async def forget(c: Connection, *, before_ms: int, most_kept: int, limit: int) -> int:
    """Forget messages that are through: those from before a moment, and the oldest where more are kept than
    ``most_kept``; how many went. At most ``limit`` at a time.
    """
    newest = await c.one(KEPT)
    upto = (newest["newest"] or 0) - most_kept if newest is not None else 0
    rows = await c.all(OLD, {"before_ms": before_ms, "upto_id": upto, "limit": limit})
    floors: dict[str, int] = {}
    for row in rows:
        if row["sent_at_ms"] is not None:
            floors[row["integration"]] = max(floors.get(row["integration"], 0), row["sent_at_ms"])
    for integration, sent_at_ms in floors.items():
        await c.run(RAISE_FLOOR, {"integration": integration, "sent_at_ms": sent_at_ms})
    return await c.run(FORGET, {"ids": json.dumps([row["id"] for row in rows])})


def _hints(row: Row) -> tuple[Hint, ...]:
    return tuple(
        Hint(Entity(entity), Action(action), tuple(ids)) for entity, action, *ids in json.loads(row["hints"])
    )
