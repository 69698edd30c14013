"""A person at a console, with a whole engine that answers beside them, over a small fake SIS."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from siscon.domain.commands import Command, StartRun
from siscon.domain.runs import ENDED, Run, RunStatus
from siscon.engine.carriers import carry
from siscon.store import integrations
from siscon.store.database import Database
from siscon.store.sqlite import open_database
from siscon.store.vault import Vault
from support.clock import until as until_true
from support.consoles import console, press, settled, text_of, toasts, until
from support.engines import LivingEngine, living_engine, settings_for
from support.fake_sis import FakeSis, small_district

NAME = "harbor"
OVER = ENDED | {RunStatus.HELD, RunStatus.PLANNED}


@dataclass
class Shift:
    """What the tests drive: the engine, the SIS behind it, the database, and consoles by need."""

    path: Path
    db: Database
    engine: LivingEngine
    sis: FakeSis

    async def sync(self, command: Command | None = None) -> Run:
        """A full import, or another command that makes a run, seen to where it rests."""
        row = await self.engine.ask(command or StartRun(NAME, full=True))
        assert row.run_id is not None, row.answer
        return await self.rests(row.run_id)

    async def rests(self, run_id: int) -> Run:
        """A run once it does nothing more by itself."""

        async def is_over() -> bool:
            return (await self.engine.run(run_id)).status in OVER

        await until_true(is_over)
        return await self.engine.run(run_id)

    async def newest_run(self) -> Run:
        """The run that was queued last, at rest."""
        (row,) = await self.rows("SELECT max(id) AS id FROM runs")
        return await self.rests(row["id"])

    async def rows(self, sql: str) -> list[dict[str, Any]]:
        async with self.db.read() as c:
            return [dict(row) for row in await c.all(sql)]  # type: ignore[call-overload] # rows are mappings

    async def student(self, external_id: str = "u1") -> dict[str, Any]:
        found = await self.rows(
            f"SELECT s.* FROM students s JOIN {NAME}_mappings m ON m.internal_id = s.id "
            f"WHERE m.entity_type = 'student' AND m.external_id = '{external_id}'"
        )
        return found[0]

    async def edit_here(self, **fields: str) -> None:
        """Another program writes to the first student."""
        told = ", ".join(f"{name} = '{value}'" for name, value in fields.items())
        row = await self.student()
        async with self.db.transaction() as c:
            await c.run(f"UPDATE students SET {told} WHERE id = {row['id']}")

    @asynccontextmanager
    async def console(self, **options: Any) -> AsyncIterator[Pilot[Any]]:
        told = {"now_ms": lambda: int(time.time() * 1000), **options}
        async with console(self.path, **told) as pilot:
            yield pilot


@asynccontextmanager
async def open_shift(folder: Path, sis: FakeSis | None = None, **settings: Any) -> AsyncIterator[Shift]:
    """An engine over a database of its own; the first import is done."""
    path, known = folder / "home" / "siscon.db", sis or small_district()
    db = await open_database(path, synchronous="normal")
    try:
        async with db.transaction() as c:
            await integrations.activate(
                c, name=NAME, provider="fake", title="Fake SIS", schedule="", requests_per_minute=0, now_ms=1
            )
        vault = Vault([bytes(range(32))])
        options = settings_for(folder / "home", NAME, **settings)
        async with living_engine(db, options, vault, sis=known, importer=carry) as engine:
            shift = Shift(path, db, engine, known)
            await shift.sync()
            yield shift
    finally:
        await db.close()


async def types(pilot: Pilot[Any], text: str) -> None:
    """Type a line over what stands there, and enter; the line may be a moment in coming."""
    await until(pilot, lambda: bool(pilot.app.screen.query("#find_text")))
    pilot.app.screen.query_one("#find_text").value = text  # type: ignore[attr-defined] # the entry of the line
    await pilot.pause()
    await press(pilot, "enter")


async def told(pilot: Pilot[Any], words: str) -> None:
    """Wait until the person was told something, and the screen shows what came of it."""
    await until(pilot, lambda: any(words in one for one in toasts(pilot.app)))
    await settled(pilot)


async def shows(pilot: Pilot[Any], words: str) -> None:
    """Wait until something stands on the screen; lines may be broken anywhere between words."""
    await until(pilot, lambda: words in " ".join(text_of(pilot.app).split()))
