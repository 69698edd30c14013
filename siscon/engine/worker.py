"""Queued runs are claimed, carried and ended: integrations in parallel, one bulk and one quick run of each."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from siscon.config import Settings
from siscon.domain.blackouts import of_integration, span_at
from siscon.domain.errors import DatabaseError, LeaseLost
from siscon.domain.events import EventKind, Level
from siscon.domain.leases import Lease
from siscon.domain.runs import GOOD_ENDS, UNDER_WAY, Run, RunKind, RunStatus
from siscon.domain.text import plain
from siscon.engine import noting
from siscon.engine.accounts import Accounts
from siscon.engine.activation import host_of
from siscon.engine.bell import Ear
from siscon.engine.hand import Ending, Hand, Stop
from siscon.engine.job import ImportJob
from siscon.engine.leases import Holdings
from siscon.engine.lifeline import back_to_queue
from siscon.engine.links import Links
from siscon.engine.meter import CURRENT, Meter
from siscon.engine.room import with_room
from siscon.engine.scope import cut, settle
from siscon.store import commands, events, integrations, paces, runs
from siscon.store.database import Connection, Database
from siscon.store.vault import Vault

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
CANCEL_WITHIN_S = 0.5
END_RETRY_S = 0.5
WAIT_FOR_A_PERSON = (RunStatus.HELD, RunStatus.PAUSED)
"""Such runs keep their lane, and do not go on by themselves."""

Importer = Callable[[ImportJob], Awaitable[RunStatus]]


def credential_lease(integration: str) -> str:
    """The name of the lease under which every run of an integration writes."""
    return f"credential:{integration}"


@dataclass(frozen=True, slots=True)
class Shop:
    """What a worker works with."""

    db: Database
    settings: Settings
    vault: Vault
    holdings: Holdings
    links: Links
    importer: Importer
    now_ms: Callable[[], int]


class Worker:
    """Carries the runs of one engine."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._hands: dict[int, Hand] = {}
        self._minders: set[asyncio.Task[None]] = set()
        self._closed = False
        self._windows = shop.settings.all_blackouts
        self._wake: Callable[[], None] = lambda: None

    async def work(self, ear: Ear) -> None:
        """Claim what can be claimed, whenever something changed, for ever."""
        self._wake = ear.ring
        while True:
            await ear.heard(timeout_s=LOOK_EVERY_S)
            for run in await self._claimable():
                if not self._closed:
                    await self._claim(run)

    async def heed_cancels(self, ear: Ear) -> None:
        """Stop the runs that a person wants to end or to rest, well within a second, for ever."""
        while True:
            await ear.heard(timeout_s=CANCEL_WITHIN_S)
            if not self._hands:
                continue
            async with self._shop.db.read() as c:
                mine = await runs.by_ids(c, self._hands)
            for run in mine:
                hand = self._hands.get(run.id)
                if hand is None or hand.why is not None:
                    continue
                if run.cancel_requested_by:
                    hand.stop(Stop.ASKED, by=run.cancel_requested_by)
                elif run.pause_requested_by:
                    hand.stop(Stop.TO_REST, by=run.pause_requested_by)

    async def is_idle(self) -> bool:
        """Whether nothing waits for this engine: no run it could carry, no command without an answer."""
        async with self._shop.db.read() as c:
            if self._hands or self._minders or await commands.pending(c):
                return False
            active = await runs.active(c)
            held = await runs.latest(c, status=RunStatus.HELD, limit=1000)
            resting = {
                (run.integration, run.lane) for run in (*active, *held) if run.status in WAIT_FOR_A_PERSON
            }
            mine = [run for run in active if run.integration in self._shop.settings.integrations]
            going = [
                run for run in mine if run.status in UNDER_WAY and (run.integration, run.lane) not in resting
            ]
            return not [run for run in going if await self._may_start(c, run)]

    async def stop(self) -> None:
        """Claim nothing more; stop every run between two steps and put it back into the queue."""
        self._closed = True
        for hand in self._hands.values():
            hand.stop(Stop.ENGINE_ENDS)
        while self._minders:
            await asyncio.wait(self._minders)

    def drop(self, integration: str) -> None:
        """Stop the runs of an integration whose lease another engine has taken; they write nothing more."""
        for hand in self._hands.values():
            if hand.run.integration == integration:
                hand.stop(Stop.LEASE_LOST)

    def drop_all(self) -> None:
        """Stop every run: this engine was taken for dead."""
        for hand in self._hands.values():
            hand.stop(Stop.LEASE_LOST)

    async def _claimable(self) -> list[Run]:
        known = self._shop.settings.integrations
        async with self._shop.db.read() as c:
            waiting = [run for run in await runs.claimable(c) if run.integration in known]
            ready = [run for run in waiting if await self._may_start(c, run)]
            blocked = {run.integration for run in waiting if run not in ready}
            if blocked:  # what a schedule started waits; what a person asked for since need not
                behind = [run for run in await runs.claimable(c, resting=blocked) if run not in waiting]
                ready += [
                    run for run in behind if run.integration in blocked and await self._may_start(c, run)
                ]
            return ready

    async def _may_start(self, c: Connection, run: Run) -> bool:
        """Scheduled runs do not begin while their integration is paused, or within a window; nothing goes on where it
        is not enabled.
        """
        integration = await integrations.one(c, run.integration)
        if integration is None or not integration.enabled:
            return False
        if run.due_at_ms is None or run.attempt > 0:
            return True
        now_ms = self._shop.now_ms()
        windows = of_integration(self._windows, run.integration)
        return not integration.rests(now_ms) and not any(span_at(one, now_ms) for one in windows)

    async def _claim(self, run: Run) -> None:
        """Lease and claim in one transaction; nothing happens when another engine was faster."""
        shop, name = self._shop, credential_lease(run.integration)
        held = shop.holdings.held(name)
        try:
            async with shop.db.transaction(held) as c:
                lease = held or await shop.holdings.take_in(c, name)
                if lease is None:
                    return
                claimed = await runs.claim(c, run.id, engine=shop.holdings.owner, now_ms=shop.now_ms())
                kind = EventKind.RUN_RESUMED if claimed.attempt > 1 else EventKind.RUN_STARTED
                text = f"{kind} ({run.integration}, attempt {claimed.attempt})"
                await self._tell(c, claimed, kind, Level.INFO, text)
                await noting.run_begins(c, shop.vault, claimed, now_ms=shop.now_ms())
        except (DatabaseError, LeaseLost) as error:
            log.warning("run %s was not claimed: %s", run.id, error)
            return
        if held is None:
            shop.holdings.keep(lease, on_lost=lambda: self.drop(run.integration))
        self._take_up(claimed, lease)

    def _take_up(self, run: Run, lease: Lease) -> None:
        meter = Meter(run.id, run.lane)
        work = asyncio.create_task(with_room(lambda: self._carry(run.id, lease, meter)))
        hand = Hand(run, lease, work, meter)
        self._hands[run.id] = hand
        minder = asyncio.create_task(self._mind(hand))
        self._minders.add(minder)
        minder.add_done_callback(self._minders.discard)

    async def _carry(self, run_id: int, lease: Lease, meter: Meter) -> RunStatus:
        """The run itself, from where it stands; cancelled from outside when it must stop."""
        shop = self._shop
        CURRENT.set(meter)
        async with shop.db.read() as c:
            run = await runs.get(c, run_id)
        assert run is not None, "runs that have not ended are kept"
        settings = shop.settings.integrations[run.integration]
        link = await shop.links.of(run.integration)
        offered = link.provider.offers(link.provider.settings)
        if run.kind is RunKind.IMPORT:
            run = await settle(shop.db, run, lease, settings=settings, offered=offered, now_ms=shop.now_ms())
        elif run.kind is RunKind.REDRIVE:
            run = await cut(shop.db, run, lease, settings=settings, offered=offered)
        job = ImportJob(
            db=shop.db,
            lease=lease,
            run=run,
            provider=link.provider,
            vault=shop.vault,
            batch=shop.settings.engine.batch,
            limits=shop.settings.guard.limits,
            policies=settings.conflicts.policies,
            absence=settings.absence.rules,
            accounts=Accounts(settings.accounts.rules),
            incremental=not run.full or run.kind is not RunKind.IMPORT,
            meter=meter,
            now_ms=shop.now_ms,
            host=host_of(settings),
            dead_after=settings.dead_after,
        )
        return await shop.importer(job)

    async def _mind(self, hand: Hand) -> None:
        """See a run to its end, write the end, and give the lease back when the other lane is empty."""
        try:
            await hand.done()
            ending = hand.ending
            if ending is not None:
                await self._end(hand, ending)
        finally:
            self._hands.pop(hand.run.id, None)
            name = hand.run.integration
            if all(other.run.integration != name for other in self._hands.values()):
                await self._give_back(name)
            self._wake()

    async def _give_back(self, integration: str) -> None:
        try:
            await self._shop.holdings.release(credential_lease(integration))
        except DatabaseError as error:
            log.warning("the lease of %s runs out by itself: %s", integration, error.sentence)

    async def _end(self, hand: Hand, ending: Ending) -> None:
        """Write the end, again and again while the database refuses: a run must not stay running for ever."""
        fault = None if hand.work.cancelled() else hand.work.exception()
        if ending.code == "unexpected":
            log.error("run %s failed unexpectedly", hand.run.id, exc_info=fault)
        while True:
            try:
                async with self._shop.db.transaction(hand.lease) as c:
                    await self._write_end(c, hand, ending)
            except LeaseLost:
                log.warning("run %s was taken over: nothing more is written", hand.run.id)
                return
            except DatabaseError as error:
                log.error("the end of run %s could not be written: %s", hand.run.id, error.sentence)  # noqa: TRY400 - the sentence says it all
                if self._closed:
                    return
                await asyncio.sleep(END_RETRY_S)
            else:
                return

    async def _write_end(self, c: Connection, hand: Hand, ending: Ending) -> None:
        run, now_ms = hand.run, self._shop.now_ms()
        sent, (failed, throttled) = hand.meter.take(), hand.meter.take_trouble()
        await runs.add_requests(c, run.id, sent, None)
        await paces.add(c, run.id, now_ms=now_ms, requests=sent, failed=failed, throttled=throttled)
        now = await runs.get(c, run.id) or run
        if ending.status is RunStatus.INTERRUPTED:
            await back_to_queue(c, now, why=ending.sentence, now_ms=now_ms)
            return
        rests = ending.status is RunStatus.PAUSED
        if (ending.status is RunStatus.HELD or rests) and now.cancel_requested_by:
            said = f"cancelled by {plain(now.cancel_requested_by)}"
            ending = Ending(RunStatus.CANCELLED, "cancelled", said)
        await runs.move(
            c, run.id, ending.status, now_ms=now_ms, error_code=ending.code, error=ending.sentence
        )
        if ending.status in GOOD_ENDS and run.kind is RunKind.IMPORT:
            await integrations.note_good(c, run.integration, now_ms)
        if ending.status is RunStatus.FAILED:
            await integrations.note_failure(c, run.integration, ending.sentence, now_ms)
        kind = _NEWS.get(ending.status, EventKind.RUN_ENDED)
        said = f": {ending.sentence}" if ending.sentence else ""
        await self._tell(c, run, kind, _level(ending.status), f"run {run.id} {ending.status}{said}")
        await noting.run_ends(c, self._shop.vault, run, ending.status, now_ms=now_ms)

    async def _tell(self, c: Connection, run: Run, kind: EventKind, level: Level, text: str) -> None:
        await events.append(
            c, kind, level, text, integration=run.integration, run_id=run.id, at_ms=self._shop.now_ms()
        )


_NEWS = {RunStatus.HELD: EventKind.RUN_HELD, RunStatus.PAUSED: EventKind.RUN_PAUSED}


def _level(status: RunStatus) -> Level:
    if status is RunStatus.FAILED:
        return Level.ERROR
    quiet = (RunStatus.COMPLETED, RunStatus.CANCELLED, RunStatus.PAUSED)
    return Level.INFO if status in quiet else Level.WARNING
