"""The line to an SIS fails, or it answers nonsense, in the middle of an import: nobody is lost, nobody is missing."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from siscon import runtime
from siscon.domain.events import EventKind
from siscon.domain.retry import BREAKER_FAILURES
from siscon.domain.runs import GOOD_ENDS, RunStatus
from siscon.store import events
from support.clock import LIMIT_S
from support.processes import Sandbox, ServedHouse, config_for, running_sandbox, served_houses

STUDENTS = 60


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path / "sandbox", students=STUDENTS) as found:
        yield found


@pytest.fixture
async def house(tmp_path: Path, sandbox: Sandbox) -> AsyncIterator[ServedHouse]:
    settings = config_for(tmp_path / "house", sandbox)
    with served_houses() as children:
        async with runtime.open_house(settings) as opened:
            one = ServedHouse(settings, opened.db, children)
            child = await one.serve()
            await one.ask_for_import()
            await one.reaches(*GOOD_ENDS)
            yield one
            one.end(child, signal.SIGTERM)


@pytest.mark.long
@pytest.mark.parametrize(
    "fault",
    [
        {"fail_next": {"status": 503, "times": 3, "path": "/ws"}},
        {"fail_next": {"status": 429, "times": 2, "path": "/ws", "retry_after": 1}},
        {"html_200": 2},
        {"truncate_json": 2},
        {"drop_connection": 3},
    ],
    ids=lambda fault: next(iter(fault)),
)
async def test_a_fault_that_passes_costs_nothing_but_time(
    house: ServedHouse, sandbox: Sandbox, fault: dict[str, Any]
):
    before = await house.content()
    sandbox.control("faults", fault)
    await house.ask_for_import()
    run = await next_end(house, after=1)

    assert run.status is RunStatus.COMPLETED
    assert await house.content() == before


@pytest.mark.long
async def test_an_outage_of_half_a_minute_opens_the_breaker_and_ends_no_run(
    house: ServedHouse, sandbox: Sandbox
):
    before = await house.content()
    sandbox.control("faults", {"fail_next": {"status": 503, "times": BREAKER_FAILURES, "path": "/ws"}})
    await house.ask_for_import()
    run = await next_end(house, after=1)

    assert run.status is RunStatus.COMPLETED
    assert await house.content() == before
    async with house.db.read() as c:
        kinds = [one.kind for one in await events.latest(c)]
    assert EventKind.BREAKER_OPENED in kinds
    assert EventKind.BREAKER_CLOSED in kinds


@pytest.mark.long
async def test_an_sis_that_suddenly_lists_nobody_makes_nobody_missing(house: ServedHouse, sandbox: Sandbox):
    sandbox.control("faults", {"empty_lists": True})
    await house.ask_for_import()
    run = await next_end(house, after=1)

    assert run.status is RunStatus.HELD
    async with house.db.read() as c:
        row = await c.one("SELECT count(*) AS n FROM powerschool_mappings WHERE missing_since IS NOT NULL")
    assert row is not None
    assert row["n"] == 0


async def next_end(house: ServedHouse, *, after: int, within_s: float = 2 * LIMIT_S) -> Any:
    """The end of the run that follows another; a held run rests as well."""
    return await house.reaches(*GOOD_ENDS, RunStatus.HELD, RunStatus.FAILED, within_s=within_s, after=after)
