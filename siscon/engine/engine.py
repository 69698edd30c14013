"""The engine: one task group that claims runs, keeps the leases, watches the clock and answers commands."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import secrets
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from siscon import __version__
from siscon.config import IntegrationSettings, Settings
from siscon.domain.errors import DatabaseError, SisconError
from siscon.domain.events import EventKind, Level
from siscon.domain.leases import EngineInfo
from siscon.domain.text import plain
from siscon.engine import arrivals, inbox, lifeline, notices, noting, old_moments, upkeep
from siscon.engine.activation import LoadProvider, activate_all
from siscon.engine.answers import LiveEngine
from siscon.engine.bell import Bell
from siscon.engine.carriers import carry
from siscon.engine.chores import Chore, Chores, do_due
from siscon.engine.clock import Clock
from siscon.engine.heads import HeadKeeper
from siscon.engine.judging import Judge, judge_of
from siscon.engine.leases import Holdings
from siscon.engine.links import Links
from siscon.engine.moments import wall_ms
from siscon.engine.reminders import reminder_of
from siscon.engine.tokens import renew_quietly
from siscon.engine.worker import Importer, Shop, Worker
from siscon.providers import registry
from siscon.store import events, leases
from siscon.store.database import Database
from siscon.store.vault import Vault

log = logging.getLogger(__name__)

Beside = Callable[[Holdings], Mapping[str, Callable[[], Awaitable[None]]]]
"""Further parts of an engine, of whoever runs it; each may fail alone."""

STOP_WITHIN_S = 4.0
RESTART_FROM_S, RESTART_MOST_S = 1.0, 30.0
TOKENS_EVERY_S = 20.0


def new_engine_id() -> str:
    """Host, process and a random part: never the same twice, and fit for a file's name."""
    host = re.sub(r"[^A-Za-z0-9.-]", "-", socket.gethostname())[:40] or "host"
    return f"{host}-{os.getpid()}-{secrets.token_hex(3)}"


