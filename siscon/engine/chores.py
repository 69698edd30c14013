"""Does the chores: one engine at a time, each when it is due, once however often it was due while no engine ran."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo

from siscon.domain.errors import DatabaseError, LeaseLost, SisconError
from siscon.domain.events import EventKind, Level
from siscon.domain.leases import HEARTBEAT_S, Lease
from siscon.domain.schedules import Cron, next_time
from siscon.domain.text import plain
from siscon.engine.leases import Holdings
from siscon.store import chores, events
from siscon.store.database import Database

log = logging.getLogger(__name__)

CHORES_LEASE = "chores"
LOOK_EVERY_S = 1.0
AGAIN_MS = 10 * 60_000
"""A chore that failed is tried again after so long, unless it is due before."""
NEVER_MS = 1 << 62
DOUBTED_MS = 7 * 24 * 3600 * 1000


class DoneInPart(DatabaseError):
    """What the chore is for is done, and something beside it failed: told as a failure, done again when it is due."""


@dataclass(frozen=True, slots=True)
class Chore:
    """One chore. ``next_ms`` names the first moment after another at which it is due, None never again.

    ``work`` is given the lease under which it may write, and tells in a sentence without pupils' data what came of
    it; what it raises is told instead, and it is tried again before long.
    """

    name: str
    next_ms: Callable[[int], int | None]
    work: Callable[[Lease], Awaitable[str]]


def every(seconds: float) -> Callable[[int], int]:
    """Due so many seconds after the last time."""
    return lambda after_ms: after_ms + int(seconds * 1000)


def by_cron(line: str | Cron, zone: tzinfo) -> Callable[[int], int | None]:
    """Due when a cron line says so, in a zone."""

    def next_ms(after_ms: int) -> int | None:
        found = next_time(line, zone, datetime.fromtimestamp(after_ms / 1000, UTC))
        return int(found.timestamp() * 1000) if found else None

    return next_ms


@dataclass(slots=True, eq=False)
class Chores:
    """Does the chores of an installation for as long as this engine holds their lease; none waits for another."""

    db: Database
    holdings: Holdings
    chores: Sequence[Chore]
    now_ms: Callable[[], int]
    _under_way: dict[str, asyncio.Task[None]] = field(default_factory=dict, init=False)

    async def run(self, *, every_s: float = LOOK_EVERY_S) -> None:
        """Look every second what is due; another engine's chores are looked at less often."""
        try:
            while True:
                lease = self.holdings.held(CHORES_LEASE)
                if lease is None:
                    self._stop()
                    lease = await self.holdings.take(CHORES_LEASE, on_lost=self._stop)
                    if lease is not None:
                        await self._retire_others(lease)
                if lease is not None:
                    await self.look(lease)
                await asyncio.sleep(every_s if lease is not None else HEARTBEAT_S)
        finally:
            under_way = list(self._under_way.values())
            self._stop()
            await asyncio.gather(*under_way, return_exceptions=True)

    async def look(self, lease: Lease) -> list[asyncio.Task[None]]:
        """Begin what is due; what was begun. A chore that is new waits for its first moment."""
        async with self.db.read() as c:
            known = await chores.all_chores(c)
        now_ms = self.now_ms()
        begun = []
        for chore in self.chores:
            if chore.name in self._under_way:
                continue
            next_ms = chore.next_ms(now_ms)
            state = known.get(chore.name)
            due_ms = state.due_at_ms if state is not None else None
            # Its line was taken away; what failed is tried again all the same.
            unwanted = next_ms == NEVER_MS and state is not None and state.last_ok is not False
            if due_ms is not None and due_ms <= now_ms:
                begun.append(self._begin(chore, lease))
            elif next_ms is not None and (
                due_ms is None or next_ms < due_ms or (unwanted and due_ms < NEVER_MS)
            ):
                # New, another line than before, or a clock that was put back.
                async with self.db.transaction(lease) as c:
                    await chores.set_due(c, chore.name, next_ms)
        return begun

    async def _retire_others(self, lease: Lease) -> None:
        """What another configuration wanted is due no more; an engine that knows it arms it again."""
        async with self.db.transaction(lease) as c:
            await chores.retire(c, [one.name for one in self.chores], never_ms=NEVER_MS)

    def _begin(self, chore: Chore, lease: Lease) -> asyncio.Task[None]:
        task = asyncio.create_task(self._do(chore, lease), name=f"chore {chore.name}")
        self._under_way[chore.name] = task
        task.add_done_callback(lambda _: self._under_way.pop(chore.name, None))
        return task

    def _stop(self) -> None:
        for task in self._under_way.values():
            task.cancel()

    async def _do(self, chore: Chore, lease: Lease) -> None:
        begun_s = time.monotonic()
        again_ms = AGAIN_MS
        try:
            ok, told = True, await chore.work(lease)
        except LeaseLost:
            return
        except DoneInPart as error:
            ok, told, again_ms = False, error.sentence, NEVER_MS
        except SisconError as error:
            ok, told = False, error.sentence
        except Exception as error:
            log.exception("chore %s failed", chore.name)
            ok, told = False, f"a fault of siscon's own ({type(error).__name__}); see the log"
        try:
            told = plain(told, limit=500)
            await self._conclude(chore, lease, ok=ok, told=told, again_ms=again_ms, begun_s=begun_s)
        except LeaseLost:
            return
        except DatabaseError as error:
            log.warning("what came of chore %s was not written down: %s", chore.name, error.sentence)

    async def _conclude(
        self, chore: Chore, lease: Lease, *, ok: bool, told: str, again_ms: int, begun_s: float
    ) -> None:
        now_ms = self.now_ms()
        next_ms = chore.next_ms(now_ms)
        if next_ms is None:
            next_ms = NEVER_MS
        if not ok:
            next_ms = min(next_ms, now_ms + again_ms)
        took_ms = int((time.monotonic() - begun_s) * 1000)
        async with self.db.transaction(lease) as c:
            await chores.done(
                c, chore.name, ok=ok, told=told, at_ms=now_ms, took_ms=took_ms, due_at_ms=next_ms
            )
            if not ok:
                how = "failed in part" if again_ms == NEVER_MS else "failed and is tried again"
                text = f"{chore.name} {how}: {told}"
                await events.append(c, EventKind.TASK_FAILED, Level.ERROR, text, at_ms=now_ms)


async def is_doubtful(db: Database, name: str, *, now_ms: int) -> bool:
    """Whether a chore that is under way was due so long ago that the clock may have leapt ahead, or was last done so
    far in the future that it was put back.

    What is removed by its age waits for the next time then: a clock that is wrong for an hour must take nothing along.
    """
    async with db.read() as c:
        state = (await chores.all_chores(c)).get(name)
    return state is not None and (
        now_ms - state.due_at_ms > DOUBTED_MS or (state.last_at_ms or 0) - now_ms > DOUBTED_MS
    )


async def do_due(
    db: Database, holdings: Holdings, chores_: Sequence[Chore], now_ms: Callable[[], int]
) -> bool:
    """Do what is due of some chores, as an engine would, and wait for it; False when another one does the chores."""
    lease = await holdings.take(CHORES_LEASE, on_lost=lambda: None)
    if lease is None:
        return False
    beating = asyncio.create_task(holdings.beat_for_ever())
    try:
        await asyncio.gather(*await Chores(db, holdings, chores_, now_ms).look(lease))
    finally:
        beating.cancel()
        await asyncio.wait({beating})
        await holdings.release(CHORES_LEASE)
    return True
