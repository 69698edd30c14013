"""What the panes read of conflicts: the open ones, oldest first."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from siscon.domain.conflicts import Conflict
from siscon.store import conflicts
from siscon.store.database import Database


@dataclass(frozen=True)
class ConflictList:
    """The open conflicts; a :class:`siscon.ops.listing.Listing`."""

    db: Database
    integration: str | None = None

    async def ids(self) -> AsyncIterator[Sequence[int]]:
        async with self.db.read() as c:
            async for chunk in conflicts.ids(c, integration=self.integration):
                yield chunk

    async def rows(self, ids: Sequence[int]) -> Mapping[int, Conflict]:
        async with self.db.read() as c:
            return {row.id: row for row in await conflicts.by_ids(c, ids)}

    async def count(self) -> int:
        async with self.db.read() as c:
            return await conflicts.count_open(c, integration=self.integration)
