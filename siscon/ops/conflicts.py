"""What the panes read of conflicts: the open ones, oldest first."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from siscon.domain.conflicts import Conflict
from siscon.store import conflicts
from siscon.store.conflicts import ANY as ANY
from siscon.store.conflicts import Chosen as Chosen
from siscon.store.conflicts import Pattern
from siscon.store.database import Database

EXAMPLES = 3
NEWEST = 2**62


async def find(db: Database, conflict_id: int) -> Conflict | None:
    """One conflict, open or not."""
    async with db.read() as c:
        return await conflicts.get(c, conflict_id)


@dataclass(frozen=True, slots=True)
class Preview:
    """How many open conflicts a pattern matches, the newest of them, and a few to look at."""

    count: int
    up_to: int
    examples: tuple[Conflict, ...]


async def preview(db: Database, integration: str, where: Mapping[str, str]) -> Preview:
    """What a decision for all that are alike would decide; raises ``UsageError`` for a pattern without sense."""
    async with db.read() as c:
        pattern = Pattern.of(integration, where, up_to=NEWEST)
        up_to = await conflicts.newest_matching(c, pattern)
        count = await conflicts.count_matching(c, pattern)
        examples = await conflicts.next_matching(c, pattern, after_id=0, limit=EXAMPLES)
    return Preview(count, up_to, tuple(examples))


@dataclass(frozen=True)
class ConflictList:
    """The open conflicts that are meant; a :class:`siscon.ops.listing.Listing`."""

    db: Database
    chosen: Chosen = ANY

    async def ids(self) -> AsyncIterator[Sequence[int]]:
        async with self.db.read() as c:
            async for chunk in conflicts.ids(c, self.chosen):
                yield chunk

    async def rows(self, ids: Sequence[int]) -> Mapping[int, Conflict]:
        async with self.db.read() as c:
            return {row.id: row for row in await conflicts.by_ids(c, ids)}

    async def count(self) -> int:
        async with self.db.read() as c:
            return await conflicts.count_open(c, self.chosen)
