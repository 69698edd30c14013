"""The ids of the rows of a table that are meant, a stretch at a time, in the order in which a list shows them.

A stretch may be empty: so far nothing was found. Each is a reading of its own, short, for a database has few readers.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from siscon.domain.errors import UsageError
from siscon.domain.filters import Order
from siscon.store.database import Database, Row
from siscon.store.filtering import Fields, FromJson

# The database makes one text of many ids: a row of the driver for each would cost ten times as much.
BY_ID = """
SELECT json_group_array(id) FROM (SELECT id FROM {table} WHERE {chosen} AND {key} {beyond} :after
  ORDER BY {key} {way} LIMIT :limit)
"""
# An index would be walked from end to end for each window.
IN_WINDOW = """
SELECT json_group_array(id) FROM (SELECT id FROM {table} NOT INDEXED
  WHERE id {beyond} :after AND id {within} :last AND {chosen} ORDER BY id {way})
"""
COUNT_WINDOW = """
SELECT count(*) FROM {table} NOT INDEXED WHERE id {beyond} :after AND id {within} :last AND {chosen}
"""
# Each by itself is the end of the index; both in one question would walk all of it.
ENDS = "SELECT (SELECT min(id) FROM {table}), (SELECT max(id) FROM {table})"
SORTED = """
SELECT json_group_array(id) FROM (SELECT id FROM {table} WHERE {chosen}
  ORDER BY coalesce({by}, '') = '', {by} {way}, id LIMIT :limit)
"""
COUNT = "SELECT count(*) FROM {table} WHERE {chosen}"

FIRST = 512
"""So many ids come first, that rows can be shown before all are known."""
CHUNK = 10_000
"""So many at a time: more of them would cost less trips and more memory."""
MANY = 50_000
"""So many are sorted that an index finds in another order; for more, to look at every row costs less."""
LONG_S = 0.05
"""So long a stretch of rows may take of which every one is looked at; the next is made shorter."""
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
    if not meant.by_index:
        windows = _windows(db, meant, COUNT_WINDOW, await _ends(db, meant), down=False)
        return sum([int(row[0]) async for row in windows])
    async with db.read() as c:
        row = await c.one(COUNT.format(table=meant.table, chosen=meant.chosen), meant.params)
    return int(row[0]) if row is not None else 0


async def by_id(db: Database, meant: Meant, *, down: bool = False) -> AsyncIterator[list[int]]:
    """The ids of all rows that are meant.

    An index is asked twice: where it has even more, to sort all of it for each stretch costs more than to look at
    every row.
    """
    ends = await _ends(db, meant)
    if ends is None:
        return
    first, last = ends
    after = last + 1 if down else first - 1
    sql = BY_ID.format(**_names(meant, down=down), key=meant.key)
    limits = [FIRST, MANY] if meant.key != "id" else itertools.chain([FIRST], itertools.repeat(CHUNK))
    for limit in limits if meant.by_index else ():
        async with db.read() as c:
            found = _ids(await c.one(sql, {**meant.params, "after": after, "limit": limit}))
        yield found
        if len(found) < limit:
            return
        after = found[-1]
    left = (first, after - 1) if down else (after + 1, last)
    async for row in _windows(db, meant, IN_WINDOW, left, down=down):
        yield _ids(row)


async def _ends(db: Database, meant: Meant) -> tuple[int, int] | None:
    """The first id of the table and the last; None where it is empty."""
    async with db.read() as c:
        row = await c.one(ENDS.format(table=meant.table))
    return None if row is None or row[0] is None else (int(row[0]), int(row[1]))


async def _windows(
    db: Database, meant: Meant, sql: str, ends: tuple[int, int] | None, *, down: bool
) -> AsyncIterator[Row]:
    """What a statement says of one stretch of ids after the other, the stretches as long as they may take."""
    if ends is None:
        return
    sql = sql.format(**_names(meant, down=down))
    after, end = (ends[1] + 1, ends[0]) if down else (ends[0] - 1, ends[1])
    size = FIRST
    while after > end if down else after < end:
        last = max(end, after - size) if down else min(end, after + size)
        began_s = time.monotonic()
        async with db.read() as c:
            row = await c.one(sql, {**meant.params, "after": after, "last": last})
        if row is not None:
            yield row
        took_s = time.monotonic() - began_s
        size = (
            min(CHUNK, size * 4)
            if took_s < LONG_S / 4
            else max(FIRST, size // 2)
            if took_s > LONG_S
            else size
        )
        after = last


def _names(meant: Meant, *, down: bool) -> dict[str, str]:
    way = (
        {"way": "DESC", "beyond": "<", "within": ">="}
        if down
        else {"way": "ASC", "beyond": ">", "within": "<="}
    )
    return {"table": meant.table, "chosen": meant.chosen, **way}


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
        found = _ids(await c.one(SORTED.format(**names), {**meant.params, "limit": MOST_SORTED}))
    yield found


def _ids(row: Any) -> list[int]:
    found: list[int] = json.loads(row[0]) if row is not None else []
    return found
