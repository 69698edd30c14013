"""A run over a login that covers something else writes nothing before a person has looked."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from siscon.domain.commands import ApprovePlan, DiscardPlan
from siscon.domain.errors import TransientError
from siscon.domain.privacy import Secret
from siscon.domain.runs import Run, RunStatus
from siscon.domain.tokens import Token
from siscon.store import coverage, runs, tokens
from support.fake_sis import FakeProvider, small_district
from support.house import NAME, TestHouse, test_house


class Covering(FakeProvider):
    """Covers what the test says; an exception is raised."""

    def __init__(self, house: TestHouse, told: Any) -> None:
        super().__init__(house.sis)
        self._told = told if isinstance(told, list) else [told]

    async def coverage(self) -> Mapping[str, str]:
        told = self._told.pop(0) if len(self._told) > 1 else self._told[0]
        if isinstance(told, Exception):
            raise told
        return told


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[TestHouse]:
    async with test_house(tmp_path, small_district()) as opened:
        yield opened


async def sync(house: TestHouse, told: Any, run_id: int | None = None) -> tuple[RunStatus, Run]:
    job = await house.start(run_id or await house.enqueue())
    status = await house.go_on(dataclasses.replace(job, provider=Covering(house, told)))
    async with house.db.read() as c:
        run = await runs.get(c, job.run.id)
    assert run is not None
    return status, run


async def known(house: TestHouse) -> dict[str, str]:
    async with house.db.read() as c:
        return await coverage.known(c, NAME)


async def test_another_school_year_is_held_before_anything_is_written(house: TestHouse) -> None:
    await sync(house, {"school year": "2026"})
    house.sis.lists.clear()
    for listed in small_district().lists.values():
        house.sis.hold(*(dataclasses.replace(one, external_id=f"n{one.external_id}") for one in listed))
    before = await house.content()

    status, run = await sync(house, {"school year": "2027"})

    assert (status, run.error_code) == (RunStatus.HELD, "coverage_changed")
    assert "school year 2026 → 2027" in run.error
    assert await house.content() == before
    assert await known(house) == {"school year": "2026"}


async def test_approval_makes_it_the_known_coverage_at_the_good_end(house: TestHouse) -> None:
    await sync(house, {"school year": "2026"})
    _, run = await sync(house, {"school year": "2027"})
    await house.ask(ApprovePlan(run.id, "summer is over"))

    status, _ = await sync(house, {"school year": "2027"}, run.id)

    assert status is RunStatus.COMPLETED
    assert await known(house) == {"school year": "2027"}
    assert (await sync(house, {"school year": "2027"}))[0] is RunStatus.COMPLETED


async def test_a_discarded_plan_leaves_what_is_known(house: TestHouse) -> None:
    await sync(house, {"school year": "2026"})
    _, run = await sync(house, {"school year": "2027"})
    await house.ask(DiscardPlan(run.id, "wrong login"))

    assert (await sync(house, {"school year": "2026"}))[0] is RunStatus.COMPLETED
    assert await known(house) == {"school year": "2026"}


@pytest.mark.parametrize("odd", [KeyError("x"), None, {"a": 7}, {}], ids=str)
async def test_a_provider_that_cannot_tell_holds_nobody_up(house: TestHouse, odd: Any) -> None:
    await sync(house, {"school year": "2026"})

    assert (await sync(house, odd))[0] is RunStatus.COMPLETED
    assert await known(house) == {"school year": "2026"}


async def test_what_is_new_is_no_change(house: TestHouse) -> None:
    await sync(house, {"school year": "2026"})

    assert (await sync(house, {"school year": "2026", "region": "north"}))[0] is RunStatus.COMPLETED
    assert await known(house) == {"school year": "2026", "region": "north"}


async def test_faults_that_pass_are_waited_out(house: TestHouse) -> None:
    status, _ = await sync(house, [TransientError("no answer"), TransientError("no"), {"year": "1"}])

    assert (status, await known(house)) == (RunStatus.COMPLETED, {"year": "1"})
    assert len(house.slept) == 2


async def granted(house: TestHouse, scope: str) -> None:
    async with house.db.transaction() as c:
        await tokens.save(c, house.vault, NAME, Token(Secret("t"), 0, None, scope=scope))


async def test_a_lost_scope_is_named(house: TestHouse) -> None:
    await granted(house, "roster demographics")
    assert (await sync(house, {}))[0] is RunStatus.COMPLETED
    assert await known(house) == {"scopes": "demographics roster"}

    await granted(house, "roster")
    status, run = await sync(house, {})

    assert status is RunStatus.HELD
    assert "lost the scope demographics" in run.error
