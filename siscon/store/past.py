"""A database as it was at a moment, as far as it can tell: temporary views stand before the tables of the same name.

Every query of the store therefore reads the past without knowing of it. What a table knows only as of the end of the
file (tokens, budgets, mappings, counts of a run) stays as it is; whoever shows it says so.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from siscon.domain.errors import DatabaseError
from siscon.domain.past import PastMoment
from siscon.store.database import Connection, Row
from siscon.store.sqlite import SqliteDatabase
from siscon.store.still import open_still

AT = "as_of()"
"""The moment that is looked at, in SQL."""


@dataclass(frozen=True, slots=True)
class AsOf:
    """Which rows of a table were there (``where``), and what other values their columns had."""

    where: str
    columns: Mapping[str, str] = field(default_factory=dict)


def _later(column: str) -> str:
    return f"CASE WHEN {column} <= {AT} THEN {column} END"


# What was last told of a run decides between running and held; a run of which nothing was told since is as it is now.
_LAST = f"""(SELECT e.{{}} FROM main.events e WHERE e.run_id = t.id AND e.at_ms <= {AT}
  AND e.kind IN ('run queued', 'run started', 'run resumed', 'run held') ORDER BY e.id DESC LIMIT 1)"""
_SETTLED = f"""(finished_at_ms <= {AT} OR finished_at_ms IS NULL AND coalesce(started_at_ms, queued_at_ms) <= {AT}
  AND NOT EXISTS (SELECT 1 FROM main.events e WHERE e.run_id = t.id AND e.at_ms > {AT}))"""
_HELD = f"{_LAST.format('kind')} = 'run held'"


def _run(column: str, otherwise: str) -> str:
    """A column of a run that is over, or of which nothing is told later; else another value."""
    return f"CASE WHEN {_SETTLED} THEN {column} ELSE {otherwise} END"


_MENDED_BY = """(SELECT r.finished_at_ms FROM main.runs r WHERE r.integration = t.integration AND r.id > t.run_id
  AND r.kind IN ('import', 'redrive') AND r.finished_at_ms IS NOT NULL ORDER BY r.id LIMIT 1)"""
_GOOD = f"""(SELECT max(r.finished_at_ms) FROM main.runs r WHERE r.integration = t.name AND r.kind = 'import'
  AND r.status LIKE 'completed%' AND r.finished_at_ms <= {AT})"""

PAST: Mapping[str, AsOf] = {
    "runs": AsOf(
        f"queued_at_ms <= {AT}",
        {
            "status": f"""CASE WHEN {_SETTLED} THEN status
  WHEN started_at_ms IS NULL OR started_at_ms > {AT} THEN 'queued' WHEN {_HELD} THEN 'held' ELSE 'running' END""",
            "phase": _run("phase", "NULL"),
            "started_at_ms": _later("started_at_ms"),
            "finished_at_ms": _later("finished_at_ms"),
            "error": _run("error", f"CASE WHEN {_HELD} THEN {_LAST.format('text')} ELSE '' END"),
            "error_code": _run("error_code", "''"),
            "approved_by": _run("approved_by", "NULL"),
            "cancel_requested_by": _run("cancel_requested_by", "NULL"),
            "waiting_until_ms": _run("waiting_until_ms", "NULL"),
        },
    ),
    "events": AsOf(f"at_ms <= {AT}"),
    "changes": AsOf(f"at_ms <= {AT}"),
    "audit": AsOf(f"at_ms <= {AT}"),
    "rollovers": AsOf(f"declared_at_ms <= {AT}", {"ended_at_ms": _later("ended_at_ms")}),
    "conflicts": AsOf(
        f"opened_at_ms <= {AT}",
        {
            "status": f"CASE WHEN settled_at_ms > {AT} THEN 'open' ELSE status END",
            **{
                name: f"CASE WHEN settled_at_ms <= {AT} THEN {name} END"
                for name in ("settled_at_ms", "settled_by", "decision", "settled_run_id")
            },
        },
    ),
    # When a record came through by itself is not written down: by the next run after the last that saw it fail.
    "dead_records": AsOf(
        f"first_seen_at_ms <= {AT}",
        {
            "status": f"CASE WHEN status <> 'open' AND coalesce(settled_at_ms, {_MENDED_BY}) > {AT} THEN 'open'"
            " ELSE status END",
            "last_seen_at_ms": f"min(last_seen_at_ms, {AT})",
        },
    ),
    "commands": AsOf(
        f"left_at_ms <= {AT}",
        {
            "status": f"CASE WHEN answered_at_ms > {AT} THEN 'pending' ELSE status END",
            "answer": f"CASE WHEN answered_at_ms > {AT} THEN '' ELSE answer END",
            "run_id": f"CASE WHEN answered_at_ms > {AT} THEN NULL ELSE run_id END",
            "answered_at_ms": _later("answered_at_ms"),
        },
    ),
    "engines": AsOf(
        f"started_at_ms <= {AT}",
        {"seen_at_ms": f"min(seen_at_ms, {AT})", "stopped_at_ms": _later("stopped_at_ms")},
    ),
    "integrations": AsOf(
        f"activated_at_ms <= {AT}",
        {
            "last_good_at_ms": f"CASE WHEN last_good_at_ms <= {AT} THEN last_good_at_ms ELSE {_GOOD} END",
            "failing_since_ms": _later("failing_since_ms"),
            "last_error": f"CASE WHEN failing_since_ms <= {AT} THEN last_error ELSE '' END",
        },
    ),
}

# An engine was alive from its start until it was last seen.
LEASES = """CREATE TEMP VIEW leases AS
SELECT name, owner, fence, expires_at_ms FROM main.leases WHERE name NOT LIKE 'engine:%'
UNION ALL SELECT 'engine:' || id, id, 0, coalesce(stopped_at_ms, seen_at_ms) FROM main.engines"""
SPAN = """
SELECT min(first) AS first_ms, max(last) AS last_ms, max(event) AS event_ms FROM (
  SELECT min(at_ms) AS first, max(at_ms) AS last, max(at_ms) AS event FROM main.events
  UNION ALL SELECT min(queued_at_ms), max(max(queued_at_ms, coalesce(finished_at_ms, 0))), NULL FROM main.runs)
