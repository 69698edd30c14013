"""The ids of the rows of a table that are meant, a stretch at a time, in the order in which a list shows them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from siscon.domain.errors import UsageError
from siscon.domain.filters import Order
from siscon.store.database import Database
from siscon.store.filtering import Fields, FromJson

# The database makes one text of many ids: a row of the driver for each would cost ten times as much.
BY_ID = """
SELECT json_group_array(id) FROM (SELECT id FROM {table} WHERE {chosen} AND {key} {beyond} :after
  ORDER BY {key} {way} LIMIT :limit)
"""
IN_WINDOW = """
SELECT json_group_array(id) FROM (SELECT id FROM {table} WHERE id {beyond} :after AND id {within} :last AND {chosen}
  ORDER BY id {way})
"""
# Each by itself is the end of the index; both in one question would walk all of it.
ENDS = "SELECT (SELECT min(id) FROM {table}), (SELECT max(id) FROM {table})"
SORTED = """
SELECT json_group_array(id) FROM (SELECT id FROM {table} WHERE {chosen}
  ORDER BY {by} IS NULL, {by} {way}, id LIMIT :limit)
"""
COUNT = "SELECT count(*) FROM {table} WHERE {chosen}"

FIRST = 512
"""So many ids come first, that rows can be shown before all are known."""
CHUNK = 50_000
MOST_SORTED = 20_000
"""A list that no index holds in order is sorted up to this length."""


@dataclass(frozen=True, slots=True)
class Meant:
    """Rows of a table: the condition that chooses them and the values of its placeholders.

    ``by_index`` says that the condition finds them without looking at every row; ``key`` "+id" that SQLite must not
    walk the table for their order instead.
    """

    table: str
    chosen: str = "TRUE"
    params: Mapping[str, Any] = field(default_factory=dict)
    by_index: bool = True
    key: str = "id"


async def count(db: Database, meant: Meant) -> int:
    """How many rows are meant."""
    async with db.read() as c:
        row = await c.one(COUNT.format(table=meant.table, chosen=meant.chosen), meant.params)
    return int(row[0]) if row is not None else 0


async def by_id(db: Database, meant: Meant, *, down: bool = False) -> AsyncIterator[list[int]]:
    """The ids of all rows that are meant, each stretch a reading of its own, so that nobody waits for the last."""
    sql = BY_ID if meant.by_index else IN_WINDOW
    names = {"table": meant.table, "key": meant.key, "chosen": meant.chosen, "way": "DESC" if down else "ASC"}
    sql = sql.format(**names, beyond="<" if down else ">", within=">=" if down else "<=")
    async with db.read() as c:
        ends = await c.one(ENDS.format(table=meant.table))
    if ends is None or ends[0] is None:
        return
    after, end = (ends[1] + 1, ends[0]) if down else (ends[0] - 1, ends[1])
    limit = FIRST
    while after > end if down else after < end:
        last = max(end, after - limit) if down else min(end, after + limit)
        params = {**meant.params, "after": after, "last": last, "limit": limit}
        async with db.read() as c:
            found = _ids(await c.one(sql, params))
        if found:
            yield found
        if meant.by_index and len(found) < limit:
            return
        after, limit = found[-1] if meant.by_index else last, CHUNK


async def in_order(db: Database, meant: Meant, fields: Fields, order: Order) -> AsyncIterator[list[int]]:
    """The ids of rows that are few, by a column; raises ``UsageError`` where they are many."""
    if await count(db, meant) > MOST_SORTED:
        raise UsageError(
            f"More than {MOST_SORTED:,} rows are not sorted by {order.column}: no index holds them so. Narrow the "
            "list first.",
            code="too_many_to_sort",
        )
    behind = next(behind for column, behind in fields.items() if column.name == order.column)
    by = behind.sql if isinstance(behind, FromJson) else behind
    names = {"table": meant.table, "chosen": meant.chosen, "by": by, "way": "DESC" if order.down else "ASC"}
    async with db.read() as c:
        yield _ids(await c.one(SORTED.format(**names), {**meant.params, "limit": MOST_SORTED}))


def _ids(row: Any) -> list[int]:
    found: list[int] = json.loads(row[0]) if row is not None else []
    return found
