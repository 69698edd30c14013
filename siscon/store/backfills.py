"""What reading a list again would take: as the last whole import of each entity took it."""

from __future__ import annotations

from dataclasses import dataclass

from siscon.domain.records import Entity
from siscon.store.database import Connection

# Beside max() SQLite gives the other columns of the row that has it.
LAST_WHOLE = """
SELECT c.entity, c.requests, c.fetched, c.seconds, max(c.run_id) AS run_id
FROM runs r JOIN run_counts c ON c.run_id = r.id
WHERE r.integration = :integration AND r.kind = 'import' AND c.whole = 1
GROUP BY c.entity
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a whole list took: requests, seconds, and how many records it held."""

    requests: int
    records: int
    seconds: float


async def last_whole(c: Connection, integration: str) -> dict[Entity, Taken]:
    """The last whole list of each entity that is on record; one that came along with another's counts as a request."""
    rows = await c.all(LAST_WHOLE, {"integration": integration})
    return {
        Entity(row["entity"]): Taken(max(1, row["requests"]), row["fetched"], row["seconds"]) for row in rows
    }