"""
NEXT = "SELECT at_ms FROM main.events WHERE at_ms > :at_ms ORDER BY id LIMIT 1"
BEFORE = "SELECT at_ms FROM main.events WHERE at_ms < :at_ms ORDER BY id DESC LIMIT 1"


async def open_past(path: Path, past: PastMoment) -> SqliteDatabase:
    """Open a database file so that it shows what it was at a moment, which may be moved meanwhile.

    The moment is brought to the last event of the file. The file stays as it is; raises ``DatabaseError``.
    """
    database = await open_still(path, set_up=lambda connection: _stand_before(connection, past))
    try:
        async with database.read() as c:
            _begin_at_the_end(past, await c.one(SPAN))
    except BaseException:
        await database.close()
        raise
    return database


def _begin_at_the_end(past: PastMoment, span: Row | None) -> None:
    if span is None or span["last_ms"] is None:
        raise DatabaseError("Nothing has ever happened in this database: no event, no run.", code="empty")
    past.first_ms, past.last_ms = span["first_ms"], span["last_ms"]
    past.at_ms = span["event_ms"] or past.last_ms


async def last_moment_ms(c: Connection) -> int:
    """The last moment of which a file tells; raises ``DatabaseError`` where nothing has ever happened."""
    past = PastMoment(0)
    _begin_at_the_end(past, await c.one(SPAN))
    return past.last_ms


async def next_event_ms(c: Connection, at_ms: int) -> int | None:
    """When the next event after a moment happened, or None."""
    row = await c.one(NEXT, {"at_ms": at_ms})
    return None if row is None else int(row["at_ms"])


async def event_before_ms(c: Connection, at_ms: int) -> int | None:
    """When the last event before a moment happened, or None."""
    row = await c.one(BEFORE, {"at_ms": at_ms})
    return None if row is None else int(row["at_ms"])


def _stand_before(connection: sqlite3.Connection, past: PastMoment) -> None:
    """Make the views. The function counts as constant: SQLite asks it once a statement."""
    connection.create_function("as_of", 0, lambda: past.at_ms, deterministic=True)
    for table, as_of in PAST.items():
        names = [
            row[1] for row in connection.execute("SELECT * FROM pragma_table_info(:table)", {"table": table})
        ]
        if not names:  # a table that this schema does not have
            continue
        columns = ", ".join(
            f"{as_of.columns[name]} AS {name}" if name in as_of.columns else name for name in names
        )
        connection.execute(
            f"CREATE TEMP VIEW {table} AS SELECT {columns} FROM main.{table} t WHERE {as_of.where}"
        )
    connection.execute(LEASES)
