"""What the panes read of conflicts: the open ones, oldest first."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from siscon.domain.conflicts import Conflict
from siscon.domain.filters import AS_THEY_COME, Order
from siscon.store import conflicts, filtered, walking
from siscon.store.conflicts import ANY as ANY
from siscon.store.conflicts import Chosen as Chosen
from siscon.store.conflicts import Pattern
from siscon.store.database import Database

COLUMNS = tuple(filtered.CONFLICTS)
"""By what conflicts are filtered."""
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


async def preview(
    db: Database,
    integration: str,
    where: Mapping[str, str],
    *,
    ids: Collection[int] = (),
    but: Collection[int] = (),
) -> Preview:
    """What a decision for all that are alike would decide, of these ``ids`` alone or of all ``but`` some.

    Raises ``UsageError`` for a pattern without sense.
    """
    async with db.read() as c:
        pattern = Pattern.of(integration, where, up_to=NEWEST, ids=ids, but=but)
        up_to = await conflicts.newest_matching(c, pattern)
        count = await conflicts.count_matching(c, pattern)
        examples = await conflicts.next_matching(c, pattern, after_id=0, limit=EXAMPLES)
    return Preview(count, up_to, tuple(examples))


@dataclass(frozen=True)
class ConflictList:
    """The open conflicts that are meant, oldest first; a :class:`siscon.ops.listing.Narrowed`."""

    db: Database
    chosen: Chosen = ANY
    order: Order = AS_THEY_COME

    @property
    def orders(self) -> frozenset[str]:
        """Their numbers grow as they are opened, so by that they stand in order however many they are."""
        return frozenset({"age", "number"})

    @property
    def whole(self) -> ConflictList:
        """All that are open."""
        return ConflictList(self.db)

    def ordered(self, order: Order) -> ConflictList:
        """The same in another order."""
        return replace(self, order=order)

    def ids(self) -> AsyncIterator[Sequence[int]]:
        if self.order.column in ("", *self.orders):
            return walking.by_id(self.db, self.chosen.meant, down=self.order.down)
        return walking.in_order(self.db, self.chosen.meant, filtered.CONFLICTS, self.order)

    async def rows(self, ids: Sequence[int]) -> Mapping[int, Conflict]:
        async with self.db.read() as c:
            return {row.id: row for row in await conflicts.by_ids(c, ids)}

    async def count(self) -> int:
        return await walking.count(self.db, self.chosen.meant)
