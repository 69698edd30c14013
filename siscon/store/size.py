"""How large the database is, and how many rows it holds of what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from siscon.store.database import Connection
from siscon.store.mappings import table_of
from siscon.store.records import TABLES

PAGES = """
SELECT p.page_count AS pages, s.page_size AS size, f.freelist_count AS free
FROM pragma_page_count p, pragma_page_size s, pragma_freelist_count f
"""
COUNT = "SELECT count(*) AS n FROM {table}"
TOLD: Mapping[str, str] = {
    "runs": "runs",
    "changes": "changes",
    "events": "events",
    "audit": "acts",
    "commands": "requests",
}
"""Tables that grow, and what their rows are called."""


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes as a whole, those of them that are free, and rows by what they are called."""

    bytes: int
    free_bytes: int
    rows: Mapping[str, int]


async def measure(c: Connection, integrations: Iterable[str]) -> Size:
    """Count everything; at a million rows of each that takes a good part of a second."""
    page = await c.one(PAGES)
    assert page is not None
    roster = [await _count(c, table) for table in TABLES.values()]
    ties = [await _count(c, table_of(name)) for name in integrations]
    rows = {"records": sum(roster), "mappings": sum(ties)}
    rows |= {word: await _count(c, table) for table, word in TOLD.items()}
    return Size(page["pages"] * page["size"], page["free"] * page["size"], rows)


async def _count(c: Connection, table: str) -> int:
    row = await c.one(COUNT.format(table=table))
    return int(row["n"]) if row else 0
