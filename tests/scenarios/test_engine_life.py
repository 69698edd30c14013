"""A week of an engine: off for some nights, it makes up for one, is paused, goes on, and ends in order."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from siscon.domain.commands import PauseIntegration, ResumeIntegration
from siscon.domain.events import EventKind
from siscon.domain.runs import Run, RunStatus
from siscon.engine.moments import wall_ms
from siscon.store import events, integrations, runs
from siscon.store.sqlite import SqliteDatabase, open_database
from siscon.store.vault import Vault
from support.clock import until
from support.engines import LivingEngine, living_engine, settings_for
from support.fake_sis import small_district
from support.timetables import arm

DAY_MS = 24 * 3600 * 1000


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    database = await open_database(tmp_path / "siscon.db", synchronous="normal")
    try:
        yield database
    finally:
        await database.close()


async def last_run(engine: LivingEngine) -> Run | None:
    async with engine.db.read() as c:
        return next(iter(await runs.latest(c, limit=1)), None)


async def due_ms(db: SqliteDatabase) -> int | None:
    async with db.read() as c:
        found = await integrations.one(c, "harbor")
    return found.next_due_at_ms if found else None


async def test_nights_missed_are_made_up_for_once_and_pauses_are_kept(db: SqliteDatabase, tmp_path: Path):
    settings = settings_for(tmp_path, schedule="0 2 * * *")
    vault, sis = Vault([bytes(32)]), small_district()
    async with living_engine(db, settings, vault, sis=sis):

        async def is_armed() -> bool:
            return await due_ms(db) is not None

        await until(is_armed)
    async with db.transaction() as c:
        await arm(c, "harbor", wall_ms() - 4 * DAY_MS)

    async with living_engine(db, settings, vault, sis=sis) as engine:

        async def has_run() -> bool:
            run = await last_run(engine)
            return run is not None and run.status is RunStatus.COMPLETED

        await until(has_run)
        run = await last_run(engine)
        assert run is not None
        assert (run.id, run.requested_by) == (1, "schedule")
        assert (await due_ms(db) or 0) > wall_ms()
        async with db.read() as c:
            missed = [one.text for one in await events.latest(c) if one.kind is EventKind.SCHEDULE_MISSED]
        assert len(missed) == 1
        assert "makes up for it" in missed[0]
        await engine.ask(PauseIntegration("harbor"))

    async with db.transaction() as c:
        await arm(c, "harbor", wall_ms() - DAY_MS)
    async with living_engine(db, settings, vault, sis=sis) as engine:

        async def is_armed_again() -> bool:
            return (await due_ms(db) or 0) > wall_ms()

        await until(is_armed_again)
        await engine.ask(ResumeIntegration("harbor"))
        run = await last_run(engine)
        assert run is not None
        assert run.id == 1
