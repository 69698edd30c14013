"""What was changed here by hand, and how many records an act of a person would concern."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping

from siscon.domain.records import Entity
from siscon.ops.rows import PAGE, Row
from siscon.store import edits
from siscon.store.database import Database

MOST = 20_000


async def edit_rows(
    db: Database, integration: str, *, entity: Entity | None, limit: int | None
) -> AsyncIterator[Row]:
    """Every field that differs here from what the SIS says, a row each."""
    left = limit if limit is not None else 1 << 62
    for kind in (entity,) if entity else Entity:
        after_id = 0
        while True:
            async with db.read() as c:
                found = await edits.edited(c, integration, kind, None, after_id=after_id, limit=PAGE)
            for one in found:
                for name, (ours, theirs) in one.fields.items():
                    if left <= 0:
                        return
                    left -= 1
                    yield {
                        "integration": integration,
                        "entity": kind.value,
                        "external_id": one.external_id,
                        "internal_id": one.internal_id,
                        "field": name,
                        "local": ours,
                        "sis": theirs,
                    }
            if len(found) < PAGE:
                break
            after_id = found[-1].mapping_id


async def count_edited(
    db: Database, integration: str, entity: Entity, external_ids: Collection[str], fields: Collection[str]
) -> int:
    """How many records have an edit that would be given back."""
    async with db.read() as c:
        found = await edits.edited(c, integration, entity, external_ids or None, limit=MOST)
    return sum(1 for one in found if not fields or set(fields) & one.fields.keys())


async def count_active(
    db: Database,
    integration: str,
    entity: Entity,
    external_ids: Collection[str],
    where: Mapping[str, str],
) -> int:
    """How many active records are named, or chosen by single fields (references as external ids).

    Raises ``UsageError`` for a field that cannot choose and a reference to what is not here.
    """
    async with db.read() as c:
        chosen = await edits.chosen_by(c, integration, entity, where)
        return len(await edits.active(c, integration, entity, external_ids or None, chosen))
