"""Tables that grow at one end alone: events, requests of people, the audit. Their numbers, from either end."""

from __future__ import annotations

from array import array
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from siscon.domain.events import Level
from siscon.store.database import Connection

AFTER = "SELECT {key} AS id FROM {table} WHERE {key} > :after AND {where} ORDER BY {key} LIMIT :limit"
NEWEST = "SELECT {key} AS id FROM {table} WHERE {where} ORDER BY {key} DESC LIMIT :limit"
COUNT = "SELECT count(*) AS n FROM {table} WHERE {where}"
NEXT = "SELECT min({key}) AS id FROM {table} WHERE {key} > :from_id AND {where}"
BEFORE = "SELECT max({key}) AS id FROM {table} WHERE {key} < :from_id AND {where}"
ANYTHING = "1"
CHUNK = 20_000
LOUD: Mapping[Level, str] = {
    Level.INFO: ANYTHING,
    Level.WARNING: "level <> 'info'",
    Level.ERROR: "level = 'error'",
}
"""For the least level that is wanted what a row must be."""


@dataclass(frozen=True, slots=True)
class Journal:
    """Which rows of which table: ``where`` is made in this module alone, its values stand in ``params``."""

    table: str
    key: str
    where: str = ANYTHING
    params: Mapping[str, Any] = field(default_factory=dict)

    def sql(self, statement: str) -> str:
        """A statement of this module for these rows."""
        return statement.format(table=self.table, key=self.key, where=self.where)


def of_events(
    *,
    integration: str | None = None,
    run_id: int | None = None,
    least: Level = Level.INFO,
    since_ms: int | None = None,
    holds: str = "",
) -> Journal:
    """Events that are at least so loud, and hold a text in what they say or in their integration's name."""
    wanted = {
        "run_id = :run_id": ("run_id", run_id),
        "integration = :integration": ("integration", integration),
        "at_ms >= :since_ms": ("since_ms", since_ms),
        _holding("text", "integration", "kind"): ("holds", holds or None),
    }
    return _journal("events", "id", wanted, LOUD[least])


def of_requests(*, holds: str = "") -> Journal:
    """What people asked for; a text is looked for in who, what and the answer, never in what pupils' fields hold."""
    return _journal("commands", "id", {_holding("actor", "kind", "answer"): ("holds", holds or None)})


def of_audit(*, holds: str = "") -> Journal:
    """Who did what."""
    where = _holding("actor", "action", "target", "detail")
    return _journal("audit", "seq", {where: ("holds", holds or None)})


def _holding(*columns: str) -> str:
    # Beside this, LIKE would take signs of the text for wild cards and instr alone would heed capitals.
    return " || char(10) || ".join(f"coalesce(lower({one}), '')" for one in columns).join(
        ("instr(", ", lower(:holds)) > 0")
    )


def _journal(table: str, key: str, wanted: Mapping[str, tuple[str, Any]], *fixed: str) -> Journal:
    """Only what is asked for stands in the statement, so that an index that fits is used."""
    asked = {clause: told for clause, told in wanted.items() if told[1] is not None}
    return Journal(table, key, " AND ".join([*asked, *fixed]) or ANYTHING, dict(asked.values()))


async def ids(c: Connection, journal: Journal, *, after: int = 0) -> AsyncIterator[array[int]]:
    """The numbers after one, oldest first, in chunks."""
    while True:
        told = {**journal.params, "after": after, "limit": CHUNK}
        chunk = array("q", [row["id"] for row in await c.all(journal.sql(AFTER), told)])
        if chunk:
            yield chunk
        if len(chunk) < CHUNK:
            return
        after = chunk[-1]


async def newest(c: Connection, journal: Journal, *, limit: int) -> array[int]:
    """The numbers of the newest rows, oldest of them first."""
    rows = await c.all(journal.sql(NEWEST), {**journal.params, "limit": limit})
    return array("q", [row["id"] for row in reversed(rows)])


async def count(c: Connection, journal: Journal) -> int:
    """How many rows there are."""
    row = await c.one(journal.sql(COUNT), journal.params)
    return int(row["n"]) if row else 0


async def neighbour(c: Connection, journal: Journal, from_id: int, *, back: bool) -> int | None:
    """The number of the next row after one, or of the last before it; None where there is none."""
    row = await c.one(journal.sql(BEFORE if back else NEXT), {**journal.params, "from_id": from_id})
    return None if row is None or row["id"] is None else int(row["id"])
