"""Events: what the engine reports, in the order it happened."""

from __future__ import annotations

import json
from collections.abc import Iterable

from siscon.domain.events import Event, EventKind, Level
from siscon.store.database import Connection, Row

APPEND = """
INSERT INTO events (at_ms, kind, level, integration, run_id, text)
VALUES (:at_ms, :kind, :level, :integration, :run_id, :text)
"""
AFTER = "SELECT * FROM events WHERE id > :id ORDER BY id LIMIT :limit"
LATEST = "SELECT * FROM events ORDER BY id DESC LIMIT :limit"
LATEST_OF_RUN = "SELECT * FROM events WHERE run_id = :run_id ORDER BY id DESC LIMIT :limit"
BY_IDS = "SELECT * FROM events WHERE id IN (SELECT value FROM json_each(:ids))"

_KINDS = {one.value: one for one in EventKind}


async def append(
    c: Connection,
    kind: EventKind,
    level: Level,
    text: str,
    *,
    integration: str | None = None,
    run_id: int | None = None,
    at_ms: int,
) -> None:
    """Report a fact; the sentence holds no pupils' data."""
    told = {"at_ms": at_ms, "kind": kind.value, "level": level.value, "text": text}
    await c.run(APPEND, {**told, "integration": integration, "run_id": run_id})


async def after(c: Connection, event_id: int, *, limit: int = 200) -> list[Event]:
    """What was reported since an event, oldest first."""
    return [_event(row) for row in await c.all(AFTER, {"id": event_id, "limit": limit})]


async def latest(c: Connection, *, limit: int = 200, run_id: int | None = None) -> list[Event]:
    """The latest facts, newest first; with ``run_id`` those of one run."""
    if run_id is None:
        return [_event(row) for row in await c.all(LATEST, {"limit": limit})]
    return [_event(row) for row in await c.all(LATEST_OF_RUN, {"run_id": run_id, "limit": limit})]


async def by_ids(c: Connection, ids: Iterable[int]) -> list[Event]:
    """The facts of these numbers that are still kept, in no particular order."""
    return [_event(row) for row in await c.all(BY_IDS, {"ids": json.dumps(list(ids))})]


def _event(row: Row) -> Event:
    """A kind that a newer engine has reported counts as a note: its sentence can still be read."""
    return Event(
        id=row["id"],
        at_ms=row["at_ms"],
        kind=_KINDS.get(row["kind"], EventKind.PAGE_NOTE),
        level=Level(row["level"]),
        integration=row["integration"],
        run_id=row["run_id"],
        text=row["text"],
    )
