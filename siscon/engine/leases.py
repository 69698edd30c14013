"""The leases an engine holds: taken with what happens when they are lost, renewed together, released one by one."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from siscon.domain.errors import DatabaseError
from siscon.domain.leases import HEARTBEAT_S, LEASE_TTL_S, Lease
from siscon.store import leases
from siscon.store.database import Connection, Database

log = logging.getLogger(__name__)

RETRY_S = 0.2
"""After a heartbeat that the database refused."""
FOR_GOOD = ("replaced", "newer_database")
"""Codes of refusals that only opening the database again can end."""
BELIEVED_AFTER_S = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class _Held:
    lease: Lease
    on_lost: Callable[[], None]


class Holdings:
    """Every lease of one engine.

    ``beaten_s``: when it last tried to renew them, whatever came of it (monotonic); ``refused``: why the database did
    not let it, empty while it does.
    """

    def __init__(self, db: Database, owner: str, *, now_ms: Callable[[], int]) -> None:
        self.owner = owner
        self._db = db
        self._now_ms = now_ms
        self._held: dict[str, _Held] = {}
        self.beaten_s = time.monotonic()
        self.refused = ""

    def held(self, name: str) -> Lease | None:
        """The lease of that name, if this engine holds it."""
        entry = self._held.get(name)
        return entry.lease if entry else None

    async def take_in(self, c: Connection, name: str) -> Lease | None:
        """Take a lease inside the caller's transaction; None when another holds it. Follow with :meth:`keep`."""
        return await leases.take(c, name, self.owner, ttl_s=LEASE_TTL_S, now_ms=self._now_ms())

    def keep(self, lease: Lease, *, on_lost: Callable[[], None]) -> None:
        """Renew a lease from now on; ``on_lost`` is called once if that fails."""
        self._held[lease.name] = _Held(lease, on_lost)

    async def take(self, name: str, *, on_lost: Callable[[], None]) -> Lease | None:
        """Take a lease in a transaction of its own and keep it."""
        async with self._db.transaction() as c:
            lease = await self.take_in(c, name)
        if lease is not None:
            self.keep(lease, on_lost=on_lost)
        return lease

    async def release(self, name: str) -> None:
        """Give a lease back; nothing happens when it is not held."""
        entry = self._held.pop(name, None)
        if entry is None:
            return
        async with self._db.transaction() as c:
            await leases.release(c, entry.lease)

    async def release_all(self) -> None:
        """Give every lease back, in one transaction."""
        entries, self._held = list(self._held.values()), {}
        async with self._db.transaction() as c:
            for entry in entries:
                await leases.release(c, entry.lease)

    async def beat(self) -> None:
        """Renew every lease in one transaction; what another has taken over is lost and says so."""
        entries = list(self._held.values())
        lost: list[_Held] = []
        async with self._db.transaction() as c:
            await leases.seen(c, self.owner, self._now_ms())
            for entry in entries:
                if not await leases.renew(c, entry.lease, ttl_s=LEASE_TTL_S, now_ms=self._now_ms()):
                    lost.append(entry)  # noqa: PERF401 - one await a lease
        for entry in lost:
            if self._held.get(entry.lease.name) is entry:
                del self._held[entry.lease.name]
                log.warning("lease lost: %s", entry.lease.name)
                entry.on_lost()

    async def beat_for_ever(
        self, *, every_s: float = HEARTBEAT_S, believed_after_s: float = BELIEVED_AFTER_S
    ) -> None:
        """The heartbeat. A database that is busy or full for a while is asked again until it answers.

        It ends where the file under its name is another one, or of a newer schema, and stays so.
        """
        other_since_s: float | None = None
        while True:
            try:
                await self.beat()
            except DatabaseError as error:
                self.refused = error.sentence
                log.warning("heartbeat refused: %s", error.sentence)
                wait_s = RETRY_S
                now_s = time.monotonic()
                other_since_s = (other_since_s or now_s) if error.code in FOR_GOOD else None
                if other_since_s is not None and now_s - other_since_s > believed_after_s:
                    return
            else:
                self.refused, wait_s, other_since_s = "", every_s, None
            self.beaten_s = time.monotonic()
            await asyncio.sleep(wait_s)
