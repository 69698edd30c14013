"""Tables that grow at one end alone: events, requests of people, the audit. Their numbers, from either end."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from siscon.domain.errors import DatabaseError
from siscon.domain.events import Level
from siscon.domain.filters import ALL, Filter
from siscon.store import filtered, filtering
from siscon.store.database import Connection, Row
from siscon.store.filtering import Fields

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
    where: Filter = ALL,
) -> Journal:
    """Events that are at least so loud, and that a filter means."""
    wanted = {
        "run_id = :run_id": ("run_id", run_id),
        "integration = :integration": ("integration", integration),
        "at_ms >= :since_ms": ("since_ms", since_ms),
    }
    return _journal("events", "id", wanted, where, filtered.EVENTS, LOUD[least])


def of_requests(*, where: Filter = ALL) -> Journal:
    """What people asked for; the body is no column: it may hold what pupils' fields do."""
    return _journal("commands", "id", {}, where, filtered.REQUESTS)


def of_audit(
    *,
    actor: str | None = None,
    action: str | None = None,
    target: str | None = None,
    since_ms: int | None = None,
    until_ms: int | None = None,
    where: Filter = ALL,
) -> Journal:
    """Who did what; ``actor``, ``action`` and ``target`` are pieces of what is written there."""
    wanted = {
        "instr(lower(actor), lower(:actor))": ("actor", actor),
        "instr(lower(replace(action, '_', ' ')), lower(replace(:action, '_', ' ')))": ("action", action),
        "instr(lower(target), lower(:target))": ("target", target),
        "at_ms >= :since_ms": ("since_ms", since_ms),
        "at_ms < :until_ms": ("until_ms", until_ms),
    }
    return _journal("audit", "seq", wanted, where, filtered.AUDIT)


def _journal(
    table: str, key: str, wanted: Mapping[str, tuple[str, Any]], where: Filter, fields: Fields, *fixed: str
) -> Journal:
    """Only what is asked for stands in the statement, so that an index that fits is used."""
    asked = {clause: told for clause, told in wanted.items() if told[1] is not None}
    told = [*asked, *fixed, filtering.clause(where, fields)]
    return Journal(table, key, " AND ".join(told), {**dict(asked.values()), **filtering.params(where)})


async def after(c: Connection, journal: Journal, number: int) -> array[int]:
    """The next numbers after one, oldest first; fewer than ``CHUNK`` are the last."""
    told = {**journal.params, "after": number, "limit": CHUNK}
    return _numbers(journal, await c.all(journal.sql(AFTER), told))


async def newest(c: Connection, journal: Journal, *, limit: int) -> array[int]:
    """The numbers of the newest rows, oldest of them first."""
    rows = await c.all(journal.sql(NEWEST), {**journal.params, "limit": limit})
    return _numbers(journal, rows[::-1])


def _numbers(journal: Journal, rows: Sequence[Row]) -> array[int]:
    try:
        return array("q", [row["id"] for row in rows])
    except TypeError as error:
        raise DatabaseError(
            f"The table {journal.table} was made anew: a row of it has no number. 'siscon doctor' examines the "
            "database, 'siscon audit verify' the audit.",
            code="no_number",
        ) from error


async def count(c: Connection, journal: Journal) -> int:
    """How many rows there are."""
    row = await c.one(journal.sql(COUNT), journal.params)
    return int(row["n"]) if row else 0


async def neighbour(c: Connection, journal: Journal, from_id: int, *, back: bool) -> int | None:
    """The number of the next row after one, or of the last before it; None where there is none."""
    row = await c.one(journal.sql(BEFORE if back else NEXT), {**journal.params, "from_id": from_id})
    return None if row is None or row["id"] is None else int(row["id"])
