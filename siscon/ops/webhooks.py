"""The desk for webhooks: what a receiver leaves here, and what people may see of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

from siscon.domain.webhooks import Arrival, Outcome
from siscon.ops.rows import Row, iso
from siscon.store import webhook_counts, webhook_inbox
from siscon.store.database import Database

COUNT_COLUMNS = ("integration", "outcome", "count", "first_at", "last_at")
ARRIVAL_COLUMNS = ("id", "at", "integration", "event", "records", "state", "run_id", "tries")
DAY_MS = 24 * 3600 * 1000
STATE_WORDS = {"waiting": "waiting now", "taken": "being fetched now", "given up": "given up"}


async def keep(
    db: Database,
    arrivals: Sequence[Arrival],
    refused: Mapping[tuple[str, str], int],
    *,
    most_open: int,
    now_ms: int,
) -> list[Outcome]:
    """Keep messages and count what became of them, and of those ``refused`` before, all in one transaction.

    When this returns, what it says is on disk.
    """
    counts = dict(refused)
    async with db.transaction() as c:
        outcomes = await webhook_inbox.keep(c, arrivals, most_open=most_open) if arrivals else []
        for arrival, outcome in zip(arrivals, outcomes, strict=True):
            place = (arrival.integration, outcome.value)
            counts[place] = counts.get(place, 0) + 1
        await webhook_counts.add(c, counts, now_ms=now_ms)
    return outcomes


async def count_rows(db: Database, *, since_ms: int, integration: str | None = None) -> list[Row]:
    """What became of the messages since a moment, and how many wait now: a row for each integration and outcome."""
    async with db.read() as c:
        sums = await webhook_counts.sums(c, since_ms=since_ms, integration=integration)
        states = await webhook_inbox.open_states(c)
    told = [_count_row(one.integration, one.outcome, one.n, one.first_ms, one.last_ms) for one in sums]
    told += [
        _count_row(one.integration, STATE_WORDS[one.state], one.n, one.oldest_ms, None)
        for one in states
        if integration in (None, one.integration)
    ]
    return sorted(told, key=lambda row: str(row["integration"]))


def _count_row(integration: str, outcome: str, n: int, first_ms: int, last_ms: int | None) -> Row:
    return {
        "integration": integration or "(none)",
        "outcome": outcome,
        "count": n,
        "first_at": iso(first_ms),
        "last_at": iso(last_ms),
    }


async def arrival_rows(db: Database, *, integration: str | None, limit: int) -> AsyncIterator[Row]:
    """The newest messages in the inbox: what each told, and what is done about it."""
    async with db.read() as c:
        found = await webhook_inbox.page(c, integration=integration, limit=limit)
    for one in found:
        yield {
            "id": one.id,
            "at": iso(one.arrived_at_ms),
            "integration": one.integration,
            "event": one.event,
            "records": [f"{hint.entity} {len(hint.ids) or 'all'}" for hint in one.hints],
            "state": one.state,
            "run_id": one.run_id,
            "tries": one.tries,
        }