@dataclass(slots=True, eq=False)
class Engine:
    """An engine that can be run once. ``until_idle``: it ends when nothing is left to do, and is no clock. ``judge``
    None: the configuration says who may ask for what. ``lent``: chores that whoever runs it adds.
    """

    db: Database
    settings: Settings
    vault: Vault
    stop: asyncio.Event
    until_idle: bool = False
    load_provider: LoadProvider = registry.load
    importer: Importer = carry
    now_ms: Callable[[], int] = wall_ms
    judge: Judge | None = None
    beside: Beside = lambda _holdings: {}
    lent: Sequence[Chore] = ()
    id: str = field(default_factory=new_engine_id)
    _usable: dict[str, IntegrationSettings] = field(default_factory=dict, init=False)
    _background: set[asyncio.Task[None]] = field(default_factory=set, init=False)
    _heads: HeadKeeper = field(init=False)
    _is_shut_out: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._heads = HeadKeeper(self.db, self.vault, self.settings.home, now_ms=self.now_ms)

    async def run(self, on_ready: Callable[[], None] | None = None) -> int:
        """Run until stopped (or idle); 0 when it ended in good order."""
        with lifeline.sign_of_life(self.settings.home, self.id):
            holdings = Holdings(self.db, self.id, now_ms=self.now_ms)
            links = Links(
                self.db,
                self.settings,
                self.vault,
                owner=self.id,
                load_provider=self.load_provider,
                now_ms=self.now_ms,
            )
            worker = Worker(
                Shop(self.db, self.settings, self.vault, holdings, links, self.importer, self.now_ms)
            )
            try:
                await self._register(holdings, worker)
                await noting.settings_in_use(self.db, self.vault, self.settings, now_ms=self.now_ms)
                self._usable = await activate_all(
                    self.db, self.settings, load_provider=self.load_provider, now_ms=self.now_ms
                )
                if on_ready is not None:
                    on_ready()
                await self._run_parts(holdings, links, worker)
            finally:
                await self._leave(holdings, links)
        return 1 if self._is_shut_out else 0

    async def _register(self, holdings: Holdings, worker: Worker) -> None:
        """Take the engine's own lease and write it down, in one transaction."""
        name = f"engine:{self.id}"
        now_ms = self.now_ms()
        host = plain(socket.gethostname())
        info = EngineInfo(self.id, host, os.getpid(), __version__, now_ms, now_ms, alive=True)
        async with self.db.transaction() as c:
            await leases.register_engine(c, info)
            lease = await holdings.take_in(c, name)
            text = f"engine {self.id} started"
            await events.append(c, EventKind.ENGINE_STARTED, Level.INFO, text, at_ms=now_ms)
        if lease is None:
            raise DatabaseError(f"Another process goes by the name {self.id}; start again.", code="engine_id")
        holdings.keep(lease, on_lost=lambda: self._start(self._come_back(holdings, worker)))

    async def _come_back(self, holdings: Holdings, worker: Worker) -> None:
        """Taken for dead (asleep for longer than a lease): the runs are others' now, the engine begins anew."""
        worker.drop_all()
        while True:
            try:
                return await self._register(holdings, worker)
            except DatabaseError as error:
                log.warning("not registered again yet: %s", error.sentence)
                await asyncio.sleep(RESTART_FROM_S)

    async def _run_parts(self, holdings: Holdings, links: Links, worker: Worker) -> None:
        bell = Bell()
        home, own = self.settings.home, self.id
        live = LiveEngine(
            own,
            frozenset(self._usable),
            stop=self.stop.set,
            renew_token=lambda name: self._start(self._renew(links, name, if_due=False)),
            entities={
                name: frozenset(one.entities)
                for name, one in self.settings.integrations.items()
                if one.entities
            },
        )
        work_ear, cancel_ear, inbox_ear = bell.ear(), bell.ear(), bell.ear(rest_s=0.1)
        parts: dict[str, Callable[[], Awaitable[None]]] = {
            "heartbeat": lambda: self._beat(holdings),
            "bell": lambda: bell.listen(self.db),
            "lifeline": lambda: lifeline.watch(self.db, home, work_ear, own_id=own, now_ms=self.now_ms),
            "inbox": lambda: inbox.attend(
                self.db,
                inbox_ear,
                vault=self.vault,
                live=live,
                judge=self.judge or judge_of(self.settings),
                now_ms=self.now_ms,
            ),
            "worker": lambda: worker.work(work_ear),
            "cancels": lambda: worker.heed_cancels(cancel_ear),
            "heads of the audit": self._heads.keep,
        }
        parts.update(self.beside(holdings))
        if not self.until_idle:
            hook_ear = bell.ear(rest_s=0.1)
            parts["webhooks"] = lambda: arrivals.attend(self.db, hook_ear, live=live, now_ms=self.now_ms)
            parts["clock"] = self._clock(holdings).run
            notice_ear = bell.ear(rest_s=1.0)
            parts["notices"] = lambda: notices.attend(
                self.db, holdings, notice_ear, self.settings, now_ms=self.now_ms
            )
            parts["chores"] = Chores(self.db, holdings, self._chores(), self.now_ms).run
            for name in self._usable:
                parts[f"token of {name}"] = partial(self._keep_token, links, name)
        tasks = [asyncio.create_task(self._keep_going(name, part), name=name) for name, part in parts.items()]
        try:
            await self._until_told(bell, worker)
        finally:
            heart = tasks[0]
            await _cancel(tasks[1:])
            with suppress(TimeoutError):
                async with asyncio.timeout(STOP_WITHIN_S):
                    await worker.stop()
            await _cancel([heart, *self._background])

    async def _beat(self, holdings: Holdings) -> None:
        """The heartbeat; an engine that can never write again ends, so that its service manager begins a new one.

        Where the file is gone altogether it stays: what it has open may be the last copy, and a new engine would begin
        with nothing.
        """
        while True:
            await holdings.beat_for_ever()
            if self.settings.database.exists():
                log.error("the database is another one, or of a newer siscon: this engine ends")
                self._is_shut_out = True
                self.stop.set()
                await asyncio.Event().wait()

    async def _until_told(self, bell: Bell, worker: Worker) -> None:
        if not self.until_idle:
            await self.stop.wait()
            return
        ear = bell.ear()
        while not self.stop.is_set():
            await ear.heard(timeout_s=0.5)
            if await worker.is_idle():
                return

    async def _keep_going(self, name: str, part: Callable[[], Awaitable[None]]) -> None:
        """One part of the engine may fail alone: it is recorded and started again, later each time."""
        delay_s = RESTART_FROM_S
        while True:
            begun_s = time.monotonic()
            try:
                await part()
            except Exception as error:
                log.exception("the engine's %s failed", name)
                said = error.sentence if isinstance(error, SisconError) else type(error).__name__
                await self._report(f"the engine's {name} failed and starts again: {said}")
            if time.monotonic() - begun_s > RESTART_MOST_S:
                delay_s = RESTART_FROM_S
            await asyncio.sleep(delay_s)
            delay_s = min(delay_s * 2, RESTART_MOST_S)

    async def _report(self, text: str) -> None:
        """An event for something that failed; the log must do when the database is what failed."""
        try:
            async with self.db.transaction() as c:
                kind, now_ms = EventKind.TASK_FAILED, self.now_ms()
                await events.append(c, kind, Level.ERROR, plain(text, limit=500), at_ms=now_ms)
        except DatabaseError as error:
            log.warning("not recorded: %s", error.sentence)

    def _clock(self, holdings: Holdings) -> Clock:
        zone = self.settings.time_zone
        timetables = {name: one.timetable(zone) for name, one in self._usable.items() if one.enabled}
        told = self.settings
        return Clock(self.db, holdings, timetables, self.now_ms, told.all_blackouts, reminder_of(told))

    def _chores(self) -> list[Chore]:
        """What this installation wants done from time to time."""
        days = self.settings.webhooks.remember_days
        return [
            *upkeep.chores(self.db, self.settings, self.vault, now_ms=self.now_ms),
            *self.lent,
            *arrivals.chores(self.db, self.vault, remember_days=days, now_ms=self.now_ms),
            *old_moments.chores(self.db, now_ms=self.now_ms),
            *notices.chores(self.db, now_ms=self.now_ms),
        ]

    async def do_chore(self, name: str) -> None:
        """Do one chore if it is due, without being an engine; a new one is known afterwards."""
        wanted = [one for one in self._chores() if one.name == name]
        await do_due(self.db, Holdings(self.db, self.id, now_ms=self.now_ms), wanted, self.now_ms)

    async def _keep_token(self, links: Links, name: str) -> None:
        """Renew one integration's token ahead of its end; a slow login keeps nobody else waiting."""
        while True:
            if self._usable[name].enabled:
                await self._renew(links, name, if_due=True)
            await asyncio.sleep(TOKENS_EVERY_S)

    async def _renew(self, links: Links, name: str, *, if_due: bool) -> None:
        try:
            link = await links.of(name)
        except SisconError as error:
            log.warning("%s: %s", name, error.sentence)
            return
        await renew_quietly(link.tokens, if_due=if_due)

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _leave(self, holdings: Holdings, links: Links) -> None:
        """Give every lease back and say goodbye; where the database refuses, the leases run out by themselves."""
        await links.close()
        await self._heads.write()
        try:
            await holdings.release_all()
            async with self.db.transaction() as c:
                await leases.engine_stopped(c, self.id, self.now_ms())
                text = f"engine {self.id} stopped"
                await events.append(c, EventKind.ENGINE_STOPPED, Level.INFO, text, at_ms=self.now_ms())
        except DatabaseError as error:
            log.warning("the engine left without a word: %s", error.sentence)


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
