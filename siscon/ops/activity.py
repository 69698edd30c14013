"""What goes on: events of the engine, requests of people, the audit. Each a journal, read from its end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from siscon.domain.events import Event, Level
from siscon.domain.filters import ALL, Filter
from siscon.ops.rows import PAGE, Row, iso
from siscon.store import asked, audit, events, filtered, journals
from siscon.store.asked import Request as Request
from siscon.store.audit import CHANGED as CHANGED
from siscon.store.audit import AuditEntry as AuditEntry
from siscon.store.database import Database
from siscon.store.journals import Journal

EVENT_COLUMNS = tuple(filtered.EVENTS)
REQUEST_COLUMNS = tuple(filtered.REQUESTS)
AUDIT_COLUMNS = tuple(filtered.AUDIT)
"""By what each of the three is filtered."""


@dataclass(frozen=True)
class _Log:
    """What the three have in common; which rows says :meth:`journal`."""

    db: Database

    def journal(self) -> Journal:
        raise NotImplementedError

    async def newest(self, limit: int) -> Sequence[int]:
        """The numbers at the end, oldest of them first."""
        async with self.db.read() as c:
            return await journals.newest(c, self.journal(), limit=limit)

    async def ids(self, after: int = 0) -> AsyncIterator[Sequence[int]]:
        """The numbers after one, oldest first; nobody is kept from reading between two chunks."""
        while True:
            async with self.db.read() as c:
                chunk = await journals.after(c, self.journal(), after)
            if chunk:
                yield chunk
            if len(chunk) < journals.CHUNK:
                return
            after = chunk[-1]

    async def count(self) -> int:
        """How many rows there are."""
        async with self.db.read() as c:
            return await journals.count(c, self.journal())


@dataclass(frozen=True)
class EventLog(_Log):
    """What the engine reported, at least so loud; of one run, one integration, since a moment, holding a text."""

    integration: str | None = None
    run_id: int | None = None
    least: Level = Level.INFO
    since_ms: int | None = None
    where: Filter = ALL

    def journal(self) -> Journal:
        return self._at_least(self.least)

    def _at_least(self, least: Level) -> Journal:
        return journals.of_events(
            integration=self.integration,
            run_id=self.run_id,
            least=least,
            since_ms=self.since_ms,
            where=self.where,
        )

    async def rows(self, ids: Sequence[int]) -> Mapping[int, Event]:
        """The events of these numbers."""
        async with self.db.read() as c:
            return {one.id: one for one in await events.by_ids(c, ids)}

    async def error_beside(self, event_id: int, *, back: bool) -> int | None:
        """The number of the next error after an event, or of the last before it; None where there is none."""
        async with self.db.read() as c:
            return await journals.neighbour(c, self._at_least(Level.ERROR), event_id, back=back)


@dataclass(frozen=True)
class RequestLog(_Log):
    """What people asked for, and what came of it."""

    where: Filter = ALL

    def journal(self) -> Journal:
        return journals.of_requests(where=self.where)

    async def rows(self, ids: Sequence[int]) -> Mapping[int, Request]:
        """The requests of these numbers."""
        async with self.db.read() as c:
            return {one.id: one for one in await asked.by_ids(c, ids)}


@dataclass(frozen=True)
class AuditLog(_Log):
    """Who did what; pieces of actor, action and target narrow it, and moments."""

    where: Filter = ALL
    actor: str | None = None
    action: str | None = None
    target: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None

    def journal(self) -> Journal:
        return journals.of_audit(
            actor=self.actor,
            action=self.action,
            target=self.target,
            since_ms=self.since_ms,
            until_ms=self.until_ms,
            where=self.where,
        )

    async def rows(self, ids: Sequence[int]) -> Mapping[int, AuditEntry]:
        """The acts of these numbers."""
        async with self.db.read() as c:
            return {one.seq: one for one in await audit.by_seqs(c, ids)}


async def event_rows(log: EventLog, *, after: int = 0, limit: int | None = None) -> AsyncIterator[Row]:
    """Events oldest first, after a number; with ``limit`` the newest so many."""
    if limit is not None:
        for one in _in_order(await log.rows(ids := await log.newest(limit)), ids):
            yield event_row(one)
        return
    async for chunk in log.ids(after):
        for start in range(0, len(chunk), PAGE):
            part = chunk[start : start + PAGE]
            for one in _in_order(await log.rows(part), part):
                yield event_row(one)


def _in_order(found: Mapping[int, Event], ids: Sequence[int]) -> list[Event]:
    return [found[id_] for id_ in ids if id_ in found]


def event_row(one: Event) -> Row:
    """One event."""
    return {
        "id": one.id,
        "at": iso(one.at_ms),
        "level": one.level.value,
        "kind": one.kind.value,
        "integration": one.integration,
        "run_id": one.run_id,
        "text": one.text,
    }
