"""What the panes read of dead records: groups with one cause, and the records of a group."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from siscon.domain.dead_records import DeadGroup, DeadRecord
from siscon.domain.filters import ALL, AS_THEY_COME, Order
from siscon.ops.rows import iso
from siscon.store import dead_records, filtered, mends, walking
from siscon.store.database import Database
from siscon.store.dead_records import ANY as ANY
from siscon.store.dead_records import Chosen as Chosen
from siscon.store.vault import Vault

COLUMNS = tuple(filtered.DEAD_RECORDS)
"""By what records in error are filtered."""
EXAMPLES = 3
MOST_PLACES = 200


async def groups(db: Database, *, integration: str | None = None) -> list[DeadGroup]:
    """Open dead records by cause, the largest group first."""
    async with db.read() as c:
        found = await dead_records.groups(c, integration=integration)
    return sorted(found, key=lambda group: -group.count)


@dataclass(frozen=True)
class DeadList:
    """The open dead records that are meant, oldest first; a :class:`siscon.ops.listing.Narrowed`."""

    db: Database
    chosen: Chosen = ANY
    order: Order = AS_THEY_COME

    @property
    def orders(self) -> frozenset[str]:
        """Their numbers grow with their age, so by that they stand in order however many they are."""
        return frozenset({"age", "number"})

    @property
    def whole(self) -> DeadList:
        """All of the same cause."""
        return DeadList(self.db, replace(self.chosen, where=ALL))

    def ordered(self, order: Order) -> DeadList:
        """The same in another order."""
        return replace(self, order=order)

    def ids(self) -> AsyncIterator[Sequence[int]]:
        if self.order.column in ("", *self.orders):
            # Who was met first has the greatest age: as a moment it is the least.
            return walking.by_id(self.db, self.chosen.meant, down=self.order.down)
        return walking.in_order(self.db, self.chosen.meant, filtered.DEAD_RECORDS, self.order)

    async def rows(self, ids: Sequence[int]) -> Mapping[int, DeadRecord]:
        async with self.db.read() as c:
            return {row.id: row for row in await dead_records.by_ids(c, ids)}

    async def count(self) -> int:
        return await walking.count(self.db, self.chosen.meant)


async def counted(db: Database, chosen: Chosen) -> tuple[int, int]:
    """How many open dead records are meant, and the number of the newest: one that fails later is not among them,
    also where another has left meanwhile, so that they are as many as before.
    """
    async with db.read() as c:
        found = await dead_records.summary(c, chosen)
    return sum(one.count for one in found), max((one.up_to for one in found), default=0)


async def one(db: Database, dead_id: int) -> DeadRecord | None:
    """One dead record, open or not."""
    async with db.read() as c:
        found = await dead_records.by_ids(c, [dead_id])
    return found[0] if found else None


def of_cause(group: DeadGroup) -> Chosen:
    """The records of a group."""
    return Chosen(group.integration, group.entity, group.code, group.field or "")


async def payload(db: Database, vault: Vault, dead_id: int) -> dict[str, str]:
    """The places of what the SIS had said, as ``name.inner.0``, and of each what kind of value stands there.

    The values themselves are pupils' data and stay sealed. Empty when it is no longer kept.
    """
    async with db.read() as c:
        raw = await dead_records.raw(c, dead_id)
    if raw is None:
        return {}
    try:
        row = json.loads(vault.open(raw.sealed, place=raw.place))
    except ValueError:
        return {"": "no JSON"}
    return dict(islice(_places(row, ""), MOST_PLACES))


def _places(value: Any, place: str) -> Iterator[tuple[str, str]]:
    head = f"{place}." if place else ""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _places(inner, f"{head}{name}")
    elif isinstance(value, list) and value:
        for at, inner in enumerate(value):
            yield from _places(inner, f"{head}{at}")
    else:
        yield place, _kind(value)


def _kind(value: Any) -> str:
    if value is None or value in ("", []):
        return "empty"
    if isinstance(value, str):
        return f"text of {len(value)}"
    return "yes or no" if isinstance(value, bool) else "number"


async def mended_rows(db: Database, *, integration: str | None = None) -> AsyncIterator[dict[str, Any]]:
    """What stands in the place of records as persons have mended them."""
    after_id = 0
    while True:
        async with db.read() as c:
            found = await mends.in_force(c, integration=integration, after_id=after_id)
        for one in found:
            yield {
                "id": one.id,
                "integration": one.integration,
                "entity": one.entity.value,
                "external_id": one.record_key,
                "mended_by": one.by,
                "mended_at": iso(one.at_ms),
                "reason": one.why,
            }
        if not found:
            return
        after_id = found[-1].id


async def examples(db: Database, group: DeadGroup) -> list[str]:
    """A few of the records of a group, as the SIS calls them."""
    return await some(db, of_cause(group))


async def some(db: Database, chosen: Chosen) -> list[str]:
    """A few of the records that are meant, as the SIS calls them."""
    async with db.read() as c:
        found = await dead_records.list_open(c, chosen, limit=EXAMPLES)
    return [one.external_id or one.record_key for one in found]


async def cause_rows(db: Database, *, integration: str | None = None) -> list[dict[str, Any]]:
    """Every cause with its count and a few examples, the commonest first."""
    return [
        {
            "integration": group.integration,
            "entity": group.entity.value,
            "code": group.code,
            "field": group.field,
            "category": group.category,
            "severity": group.severity,
            "count": group.count,
            "examples": await examples(db, group),
            "first_seen_at": iso(group.first_seen_at_ms),
            "last_seen_at": iso(group.last_seen_at_ms),
            "reason": group.reason,
        }
        for group in await groups(db, integration=integration)
    ]
