"""A run that waits, for whatever over a real connection, ends or rests within two seconds of being asked to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from siscon.domain.commands import CancelRun, ContinueRun, PauseRun, StartRun
from siscon.domain.runs import GOOD_ENDS, Run, RunStatus
from siscon.providers.contract import Provider, ProviderSettings, Rate
from siscon.providers.registry import load
from siscon.sandbox import launch
from siscon.sandbox.origin import client_id_of
from siscon.sandbox.state import SandboxState
from siscon.sandbox.systems import SYSTEMS
from siscon.sandbox.world import CONTROL
from siscon.store import integrations, leases
from siscon.store.sqlite import SqliteDatabase, open_database
from siscon.store.vault import Vault
from support.clock import LIMIT_S, until
from support.engines import LivingEngine, living_engine
from support.engines import settings_for as engine_settings
from support.sandbox_sis import sandbox, settings_for

NAME = "infinite_campus"
WITHIN_S = 2.0
FREE, ONE_A_MINUTE = Rate(0), Rate(requests=1, per_s=60.0)

Look = Callable[[SqliteDatabase, Run], Awaitable[bool]]


@pytest.fixture
def vault() -> Vault:
    return Vault([bytes(range(32))])


def paced(rate: Rate) -> type[Provider]:
    kind = load(NAME)

    class Paced(kind):  # type: ignore[misc, valid-type] # made from what was loaded
        @classmethod
        def rate_for(cls, settings: ProviderSettings) -> Rate:
            return rate

    return Paced


async def control(state: SandboxState, action: str, body: Any = None) -> Any:
    url = f"http://127.0.0.1:{state.ports[list(SYSTEMS).index(NAME)]}{CONTROL}{action}"
    async with httpx.AsyncClient(trust_env=False, timeout=LIMIT_S) as client:
        headers = {"X-Sandbox-Control": "yes"}
        answer = await client.request("GET" if body is None else "POST", url, json=body, headers=headers)
    return answer.json()


@asynccontextmanager
async def an_import(
    folder: Path, state: SandboxState, rate: Rate, faults: dict[str, Any], vault: Vault
) -> AsyncIterator[tuple[SqliteDatabase, LivingEngine, int]]:
    """An import over the sandbox with these faults, under way."""
    own = settings_for(load(NAME), state, page_size=10)
    settings = engine_settings(
        folder,
        provider=NAME,
        base_url=own.base_url,
        client_id=client_id_of(SYSTEMS[NAME]),
        client_secret=launch.INVENTED_SECRET,
        settings=own.model_dump(exclude={"base_url"}, exclude_defaults=True),
    )
    await control(state, "faults", faults)
    db = await open_database(folder / "siscon.db", synchronous="normal")
    try:
        kind = paced(rate)
        async with living_engine(db, settings, vault, load_provider=lambda _: kind) as living:
            row = await living.ask(StartRun("harbor"))
            assert row.run_id is not None
            yield db, living, row.run_id
    finally:
        await db.close()


async def waits_for_its_turn(_db: SqliteDatabase, run: Run) -> bool:
    return run.status is RunStatus.RUNNING and run.waiting_until_ms is not None


async def waits_for_the_breaker(db: SqliteDatabase, _run: Run) -> bool:
    async with db.read() as c:
        found = await integrations.one(c, "harbor")
    return found is not None and found.breaker_state != "closed"


async def is_under_way(_db: SqliteDatabase, run: Run) -> bool:
    return run.status is RunStatus.RUNNING


DOWN = {"fail_next": {"status": 503, "times": 10_000, "retry_after": 60}}
WAITS: dict[str, tuple[Rate, dict[str, Any], Look]] = {
    "a rate window": (ONE_A_MINUTE, {}, waits_for_its_turn),
    "a retry that the SIS named": (FREE, DOWN, is_under_way),
    "an open breaker": (FREE, {"fail_next": {"status": 503, "times": 10_000}}, waits_for_the_breaker),
    "a slow answer": (FREE, {"delay_ms": 60_000}, is_under_way),
}


@pytest.mark.long
@pytest.mark.parametrize("waits", WAITS)
async def test_a_run_that_waits_is_cancelled_or_rests_within_two_seconds(
    tmp_path: Path, vault: Vault, waits: str
) -> None:
    rate, faults, look = WAITS[waits]
    (tmp_path / "sis").mkdir()
    async with sandbox(tmp_path / "sis", students=40) as state:
        for command, end in ((CancelRun, RunStatus.CANCELLED), (PauseRun, RunStatus.PAUSED)):
            home = tmp_path / end.value
            home.mkdir()
            async with an_import(home, state, rate, faults, vault) as (db, living, run_id):

                async def is_there(
                    db: SqliteDatabase = db, living: LivingEngine = living, id_: int = run_id
                ) -> bool:
                    return await look(db, await living.run(id_))

                await until(is_there)
                await living.ask(command(run_id))
                await living.reaches(run_id, end, within_s=WITHIN_S)
                async with db.read() as c:
                    assert await leases.holder(c, "credential:harbor", now_ms=1 << 60) is None
                await control(state, "faults", {"delay_ms": 0, "fail_next": None})


@pytest.mark.long
async def test_a_paused_run_goes_on_where_it_stood_and_asks_for_no_page_twice(
    tmp_path: Path, vault: Vault
) -> None:
    for part in ("sis", "calm", "rests"):
        (tmp_path / part).mkdir()

    async def pages(state: SandboxState) -> int:
        asked = (await control(state, "stats"))["by_path"]
        return sum(n for path, n in asked.items() if "/ims/" in path)

    async with sandbox(tmp_path / "sis", students=60) as state:
        async with an_import(tmp_path / "calm", state, FREE, {}, vault) as (_, living, run_id):
            await until(lambda: _ended(living, run_id))
        calm = await pages(state)
        async with an_import(tmp_path / "rests", state, FREE, {"delay_ms": 60}, vault) as (
            db,
            living,
            run_id,
        ):
            seen = 0
            for _ in range(3):

                async def has_got_on(
                    db: SqliteDatabase = db,
                    living: LivingEngine = living,
                    id_: int = run_id,
                    seen: int = seen,
                ) -> bool:
                    run = await living.run(id_)
                    return run.status is RunStatus.RUNNING and await _staged(db) > seen

                await until(has_got_on)
                await living.ask(PauseRun(run_id))
                run = await living.reaches(run_id, RunStatus.PAUSED, within_s=WITHIN_S)
                assert run.pause_requested_by == "ann(1000)"
                seen = await _staged(db)
                await living.ask(ContinueRun(run_id))
            await control(state, "faults", {"delay_ms": 0})
            await until(lambda: _ended(living, run_id))
            run = await living.run(run_id)
        rested = await pages(state) - calm

    assert run.attempt == 4
    # A pause gives up at most the page that is being asked for, and what a new attempt asks first.
    assert rested <= calm + 3 * 3


async def _staged(db: SqliteDatabase) -> int:
    async with db.read() as c:
        row = await c.one("SELECT count(*) AS n FROM staged")
    return int(row["n"]) if row is not None else 0


async def _ended(living: LivingEngine, run_id: int) -> bool:
    return (await living.run(run_id)).status in GOOD_ENDS
