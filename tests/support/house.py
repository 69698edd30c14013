"""A database on disk with an activated integration, and imports run over it by hand."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from siscon.domain.absence import AbsenceRules
from siscon.domain.accounts import AccountRule
from siscon.domain.commands import Command, CommandRow
from siscon.domain.conflicts import Policy
from siscon.domain.errors import SisconError
from siscon.domain.guards import GuardLimits
from siscon.domain.records import Entity
from siscon.domain.roles import Role
from siscon.domain.runs import Counts, Lane, Run, RunKind, RunStatus
from siscon.engine import inbox
from siscon.engine.accounts import Accounts
from siscon.engine.carriers import carry
from siscon.engine.job import ImportJob
from siscon.engine.judging import Judge
from siscon.store import commands, integrations, leases, run_counts, runs
from siscon.store.database import Database
from siscon.store.sqlite import open_database
from siscon.store.vault import Vault
from support.fake_sis import FakeProvider, FakeSis

NAME = "harbor"


def anybody(_actor: str) -> Role:
    """A judge for whom everybody is an administrator."""
    return Role.ADMIN


class NoMeter:
    def take(self) -> int:
        return 0

    def take_trouble(self) -> tuple[int, int]:
        return 0, 0

    def quiet_s(self) -> float:
        return 0.0


@dataclass
class TestHouse:
    """One integration named ``harbor`` over a fake SIS; ``now_ms`` is moved by hand."""

    __test__ = False

    db: Database
    vault: Vault
    sis: FakeSis
    now_ms: int = 1_800_000_000_000
    batch: int = 2
    limits: GuardLimits = field(default_factory=lambda: GuardLimits(at_least=1_000))
    policies: dict[Entity, Policy] = field(default_factory=dict)
    entities: tuple[Entity, ...] = tuple(Entity)
    absence: AbsenceRules = field(default_factory=AbsenceRules)
    accounts: dict[Entity, AccountRule] = field(default_factory=dict)
    slept: list[float] = field(default_factory=list)

    async def enqueue(self, *, full: bool = False, dry: bool = False) -> int:
        async with self.db.transaction() as c:
            run_id = await runs.enqueue(
                c,
                integration=NAME,
                kind=RunKind.IMPORT,
                lane=Lane.BULK,
                entities=self.entities,
                full=full,
                requested_by="tester",
                due_at_ms=None,
                now_ms=self.now_ms,
                dry=dry,
            )
        assert run_id is not None
        return run_id

    async def start(self, run_id: int, *, engine: str = "one") -> ImportJob:
        """Claim a run and take its lease, as a worker does."""
        async with self.db.transaction() as c:
            lease = await leases.take(c, f"credential:{NAME}", engine, ttl_s=60, now_ms=self.now_ms)
            assert lease is not None
            run = await runs.claim(c, run_id, engine=engine, now_ms=self.now_ms)
        return self.job(run, lease)

    def job(self, run: Run, lease: Any) -> ImportJob:
        return ImportJob(
            db=self.db,
            lease=lease,
            run=run,
            provider=FakeProvider(self.sis),
            vault=self.vault,
            batch=self.batch,
            limits=self.limits,
            policies=self.policies,
            absence=self.absence,
            accounts=Accounts(self.accounts),
            incremental=False,
            meter=NoMeter(),
            now_ms=lambda: self.now_ms,
            host="sis.example",
            sleep=self._pass,
        )

    async def _pass(self, seconds: float) -> None:
        self.now_ms += int(seconds * 1000)
        self.slept.append(seconds)

    async def go_on(self, job: ImportJob) -> RunStatus:
        """Run until the import rests, and move the run there; errors leave it interrupted and queued."""
        try:
            status = await carry(job)
        except (SisconError, asyncio.CancelledError):
            async with self.db.transaction() as c:
                await runs.move(c, job.run.id, RunStatus.INTERRUPTED, now_ms=self.now_ms)
                await runs.move(c, job.run.id, RunStatus.QUEUED, now_ms=self.now_ms)
            raise
        async with self.db.transaction() as c:
            await runs.move(c, job.run.id, status, now_ms=self.now_ms)
        return status

    async def sync(self) -> tuple[RunStatus, dict[Entity, Counts]]:
        """One whole import; its end and its counts."""
        self.now_ms += 60_000
        run_id = await self.enqueue()
        status = await self.go_on(await self.start(run_id))
        async with self.db.read() as c:
            return status, {one.entity: one for one in await run_counts.of_run(c, run_id)}

    async def carry_on(self, run_id: int) -> RunStatus:
        """See a run that a command has queued to where it rests."""
        return await self.go_on(await self.start(run_id))

    async def ask(self, command: Command, *, judge: Judge = anybody) -> CommandRow:
        """Leave a command and have it carried out, as where no engine is alive."""
        async with self.db.transaction() as c:
            left = await commands.leave(c, command, actor="tester", now_ms=self.now_ms)
        await inbox.carry_out(self.db, vault=self.vault, live=None, judge=judge, now_ms=lambda: self.now_ms)
        async with self.db.read() as c:
            row = await commands.get(c, left)
        assert row is not None
        return row

    async def rows(self, sql: str) -> list[dict[str, Any]]:
        """What a look into the tables shows."""
        async with self.db.read() as c:
            return [dict(row) for row in await c.all(sql)]  # type: ignore[call-overload] # rows are mappings

    async def do(self, sql: str) -> None:
        """Change something behind the engine's back."""
        async with self.db.transaction() as c:
            await c.run(sql)

    async def content(self) -> dict[str, list[dict[str, Any]]]:
        """Roster, mappings and open questions as they stand, without moments."""
        tables = (
            "schools terms staff students courses sections enrollments staff_schools section_terms "
            f"section_instructors {NAME}_mappings conflicts dead_records"
        ).split()
        return {
            table: [_timeless(row) for row in await self.rows(f"SELECT * FROM {table}")] for table in tables
        }


def _timeless(row: dict[str, Any]) -> dict[str, Any]:
    moments = ("_at_ms", "_at", "missing_since", "run_id", "raw", "attempts")
    return {name: value for name, value in row.items() if not name.endswith(moments)}


@asynccontextmanager
async def test_house(folder: Path, sis: FakeSis) -> AsyncIterator[TestHouse]:
    """Open a fresh database and activate the integration."""
    db = await open_database(folder / "siscon.db")
    try:
        async with db.transaction() as c:
            await integrations.activate(
                c, name=NAME, provider="fake", title="Fake SIS", schedule="", requests_per_minute=0, now_ms=1
            )
        yield TestHouse(db, Vault([secrets.token_bytes(32)]), sis)
    finally:
        await db.close()


test_house.__test__ = False  # type: ignore[attr-defined] # its name reads well, but it is no test
