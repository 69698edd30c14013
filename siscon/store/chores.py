"""Chores as stored: the next moment of each, and what came of the last time."""

from __future__ import annotations

import json
from collections.abc import Iterable

from siscon.domain.chores import ChoreState
from siscon.store.database import Connection, Row

ALL = "SELECT * FROM chores ORDER BY name"
SET_DUE = """
INSERT INTO chores (name, due_at_ms) VALUES (:name, :due_at_ms)
ON CONFLICT (name) DO UPDATE SET due_at_ms = excluded.due_at_ms
"""
RETIRE = """
UPDATE chores SET due_at_ms = :never_ms
WHERE due_at_ms < :never_ms AND name NOT IN (SELECT value FROM json_each(:kept))
"""
DONE = """
UPDATE chores SET due_at_ms = :due_at_ms, last_at_ms = :at_ms, last_took_ms = :took_ms, last_ok = :ok,
  last_told = :told, last_good_at_ms = CASE WHEN :ok THEN :at_ms ELSE last_good_at_ms END
WHERE name = :name
"""


async def all_chores(c: Connection) -> dict[str, ChoreState]:
    """Every chore that an engine has ever armed, by name."""
    return {row["name"]: _state(row) for row in await c.all(ALL)}


async def set_due(c: Connection, name: str, due_at_ms: int) -> None:
    """When a chore is due next."""
    await c.run(SET_DUE, {"name": name, "due_at_ms": due_at_ms})


async def retire(c: Connection, kept: Iterable[str], *, never_ms: int) -> None:
    """Let nobody wait for chores that no configuration wants any more; what came of them stays."""
    await c.run(RETIRE, {"kept": json.dumps(list(kept)), "never_ms": never_ms})


async def done(
    c: Connection, name: str, *, ok: bool, told: str, at_ms: int, took_ms: int, due_at_ms: int
) -> None:
    """Write down what came of a chore, and when it is due next."""
    values = {"name": name, "ok": ok, "told": told, "at_ms": at_ms, "took_ms": took_ms}
    await c.run(DONE, {**values, "due_at_ms": due_at_ms})


def _state(row: Row) -> ChoreState:
    return ChoreState(
        name=row["name"],
        due_at_ms=row["due_at_ms"],
        last_at_ms=row["last_at_ms"],
        last_took_ms=row["last_took_ms"],
        last_ok=None if row["last_ok"] is None else bool(row["last_ok"]),
        last_told=row["last_told"],
        last_good_at_ms=row["last_good_at_ms"],
    )
