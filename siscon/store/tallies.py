"""Sums that only grow, and what is open now: bounded questions, however large the database is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from siscon.store import channels
from siscon.store.database import Connection
from siscon.store.size import PAGES

RUNS = "SELECT integration, kind, status, runs FROM run_tallies"
REQUESTS = "SELECT integration, requests, failed, throttled FROM request_tallies"
RECORDS = "SELECT * FROM record_tallies"
WEBHOOKS = "SELECT integration, outcome, messages FROM webhook_tallies"
HOOKS_WAITING = """
SELECT integration, count(*) AS n FROM webhook_inbox WHERE state IN ('waiting', 'taken') GROUP BY integration
"""
EVENTS = "SELECT kind, level, events FROM event_tallies"
ACTIVE = """
SELECT integration, status, count(*) AS n FROM runs
WHERE status IN ('running', 'queued', 'paused', 'held', 'planned', 'interrupted') GROUP BY integration, status
"""
PENDING = "SELECT count(*) AS n FROM commands WHERE status = 'pending'"
WAITING = """
SELECT channel, count(*) AS n, min(put_at_ms) AS oldest_ms FROM outbox WHERE state = 'waiting' GROUP BY channel
"""
LOST = f"SELECT o.channel, count(*) AS n FROM outbox o WHERE {channels.LOST} GROUP BY o.channel"
CHANNELS = "SELECT name, failures FROM channels"
OUTCOMES = ("fetched", "created", "updated", "withdrawn", "conflict", "failed")


@dataclass(frozen=True, slots=True)
class Tallies:
    """Everything that was ever counted: runs by integration, kind and end; and so on."""

    runs: Mapping[tuple[str, str, str], int]
    requests: Mapping[str, tuple[int, int, int]]
    records: Mapping[tuple[str, str, str], int]
    events: Mapping[tuple[str, str], int]
    webhooks: Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class Open:
    """What is open now: runs by integration and status, requests of people, messages by channel, bytes."""

    runs: Mapping[tuple[str, str], int]
    pending: int
    waiting: Mapping[str, tuple[int, int]]
    lost: Mapping[str, int]
    failing: Mapping[str, bool]
    webhooks: Mapping[str, int]
    bytes: int
    free_bytes: int


async def tallies(c: Connection) -> Tallies:
    """All sums."""
    records = await c.all(RECORDS)
    return Tallies(
        runs={(row["integration"], row["kind"], row["status"]): row["runs"] for row in await c.all(RUNS)},
        requests={
            row["integration"]: (row["requests"], row["failed"], row["throttled"])
            for row in await c.all(REQUESTS)
        },
        records={
            (row["integration"], row["entity"], name): row[name] for row in records for name in OUTCOMES
        },
        events={(row["kind"], row["level"]): row["events"] for row in await c.all(EVENTS)},
        webhooks={(row["integration"], row["outcome"]): row["messages"] for row in await c.all(WEBHOOKS)},
    )


async def open_now(c: Connection) -> Open:
    """Everything that waits, and the size of the file."""
    pending, page = await c.one(PENDING), await c.one(PAGES)
    assert pending is not None, "a count has a row"
    assert page is not None, "a database has pages"
    return Open(
        runs={(row["integration"], row["status"]): row["n"] for row in await c.all(ACTIVE)},
        pending=pending["n"],
        waiting={row["channel"]: (row["n"], row["oldest_ms"]) for row in await c.all(WAITING)},
        lost={row["channel"]: row["n"] for row in await c.all(LOST)},
        failing={row["name"]: row["failures"] > 0 for row in await c.all(CHANNELS)},
        webhooks={row["integration"]: row["n"] for row in await c.all(HOOKS_WAITING)},
        bytes=page["pages"] * page["size"],
        free_bytes=page["free"] * page["size"],
    )
