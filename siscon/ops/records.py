"""What the panes read of mappings and of the records behind them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from siscon.domain import mappings as domain
from siscon.domain.records import Entity
from siscon.store import integrations, mappings, records
from siscon.store.database import Database
from siscon.store.records import RecordRow


async def integration_names(db: Database) -> list[str]:
    """The integrations that have mappings, by name."""
    async with db.read() as c:
        return sorted(one.name for one in await integrations.all_integrations(c))


async def record(db: Database, integration: str, entity: Entity, external_id: str) -> RecordRow | None:
    """One local record as an integration knows it, or None while it never could be applied."""
    async with db.read() as c:
        return await records.show(c, integration, entity, external_id)


@dataclass(frozen=True)
class MappingList:
    """The mappings of one integration; a :class:`siscon.ops.listing.Listing`."""

    db: Database
    integration: str
    entity: Entity | None = None
    status: domain.SyncStatus | None = None

    async def ids(self) -> AsyncIterator[Sequence[int]]:
        async with self.db.read() as c:
            async for chunk in mappings.ids(c, self.integration, entity=self.entity, status=self.status):
                yield chunk

    async def rows(self, ids: Sequence[int]) -> Mapping[int, domain.Mapping]:
        async with self.db.read() as c:
            return await mappings.by_ids(c, self.integration, ids)

    async def count(self) -> int:
        async with self.db.read() as c:
            return await mappings.count(c, self.integration, entity=self.entity, status=self.status)
