"""What the panes read of mappings and of the records behind them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace

from siscon.domain import mappings as domain
from siscon.domain.filters import ALL, AS_THEY_COME, Filter, Order
from siscon.domain.integrations import Integration
from siscon.domain.records import Entity
from siscon.store import filtered, integrations, mapping_lists, mappings, records, walking
from siscon.store.database import Database
from siscon.store.mapping_lists import Chosen, Place
from siscon.store.records import RecordRow

__all__ = ["COLUMNS", "MappingList", "Place", "integration_names", "known_integrations", "record"]

COLUMNS = tuple(filtered.MAPPINGS)
"""By what mappings are filtered."""


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
    """The mappings of one integration; a :class:`siscon.ops.listing.Narrowed`."""

    db: Database
    integration: str
    entity: Entity | None = None
    status: domain.SyncStatus | None = None
    where: Filter = ALL
    order: Order = AS_THEY_COME

    @property
    def chosen(self) -> Chosen:
        """Which they are, for the store."""
        return Chosen(self.integration, self.entity, self.status, self.where)

    @property
    def orders(self) -> frozenset[str]:
        """The columns by which they can be ordered however many they are."""
        return mapping_lists.orders(self.chosen)

    @property
    def whole(self) -> MappingList:
        """All of the integration."""
        return MappingList(self.db, self.integration)

    def ordered(self, order: Order) -> MappingList:
        """The same in another order."""
        return replace(self, order=order)

    def ids(self) -> AsyncIterator[Sequence[int]]:
        return mapping_lists.ids(self.db, self.chosen, self.order)

    async def rows(self, ids: Sequence[int]) -> Mapping[int, domain.Mapping]:
        async with self.db.read() as c:
            return await mappings.by_ids(c, self.integration, ids)

    async def count(self) -> int:
        return await walking.count(self.db, self.chosen.meant)

    async def first_from(self, text: str) -> Place | None:
        """Who comes first of those whose external id is not before a text."""
        return await mapping_lists.first_from(self.db, self.chosen, text)

    def ids_from(self, place: Place) -> AsyncIterator[Sequence[int]]:
        """The ids from a mapping on, of a list that is not narrowed; its own is the first."""
        return mapping_lists.from_place(self.db, self.chosen, place)

    def ids_before(self, place: Place) -> AsyncIterator[Sequence[int]]:
        """The ids before a mapping."""
        return mapping_lists.before_place(self.db, self.chosen, place)
