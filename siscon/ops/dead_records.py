"""What the panes read of dead records: groups with one cause, and the records of a group."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from siscon.domain.dead_records import DeadGroup, DeadRecord
from siscon.domain.records import Entity
from siscon.store import dead_records
from siscon.store.database import Database


async def groups(db: Database, *, integration: str | None = None) -> list[DeadGroup]:
    """Open dead records by cause, the largest group first."""
    async with db.read() as c:
        found = await dead_records.groups(c, integration=integration)
    return sorted(found, key=lambda group: -group.count)


@dataclass(frozen=True)
class DeadList:
    """The open dead records with one cause; a :class:`siscon.ops.listing.Listing`."""

    db: Database
    integration: str | None = None
    entity: Entity | None = None
    code: str | None = None

    async def ids(self) -> AsyncIterator[Sequence[int]]:
        async with self.db.read() as c:
            async for chunk in dead_records.ids(
                c, integration=self.integration, entity=self.entity, code=self.code
            ):
                yield chunk

    async def rows(self, ids: Sequence[int]) -> Mapping[int, DeadRecord]:
        async with self.db.read() as c:
            return {row.id: row for row in await dead_records.by_ids(c, ids)}

    async def count(self) -> int:
        async with self.db.read() as c:
            return await dead_records.count_open(
                c, integration=self.integration, entity=self.entity, code=self.code
            )
