"""What became of webhooks, counted by the minute: also of those that were refused, of which nothing else is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from siscon.domain.webhooks import REFUSALS
from siscon.store.database import Connection, Row

MINUTE_MS = 60_000

ADD = """
INSERT INTO webhook_counts (minute, integration, outcome, n) VALUES (:minute, :integration, :outcome, :n)
ON CONFLICT (minute, integration, outcome) DO UPDATE SET n = n + excluded.n
"""
SUMS = """
SELECT integration, outcome, sum(n) AS n, min(minute) AS first, max(minute) AS last FROM webhook_counts
WHERE minute >= :since AND (:integration IS NULL OR integration = :integration)
GROUP BY integration, outcome ORDER BY integration, outcome
"""
_REFUSED = ", ".join(f"'{one.value}'" for one in REFUSALS)
UNTOLD = f"""
SELECT integration, outcome, sum(n - told) AS n, min(minute) AS first, max(minute) AS last FROM webhook_counts
WHERE n > told AND outcome IN ({_REFUSED}) GROUP BY integration, outcome ORDER BY integration, n DESC
"""
TELL = "UPDATE webhook_counts SET told = n WHERE n > told"
PRUNE = "DELETE FROM webhook_counts WHERE minute < :before"


@dataclass(frozen=True, slots=True)
class Sum:
    """So many messages ended so; the minutes are the first and the last in which any did."""

    integration: str
    outcome: str
    n: int
    first_ms: int
    last_ms: int


async def add(c: Connection, counts: Mapping[tuple[str, str], int], *, now_ms: int) -> None:
    """Add to the counts of this minute: (integration, outcome) -> how many."""
    minute = now_ms // MINUTE_MS
    rows = [
        {"minute": minute, "integration": integration, "outcome": outcome, "n": n}
        for (integration, outcome), n in counts.items()
    ]
    await c.many(ADD, rows)


async def sums(c: Connection, *, since_ms: int, integration: str | None = None) -> list[Sum]:
    """What became of the messages since a moment, by integration; "" for those that named none that is known."""
    told = {"since": since_ms // MINUTE_MS, "integration": integration}
    return [_sum(row) for row in await c.all(SUMS, told)]


async def untold(c: Connection) -> list[Sum]:
    """Refusals that nobody has reported yet, the most frequent first."""
    return [_sum(row) for row in await c.all(UNTOLD)]


async def tell(c: Connection) -> None:
    """All refusals so far are reported."""
    await c.run(TELL)


async def prune(c: Connection, *, before_ms: int) -> int:
    """Forget the counts of minutes before a moment; how many rows went."""
    return await c.run(PRUNE, {"before": before_ms // MINUTE_MS})


def _sum(row: Row) -> Sum:
    return Sum(
        row["integration"],
        row["outcome"],
        row["n"],
        row["first"] * MINUTE_MS,
        row["last"] * MINUTE_MS,
    )
