"""Whole engines over a fake SIS, in the test's own loop: started, stopped and asked for things."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from siscon.config import Settings
from siscon.domain.commands import Command, CommandRow, CommandStatus
from siscon.domain.runs import Run, RunStatus
from siscon.engine.engine import Engine
from siscon.engine.importer import run_import
from siscon.engine.worker import Importer
from siscon.providers.contract import Api, Provider, ProviderSettings
from siscon.store import commands, runs
from siscon.store.database import Database
from siscon.store.vault import Vault
from support.clock import LIMIT_S, until
from support.fake_sis import FakeProvider, FakeSis
from support.house import anybody

SECRET = "planted-secret-7421"


def settings_for(home: Path, *names: str, **more: Any) -> Settings:
    """A configuration of integrations over the fake provider; nothing of it is ever called over a network."""
    one = {
        "provider": "fake",
        "base_url": "http://127.0.0.1:9",
        "client_id": "id",
        "client_secret": SECRET,
        **more,
    }
    return Settings.model_validate({"home": home, "integrations": dict.fromkeys(names or ("harbor",), one)})


def provider_over(sis: FakeSis) -> Callable[[str], type[Provider]]:
    """A loader that knows one provider: the fake one over this SIS."""

    class Wired(FakeProvider):
        def __init__(self, api: Api, settings: ProviderSettings) -> None:
            super().__init__(sis)
            self.api = api

    return lambda _name: Wired


@dataclass
class LivingEngine:
    """An engine that runs, and what a console would do beside it."""

    engine: Engine
    task: asyncio.Task[int]
    db: Database

    async def ask(self, command: Command) -> CommandRow:
        async with self.db.transaction() as c:
            number = await commands.leave(c, command, actor="ann(1000)", now_ms=1)
        answers: list[CommandRow] = []

        async def is_answered() -> bool:
            async with self.db.read() as c:
                row = await commands.get(c, number)
            assert row is not None
            answers[:] = [row]
            return row.status is not CommandStatus.PENDING

        await until(is_answered)
        return answers[0]

    async def run(self, run_id: int | None) -> Run:
        async with self.db.read() as c:
            run = await runs.get(c, run_id or 0)
        assert run is not None
        return run

    async def reaches(self, run_id: int | None, status: RunStatus, *, within_s: float = LIMIT_S) -> Run:
        async def is_there() -> bool:
            return (await self.run(run_id)).status is status

        await until(is_there, within_s=within_s)
        return await self.run(run_id)

    async def stop(self) -> int:
        self.engine.stop.set()
        return await self.task


@asynccontextmanager
async def living_engine(
    db: Database,
    settings: Settings,
    vault: Vault,
    *,
    sis: FakeSis | None = None,
    importer: Importer = run_import,
    load_provider: Callable[[str], type[Provider]] | None = None,
    until_idle: bool = False,
) -> AsyncIterator[LivingEngine]:
    """An engine for the length of a block; it must end in good order."""
    ready = asyncio.Event()
    engine = Engine(
        db,
        settings,
        vault,
        asyncio.Event(),
        until_idle=until_idle,
        load_provider=load_provider or provider_over(sis or FakeSis()),
        importer=importer,
        judge=anybody,
    )
    task = asyncio.create_task(engine.run(ready.set))
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    try:
        yield LivingEngine(engine, task, db)
    finally:
        engine.stop.set()
        await task


async def for_ever(_job: Any) -> RunStatus:
    """An importer that never comes to an end by itself."""
    await asyncio.Event().wait()
    raise AssertionError


def slowly(until_set: asyncio.Event) -> Callable[[Any], Awaitable[RunStatus]]:
    """An importer that waits for a word."""

    async def importer(_job: Any) -> RunStatus:
        await until_set.wait()
        return RunStatus.COMPLETED

    return importer
