"""Integrations: what is connected, what is on or off, and how each is doing."""

from __future__ import annotations

from siscon.domain.integrations import Integration
from siscon.domain.retry import Breaker
from siscon.store import mappings
from siscon.store.database import Connection, Row

COLUMNS = """name, provider, title, enabled, paused, schedule, requests_per_minute, activated_at_ms, next_due_at_ms,
  last_good_at_ms, last_error, failing_since_ms, breaker_state, breaker_until_ms, paused_until_ms"""
ACTIVATE = """
INSERT INTO integrations (name, provider, title, schedule, requests_per_minute, activated_at_ms)
VALUES (:name, :provider, :title, :schedule, :requests_per_minute, :now_ms)
ON CONFLICT (name) DO UPDATE SET
  provider = excluded.provider, title = excluded.title, schedule = excluded.schedule,
  requests_per_minute = excluded.requests_per_minute, removed_at_ms = NULL
"""
LIST_ALL = f"SELECT {COLUMNS} FROM integrations WHERE removed_at_ms IS NULL ORDER BY name"
FIND = f"SELECT {COLUMNS} FROM integrations WHERE name = :name AND removed_at_ms IS NULL"
FIND_PACKAGE = "SELECT package FROM integrations WHERE name = :name"
NOTE_PACKAGE = "UPDATE integrations SET package = :package WHERE name = :name"
SET_PAUSED = "UPDATE integrations SET paused = :paused, paused_until_ms = :until_ms WHERE name = :name"
PAUSES_OVER = """
SELECT name FROM integrations
WHERE paused = 1 AND enabled = 1 AND paused_until_ms <= :now_ms AND removed_at_ms IS NULL ORDER BY name
"""
SET_ENABLED = "UPDATE integrations SET enabled = :enabled WHERE name = :name"
NOTE_GOOD = """
UPDATE integrations SET last_good_at_ms = :at_ms, last_error = '', failing_since_ms = NULL WHERE name = :name
"""
NOTE_FAILURE = """
UPDATE integrations SET last_error = :sentence, failing_since_ms = coalesce(failing_since_ms, :at_ms)
WHERE name = :name
"""

FIND_BREAKER = "SELECT breaker_state, breaker_failures, breaker_until_ms FROM integrations WHERE name = :name"
SAVE_BREAKER = """
UPDATE integrations SET breaker_state = :state, breaker_failures = :failures, breaker_until_ms = :until_ms
WHERE name = :name
"""


async def activate(
    c: Connection,
    *,
    name: str,
    provider: str,
    title: str,
    schedule: str,
    requests_per_minute: int,
    now_ms: int,
) -> None:
    """Write down an integration as configured and make its table of mappings; its history stays."""
    await mappings.create_table(c, name)
    await c.run(
        ACTIVATE,
        {
            "name": name,
            "provider": provider,
            "title": title,
            "schedule": schedule,
            "requests_per_minute": requests_per_minute,
            "now_ms": now_ms,
        },
    )


async def all_integrations(c: Connection) -> list[Integration]:
    """Every integration activated and not removed, by name."""
    return [_integration(row) for row in await c.all(LIST_ALL)]


async def one(c: Connection, name: str) -> Integration | None:
    """The integration of that name, or None."""
    row = await c.one(FIND, {"name": name})
    return None if row is None else _integration(row)


async def note_package(c: Connection, name: str, package: str) -> str:
    """Write down whose code reads it; what stood there before, empty for the first."""
    row = await c.one(FIND_PACKAGE, {"name": name})
    before = str(row["package"]) if row is not None else ""
    if before != package:
        await c.run(NOTE_PACKAGE, {"name": name, "package": package})
    return before


async def set_paused(c: Connection, name: str, paused: bool, *, until_ms: int | None = None) -> None:
    """Let its schedules start nothing, until a moment if one is told, or let them go on."""
    await c.run(SET_PAUSED, {"name": name, "paused": int(paused), "until_ms": until_ms if paused else None})


async def pauses_over(c: Connection, *, now_ms: int) -> list[str]:
    """The integrations that were paused until a moment that has come."""
    return [row["name"] for row in await c.all(PAUSES_OVER, {"now_ms": now_ms})]


async def set_enabled(c: Connection, name: str, enabled: bool) -> None:
    """Say whether the configuration has it switched on."""
    await c.run(SET_ENABLED, {"name": name, "enabled": int(enabled)})


async def note_good(c: Connection, name: str, at_ms: int) -> None:
    """A run came through: whatever failed before is over."""
    await c.run(NOTE_GOOD, {"name": name, "at_ms": at_ms})


async def note_failure(c: Connection, name: str, sentence: str, at_ms: int) -> None:
    """A run failed; the moment of the first failure in a row stays."""
    await c.run(NOTE_FAILURE, {"name": name, "sentence": sentence, "at_ms": at_ms})


async def breaker(c: Connection, name: str) -> Breaker:
    """The breaker of an integration's credential, as it was left."""
    row = await c.one(FIND_BREAKER, {"name": name})
    if row is None:
        return Breaker()
    return Breaker(row["breaker_failures"], row["breaker_until_ms"] or 0, row["breaker_state"] == "trying")


async def save_breaker(c: Connection, name: str, breaker: Breaker) -> None:
    """Write down a breaker, so that it can be seen, is shared and outlives the engine."""
    state = "trying" if breaker.probing else "open" if breaker.open_until_ms else "closed"
    told = {"failures": breaker.failures, "until_ms": breaker.open_until_ms or None}
    await c.run(SAVE_BREAKER, {**told, "name": name, "state": state})


def _integration(row: Row) -> Integration:
    return Integration(
        name=row["name"],
        provider=row["provider"],
        title=row["title"],
        enabled=bool(row["enabled"]),
        paused=bool(row["paused"]),
        schedule=row["schedule"],
        requests_per_minute=row["requests_per_minute"],
        activated_at_ms=row["activated_at_ms"],
        next_due_at_ms=row["next_due_at_ms"],
        last_good_at_ms=row["last_good_at_ms"],
        last_error=row["last_error"],
        failing_since_ms=row["failing_since_ms"],
        breaker_state=row["breaker_state"],
        breaker_until_ms=row["breaker_until_ms"],
        paused_until_ms=row["paused_until_ms"],
    )
