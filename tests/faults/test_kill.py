"""Engines that are killed, stopped for long or told to end in the middle of an import: nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from siscon import runtime
from siscon.domain.leases import LEASE_TTL_S
from siscon.domain.runs import GOOD_ENDS, RunStatus
from siscon.store import leases
from siscon.store.database import Database
from support.clock import until
from support.processes import Sandbox, ServedHouse, config_for, running_sandbox, served_houses

STUDENTS = 150
PAGE_SIZE = 6
"""So many pages that no import ends before it is disturbed, however slow the one who disturbs it is."""
Settle = Callable[..., Awaitable[ServedHouse]]


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path / "sandbox", students=STUDENTS) as found:
        yield found


@pytest.fixture
async def settle(tmp_path: Path, sandbox: Sandbox) -> AsyncIterator[Settle]:
    """Open a house of a name over the sandbox; its engines end with the test."""
    async with AsyncExitStack() as stack:
        children = stack.enter_context(served_houses())

        async def open_one(name: str, *, rate: int = 0) -> ServedHouse:
            settings = config_for(tmp_path / name, sandbox, rate=rate, page_size=PAGE_SIZE)
            house = await stack.enter_async_context(runtime.open_house(settings))
            return ServedHouse(settings, house.db, children)

        yield open_one


async def undisturbed(settle: Settle, sandbox: Sandbox) -> tuple[ServedHouse, int]:
    """A house after one import that nobody disturbed, and how many pages that took."""
    house = await settle("calm")
    before = sandbox.pages
    child = await house.serve()
    await house.ask_for_import()
    await house.reaches(*GOOD_ENDS)
    house.end(child, signal.SIGTERM)
    return house, sandbox.pages - before


async def changes(db: Database) -> tuple[int, int]:
    async with db.read() as c:
        row = await c.one("SELECT (SELECT count(*) FROM changes) AS n, (SELECT max(id) FROM events) AS e")
    assert row is not None
    return row["n"], row["e"]


@pytest.mark.long
async def test_ten_kills_in_one_import_leave_what_an_undisturbed_one_leaves(settle: Settle, sandbox: Sandbox):
    calm, asked = await undisturbed(settle, sandbox)
    sandbox.control("faults", {"delay_ms": 80})
    house = await settle("storm")
    rng, before, kills = random.Random(11), sandbox.pages, 0
    await house.ask_for_import()
    while kills < 10:
        asked_so_far = sandbox.pages
        child = await house.serve(ready=False)
        await house.reaches_attempt(kills + 1)
        if kills % 2:  # three that die at the same place would end it
            await until(lambda most=asked_so_far + 2: sandbox.pages >= most)
        await asyncio.sleep(rng.random() * 0.35)
        house.end(child)
        assert await runtime.find_engine(house.db) is None
        kills += 1
    run = await house.newest()
    assert run is not None
    assert run.status is RunStatus.RUNNING, "slow the sandbox down: the import ended before ten kills"
    sandbox.control("faults", {"delay_ms": 0})
    child = await house.serve()
    await house.reaches_attempt(kills + 1, within_s=LEASE_TTL_S / 2)
    run = await house.reaches(*GOOD_ENDS)
    house.end(child, signal.SIGTERM)

    assert run.attempt == kills + 1
    assert await house.content() == await calm.content()
    assert await house.counts() == await calm.counts()
    assert sandbox.pages - before <= asked + kills


@pytest.mark.long
async def test_an_engine_asleep_for_longer_than_its_lease_writes_nothing_when_it_wakes(
    settle: Settle, sandbox: Sandbox
):
    calm, _ = await undisturbed(settle, sandbox)
    sandbox.control("faults", {"delay_ms": 60})
    house = await settle("asleep")
    sleeper = await house.serve()
    await house.ask_for_import()
    await house.reaches(RunStatus.RUNNING)
    await asyncio.sleep(0.5)
    sleeper.process.send_signal(signal.SIGSTOP)
    sandbox.control("faults", {"delay_ms": 0})
    other = await house.serve()
    run = await house.reaches(*GOOD_ENDS)
    assert run.attempt == 2
    content, (n_changes, last_event) = await house.content(), await changes(house.db)
    sleeper.process.send_signal(signal.SIGCONT)
    await until(lambda: _has_come_back(house, last_event))

    assert await house.content() == content
    assert content == await calm.content()
    assert (await changes(house.db))[0] == n_changes
    assert await house.newest() == run
    for child in (sleeper, other):
        assert house.end(child, signal.SIGTERM) == 0


async def _has_come_back(house: ServedHouse, last_event: int) -> bool:
    async with house.db.read() as c:
        row = await c.one(
            "SELECT count(*) AS n FROM events WHERE id > :id AND kind = 'engine started'", {"id": last_event}
        )
    return row is not None and row["n"] == 1


@pytest.mark.long
async def test_an_engine_told_to_end_does_so_in_time_and_the_next_goes_on_at_once(
    settle: Settle, sandbox: Sandbox
):
    calm, asked = await undisturbed(settle, sandbox)
    sandbox.control("faults", {"delay_ms": 60})
    house = await settle("told")
    before = sandbox.pages
    child = await house.serve()
    await house.ask_for_import()
    await house.reaches(RunStatus.RUNNING)
    await asyncio.sleep(0.4)
    child.process.send_signal(signal.SIGHUP)
    child.process.send_signal(signal.SIGTERM)
    await until(lambda: child.process.poll() is not None, within_s=5)
    assert child.process.returncode == 0
    run = await house.newest()
    assert run is not None
    assert run.status is RunStatus.QUEUED
    async with house.db.read() as c:
        assert await c.all("SELECT name FROM leases WHERE owner <> ''") == []
        assert not any(one.alive for one in await leases.engines(c, now_ms=1))
    sandbox.control("faults", {"delay_ms": 0})
    child = await house.serve()
    await house.reaches(*GOOD_ENDS)
    house.end(child, signal.SIGTERM)

    assert await house.content() == await calm.content()
    assert sandbox.pages - before <= asked + 1


@pytest.mark.long
async def test_the_rate_holds_across_a_kill(settle: Settle, sandbox: Sandbox):
    sandbox.control("reset", {})
    house = await settle("rate", rate=60)
    await house.ask_for_import()
    for attempt in range(1, 5):
        child = await house.serve(ready=False)
        await house.reaches_attempt(attempt)
        await asyncio.sleep(2)
        await until(lambda least=2 * attempt: sandbox.control("stats")["requests"] >= least)
        house.end(child)

    stats = sandbox.control("stats")
    assert stats["requests"] > 5
    assert stats["max_in_60s"] <= 60
    assert stats["throttled"] == 0


@pytest.mark.long
async def test_an_engine_that_cannot_start_says_why_in_its_last_sentence(settle: Settle, tmp_path: Path):
    house = await settle("broken")
    (house.settings.file).write_text("integrations: []\n", encoding="utf-8")
    child = await house.serve(ready=False)
    with pytest.raises(runtime.ConfigError, match="The engine ended at once"):
        await runtime.wait_for_engine(house.db, child=child)
