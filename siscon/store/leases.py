"""Leases and engines: who holds what, until when, under which fence."""

from __future__ import annotations

from siscon.domain.leases import EngineInfo, Lease
from siscon.store.database import Connection

FIND_LEASE = "SELECT 1 FROM leases WHERE name = :name AND owner = :owner AND fence = :fence"
FIND_HOLDER = "SELECT owner, expires_at_ms FROM leases WHERE name = :name"

# A moment further ahead than any lease may reach was written before the clock was set back: it counts as past.
TAKE_LEASE = """
INSERT INTO leases (name, owner, fence, expires_at_ms) VALUES (:name, :owner, 1, :expires_at_ms)
ON CONFLICT (name) DO UPDATE SET
  fence = leases.fence + (CASE WHEN leases.owner = excluded.owner THEN 0 ELSE 1 END),
  owner = excluded.owner,
  expires_at_ms = excluded.expires_at_ms
WHERE leases.owner = excluded.owner OR leases.expires_at_ms < :now_ms OR leases.expires_at_ms > :absurd_ms
RETURNING fence
"""
RENEW_LEASE = """
UPDATE leases SET expires_at_ms = :expires_at_ms WHERE name = :name AND owner = :owner AND fence = :fence
"""
RELEASE_LEASE = """
UPDATE leases SET owner = '', expires_at_ms = 0 WHERE name = :name AND owner = :owner AND fence = :fence
"""
TAKE_AWAY_LEASES = "UPDATE leases SET owner = '', expires_at_ms = 0, fence = fence + 1 WHERE owner = :owner"

REGISTER_ENGINE = """
INSERT INTO engines (id, host, pid, version, started_at_ms, seen_at_ms)
VALUES (:id, :host, :pid, :version, :started_at_ms, :seen_at_ms)
ON CONFLICT (id) DO UPDATE SET
  host = excluded.host, pid = excluded.pid, version = excluded.version,
  started_at_ms = excluded.started_at_ms, seen_at_ms = excluded.seen_at_ms, stopped_at_ms = NULL
"""
ENGINE_SEEN = "UPDATE engines SET seen_at_ms = :now_ms WHERE id = :id"
ENGINE_STOPPED = "UPDATE engines SET seen_at_ms = :now_ms, stopped_at_ms = :now_ms WHERE id = :id"
LIST_ENGINES = """
SELECT e.*, (e.stopped_at_ms IS NULL AND l.owner = e.id AND l.expires_at_ms >= :now_ms) AS alive
FROM engines e LEFT JOIN leases l ON l.name = 'engine:' || e.id
ORDER BY e.started_at_ms DESC, e.id LIMIT 50
"""
# Ids of engines never come again, so nobody can show an old fence of theirs. Whoever lives has not stopped, whatever
# the clock says.
FORGET_LEASES = """
DELETE FROM leases WHERE owner = '' AND name IN (SELECT 'engine:' || id FROM engines WHERE stopped_at_ms < :before_ms)
"""
FORGET_ENGINES = """
DELETE FROM engines WHERE stopped_at_ms < :before_ms AND NOT EXISTS (
  SELECT 1 FROM leases l WHERE l.name = 'engine:' || engines.id)
"""

_SKEW_MS = 60_000


async def take(c: Connection, name: str, owner: str, *, ttl_s: float, now_ms: int) -> Lease | None:
    """Take a lease that is free, run out or already ours; None when somebody else holds it.

    The fence grows when the owner changes; the same owner taking again goes on under the same fence.
    """
    ttl_ms = int(ttl_s * 1000)
    row = await c.one(
        TAKE_LEASE,
        {
            "name": name,
            "owner": owner,
            "expires_at_ms": now_ms + ttl_ms,
            "now_ms": now_ms,
            "absurd_ms": now_ms + ttl_ms + _SKEW_MS,
        },
    )
    return None if row is None else Lease(name, owner, row["fence"])


async def renew(c: Connection, lease: Lease, *, ttl_s: float, now_ms: int) -> bool:
    """Hold a lease for longer; False when somebody else has it now."""
    shown = {"name": lease.name, "owner": lease.owner, "fence": lease.fence}
    return await c.run(RENEW_LEASE, {**shown, "expires_at_ms": now_ms + int(ttl_s * 1000)}) == 1


async def release(c: Connection, lease: Lease) -> None:
    """Give a lease back; nothing happens when it is no longer ours. Its fence number stays for the next owner."""
    await c.run(RELEASE_LEASE, {"name": lease.name, "owner": lease.owner, "fence": lease.fence})


async def take_away(c: Connection, owner: str) -> int:
    """Take every lease from an owner that is dead for certain; how many it had. Woken, it would write nothing."""
    return await c.run(TAKE_AWAY_LEASES, {"owner": owner})


async def holder(c: Connection, name: str, *, now_ms: int) -> str | None:
    """Who holds a lease at a moment, or None."""
    row = await c.one(FIND_HOLDER, {"name": name})
    return row["owner"] if row and row["owner"] and row["expires_at_ms"] >= now_ms else None


async def register_engine(c: Connection, info: EngineInfo) -> None:
    """Write down an engine that starts; its lease ``engine:<id>`` is taken beside this."""
    await c.run(
        REGISTER_ENGINE,
        {
            "id": info.id,
            "host": info.host,
            "pid": info.pid,
            "version": info.version,
            "started_at_ms": info.started_at_ms,
            "seen_at_ms": info.seen_at_ms,
        },
    )


async def seen(c: Connection, engine_id: str, now_ms: int) -> None:
    """Note that an engine was alive at a moment."""
    await c.run(ENGINE_SEEN, {"id": engine_id, "now_ms": now_ms})


async def engine_stopped(c: Connection, engine_id: str, now_ms: int) -> None:
    """Note that an engine ended in good order."""
    await c.run(ENGINE_STOPPED, {"id": engine_id, "now_ms": now_ms})


async def forget_engines(c: Connection, before_ms: int) -> None:
    """Forget the engines that ended before a moment: each start leaves one, for ever otherwise."""
    await c.run(FORGET_LEASES, {"before_ms": before_ms})
    await c.run(FORGET_ENGINES, {"before_ms": before_ms})


async def engines(c: Connection, *, now_ms: int) -> list[EngineInfo]:
    """The newest 50 engines; alive is one whose lease has not run out and that has not said goodbye."""
    return [
        EngineInfo(
            id=row["id"],
            host=row["host"],
            pid=row["pid"],
            version=row["version"],
            started_at_ms=row["started_at_ms"],
            seen_at_ms=row["seen_at_ms"],
            alive=bool(row["alive"]),
        )
        for row in await c.all(LIST_ENGINES, {"now_ms": now_ms})
    ]
