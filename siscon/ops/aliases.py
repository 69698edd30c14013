"""Ids that were given up and lead to another record."""

from __future__ import annotations

from siscon.ops.rows import Row, iso
from siscon.store import aliases
from siscon.store.database import Database


async def alias_rows(db: Database, integration: str | None) -> list[Row]:
    """Every alias, of one integration or of all."""
    async with db.read() as c:
        found = await aliases.listed(c, integration)
    return [
        {
            "integration": one.integration,
            "entity": one.entity.value,
            "external_id": one.external_id,
            "survivor": one.survivor,
            "made_at": iso(one.made_at_ms),
            "made_by": one.made_by,
        }
        for one in found
    ]
