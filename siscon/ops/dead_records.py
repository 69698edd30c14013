"""What the panes read of dead records: groups with one cause, and the records of a group."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from siscon.domain.dead_records import DeadGroup, DeadRecord
from siscon.ops.rows import iso
from siscon.store import dead_records
from siscon.store.database import Database
from siscon.store.dead_records import ANY as ANY
from siscon.store.dead_records import Chosen as Chosen

EXAMPLES = 3


async def groups(db: Database, *, integration: str | None = None) -> list[DeadGroup]:
    """Open dead records by cause, the largest group first."""
    async with db.read() as c:
        found = await dead_records.groups(c, integration=integration)
    return sorted(found, key=lambda group: -group.count)


@dataclass(frozen=True)
class DeadList:
    """The open dead records that are meant; a :class:`siscon.ops.listing.Listing`."""

    db: Database
    chosen: Chosen = ANY

    async def ids(self) -> AsyncIterator[Sequence[int]]:
        async with self.db.read() as c:
            async for chunk in dead_records.ids(c, self.chosen):
                yield chunk

    async def rows(self, ids: Sequence[int]) -> Mapping[int, DeadRecord]:
        async with self.db.read() as c:
            return {row.id: row for row in await dead_records.by_ids(c, ids)}

    async def count(self) -> int:
        async with self.db.read() as c:
            return await dead_records.count_open(c, self.chosen)


async def count(db: Database, chosen: Chosen) -> int:
    """How many open dead records are meant."""
    async with db.read() as c:
        return await dead_records.count_open(c, chosen)


async def one(db: Database, dead_id: int) -> DeadRecord | None:
    """One dead record, open or not."""
    async with db.read() as c:
        found = await dead_records.by_ids(c, [dead_id])
    return found[0] if found else None


def of_cause(group: DeadGroup) -> Chosen:
    """The records of a group."""
    return Chosen(group.integration, group.entity, group.code, group.field or "")


async def cause_rows(db: Database, *, integration: str | None = None) -> list[dict[str, Any]]:
    """Every cause with its count and a few examples, the commonest first."""
    found = []
    for group in await groups(db, integration=integration):
        async with db.read() as c:
            some = await dead_records.list_open(c, of_cause(group), limit=EXAMPLES)
        found.append(
            {
                "integration": group.integration,
                "entity": group.entity.value,
                "code": group.code,
                "field": group.field,
                "category": group.category,
                "severity": group.severity,
                "count": group.count,
                "examples": [one.external_id or one.record_key for one in some],
                "first_seen_at": iso(group.first_seen_at_ms),
                "last_seen_at": iso(group.last_seen_at_ms),
                "reason": group.reason,
            }
        )
    return found
