"""What each run or person did to each record, with the image before: for history and undo."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from siscon.domain.records import Entity
from siscon.store.database import Connection, Row

ADD = """
INSERT INTO changes (at_ms, run_id, integration, entity, external_id, internal_id, kind, before, after, base, rules)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
OF_RECORD = (
    "SELECT * FROM changes WHERE internal_id = :internal_id AND id > :after_id ORDER BY id LIMIT :limit"
)
IDS_OF_RECORD = """
SELECT id FROM changes WHERE internal_id = :internal_id AND id < :before_id ORDER BY id DESC LIMIT :limit
"""
COUNT_OF_RECORD = "SELECT count(*) AS n FROM changes WHERE internal_id = :internal_id"
BY_IDS = "SELECT * FROM changes WHERE id IN (SELECT value FROM json_each(:ids))"
NEWEST = 2**62
CHUNK = 5000


@dataclass(frozen=True, slots=True)
class Change:
    """One applied change. ``before`` and ``after`` are JSON texts of fields; a created record has no before.

    ``base``, with a decision, is the body that was agreed on before it; ``rules`` maps fields to the rule that
    decided them, as JSON text.
    """

    entity: Entity
    external_id: str
    internal_id: int
    kind: str
    before: str | None
    after: str
    base: str | None = None
    rules: str | None = None


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A change as stored."""

    id: int
    at_ms: int
    run_id: int | None
    integration: str
    change: Change


async def add(
    c: Connection, changes: Iterable[Change], *, integration: str, run_id: int | None, at_ms: int
) -> str:
    """Store the changes of one batch; what they say, a line each, for the digest in the audit row of the batch."""
    told, rows = [], []
    for one in changes:
        rows.append(
            (
                at_ms,
                run_id,
                integration,
                one.entity.value,
                one.external_id,
                one.internal_id,
                one.kind,
                one.before,
                one.after,
                one.base,
                one.rules,
            )
        )
        told.append(f"{one.external_id} {one.internal_id} {one.kind} {one.before} {one.after}")
    if rows:
        await c.many(ADD, rows)
    return "\n".join(told)


async def of_record(
    c: Connection, internal_id: int, *, after_id: int = 0, limit: int = 200
) -> list[ChangeRow]:
    """The history of one record, oldest first."""
    params = {"internal_id": internal_id, "after_id": after_id, "limit": limit}
    return [change_row(row) for row in await c.all(OF_RECORD, params)]


async def ids_of_record(c: Connection, internal_id: int, *, before_id: int = NEWEST) -> list[int]:
    """The next numbers of changes of one record before one, newest first; fewer than ``CHUNK`` are the last."""
    params = {"internal_id": internal_id, "before_id": before_id, "limit": CHUNK}
    return [row["id"] for row in await c.all(IDS_OF_RECORD, params)]


async def by_ids(c: Connection, change_ids: Iterable[int]) -> list[ChangeRow]:
    """The changes of these numbers, in no particular order."""
    return [change_row(row) for row in await c.all(BY_IDS, {"ids": json.dumps(list(change_ids))})]


async def count_of_record(c: Connection, internal_id: int) -> int:
    """How often one record was changed."""
    row = await c.one(COUNT_OF_RECORD, {"internal_id": internal_id})
    return int(row["n"]) if row else 0


def change_row(row: Row) -> ChangeRow:
    """A stored row as a change."""
    change = Change(
        Entity(row["entity"]),
        row["external_id"],
        row["internal_id"],
        row["kind"],
        row["before"],
        row["after"],
        row["base"],
        row["rules"],
    )
    return ChangeRow(row["id"], row["at_ms"], row["run_id"], row["integration"], change)
