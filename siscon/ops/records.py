"""What the panes read of mappings and of the records behind them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from siscon.domain import mappings as domain
from siscon.domain.integrations import Integration
from siscon.domain.records import Entity
from siscon.store import integrations, mappings, records
from siscon.store.database import Connection, Database
from siscon.store.records import RecordRow


async def integration_names(db: Database) -> list[str]:
    """The integrations that have mappings, by name."""
    async with db.read() as c:
        return sorted(one.name for one in await integrations.all_integrations(c))


async def known_integrations(db: Database) -> dict[str, Integration]:
    """Every integration by its name."""
    async with db.read() as c:
        return {one.name: one for one in await integrations.all_integrations(c)}


async def record(db: Database, integration: str, entity: Entity, external_id: str) -> RecordRow | None:
    """One local record as an integration knows it, or None while it never could be applied."""
    async with db.read() as c:
        return await records.show(c, integration, entity, external_id)


@dataclass(frozen=True)
class MappingList:
    """The mappings of one integration; a :class:`siscon.ops.listing.Listing`.

    With ``begins`` only those whose external id begins so, at most :data:`mappings.MOST_FOUND`.
    """

    db: Database
    integration: str
    entity: Entity | None = None
    status: domain.SyncStatus | None = None
    begins: str = ""

    async def ids(self) -> AsyncIterator[Sequence[int]]:
        async with self.db.read() as c:
            if self.begins:
                yield await self._found(c)
                return
            async for chunk in mappings.ids(c, self.integration, entity=self.entity, status=self.status):
                yield chunk

    async def rows(self, ids: Sequence[int]) -> Mapping[int, domain.Mapping]:
        async with self.db.read() as c:
            return await mappings.by_ids(c, self.integration, ids)

    async def count(self) -> int:
        async with self.db.read() as c:
            if self.begins:
                return len(await self._found(c))
            return await mappings.count(c, self.integration, entity=self.entity, status=self.status)

    async def _found(self, c: Connection) -> list[int]:
        return await mappings.ids_beginning(
            c, self.integration, self.begins, entity=self.entity, status=self.status
        )
