"""Mass changes that people expect: declared beforehand with a share and an end."""

from __future__ import annotations

from dataclasses import dataclass

from siscon.domain.guards import Expected, Mass
from siscon.domain.records import Entity
from siscon.store.database import Connection, Row

DECLARE = """
INSERT INTO rollovers (integration, entity, what, share, until_ms, reason, declared_by, declared_at_ms)
VALUES (:integration, :entity, :what, :share, :until_ms, :reason, :declared_by, :now_ms) RETURNING id
"""
END = """
UPDATE rollovers SET ended_at_ms = :now_ms WHERE id = :id AND ended_at_ms IS NULL AND until_ms > :now_ms
"""
FIND = "SELECT * FROM rollovers WHERE id = :id"
LIST = """
SELECT * FROM rollovers WHERE (:integration IS NULL OR integration = :integration) ORDER BY id DESC LIMIT :limit
"""
ACTIVE = """
SELECT * FROM rollovers WHERE integration = :integration AND ended_at_ms IS NULL AND until_ms > :now_ms ORDER BY id
"""


@dataclass(frozen=True, slots=True)
class Rollover:
    """A declaration as stored; moments in milliseconds since 1970."""

    id: int
    integration: str
    entity: Entity
    what: Mass
    share: float
    until_ms: int
    reason: str
    declared_by: str
    declared_at_ms: int
    ended_at_ms: int | None

    def is_active(self, now_ms: int) -> bool:
        """Whether it still lets anything through."""
        return self.ended_at_ms is None and self.until_ms > now_ms


async def declare(
    c: Connection,
    *,
    integration: str,
    entity: Entity,
    what: Mass,
    share: float,
    until_ms: int,
    reason: str,
    declared_by: str,
    now_ms: int,
) -> int:
    """Store a declaration; its number."""
    row = await c.one(
        DECLARE,
        {
            "integration": integration,
            "entity": entity.value,
            "what": what.value,
            "share": share,
            "until_ms": until_ms,
            "reason": reason,
            "declared_by": declared_by,
            "now_ms": now_ms,
        },
    )
    assert row is not None, "an insert returns its row"
    return int(row["id"])


async def end(c: Connection, rollover_id: int, *, now_ms: int) -> bool:
    """End a declaration before its time; False when it has ended already."""
    return await c.run(END, {"id": rollover_id, "now_ms": now_ms}) == 1


async def get(c: Connection, rollover_id: int) -> Rollover | None:
    """The declaration of that number, or None."""
    row = await c.one(FIND, {"id": rollover_id})
    return None if row is None else _rollover(row)


async def latest(c: Connection, *, integration: str | None = None, limit: int = 200) -> list[Rollover]:
    """Declarations, newest first, those that ended among them."""
    return [_rollover(row) for row in await c.all(LIST, {"integration": integration, "limit": limit})]


async def active(c: Connection, integration: str, *, now_ms: int) -> list[Expected]:
    """What may be more than usual at this moment."""
    rows = await c.all(ACTIVE, {"integration": integration, "now_ms": now_ms})
    return [Expected(one.id, one.entity, one.what, one.share) for one in map(_rollover, rows)]


def _rollover(row: Row) -> Rollover:
    return Rollover(
        id=row["id"],
        integration=row["integration"],
        entity=Entity(row["entity"]),
        what=Mass(row["what"]),
        share=row["share"],
        until_ms=row["until_ms"],
        reason=row["reason"],
        declared_by=row["declared_by"],
        declared_at_ms=row["declared_at_ms"],
        ended_at_ms=row["ended_at_ms"],
    )
