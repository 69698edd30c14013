"""A run outlives an outage, tells for whom it waits, and gives up only where nothing gets on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from siscon.domain.errors import ProviderError, TransientError
from siscon.domain.events import EventKind
from siscon.domain.records import Entity
from siscon.domain.retry import ROUNDS
from siscon.domain.runs import RunStatus
from siscon.providers.contract import Page
from siscon.store import events
from support.fake_sis import FakeProvider, small_district
from support.house import TestHouse, test_house


class Stumbling(FakeProvider):
    """Breaks off before each of these pages as often as told; ``mends``: a page that came is never lost again."""

    def __init__(self, house: TestHouse, *, times: int, every: bool = True) -> None:
        super().__init__(house.sis)
        self._times, self._every = times, every
        self._failed: dict[tuple[Entity, str | None], int] = {}

    async def pages(self, entity: Entity, *, cursor: str | None, resume: str | None) -> AsyncIterator[Page]:
        async for page in super().pages(entity, cursor=cursor, resume=resume):
            place = entity, page.resume
            if self._failed.get(place, 0) < self._times and (self._every or not self._failed):
                self._failed[place] = self._failed.get(place, 0) + 1
                raise TransientError("GET sis.example/list: the SIS could not be reached.")
            yield page


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[TestHouse]:
    async with test_house(tmp_path, small_district()) as opened:
        yield opened


async def waits(house: TestHouse) -> list[str]:
    async with house.db.read() as c:
        return [one.text for one in await events.latest(c) if one.kind is EventKind.RUN_WAITING]


async def test_a_run_goes_on_from_its_last_page_after_each_outage(house: TestHouse) -> None:
    job = await house.start(await house.enqueue())

    status = await house.go_on(replace(job, provider=Stumbling(house, times=ROUNDS - 1)))

    assert status is RunStatus.COMPLETED
    assert (await house.rows("SELECT count(*) AS n FROM students"))[0]["n"] == 5
    told = await waits(house)
    assert len(told) == len(house.slept) > 10
    assert all("sis.example" in one and "goes on with the" in one for one in told)
    assert await house.rows("SELECT 1 FROM runs WHERE waiting_until_ms IS NOT NULL") == []


async def test_a_run_gives_up_after_some_rounds_without_a_page(house: TestHouse) -> None:
    job = await house.start(await house.enqueue())

    with pytest.raises(TransientError) as caught:
        await house.go_on(replace(job, provider=Stumbling(house, times=1_000)))

    assert "sis.example" in caught.value.sentence
    assert "sync harbor again" in caught.value.sentence
    assert len(house.slept) == ROUNDS - 1
    assert await house.rows("SELECT * FROM dead_records") == []


async def test_what_will_not_pass_is_not_waited_for(house: TestHouse) -> None:
    house.sis.fail_at, house.sis.failure = (Entity.STUDENT, 0), ProviderError("it makes no sense")
    job = await house.start(await house.enqueue())

    with pytest.raises(ProviderError):
        await house.go_on(job)

    assert house.slept == []


@pytest.mark.parametrize("entity", [Entity.SCHOOL, Entity.TERM, Entity.ENROLLMENT])
async def test_an_empty_list_marks_nobody_missing(house: TestHouse, entity: Entity) -> None:
    await house.sync()
    house.sis.lists[entity] = []

    status, _ = await house.sync()

    assert status is RunStatus.HELD
    assert await house.rows("SELECT * FROM harbor_mappings WHERE missing_since IS NOT NULL") == []
    assert (
        "came back empty" in (await house.rows("SELECT error FROM runs ORDER BY id DESC LIMIT 1"))[0]["error"]
    )


async def test_a_watermark_of_the_future_is_not_kept(house: TestHouse) -> None:
    house.sis.mark = "2099-01-01T00:00:00Z"
    await house.sync()
    assert await house.rows("SELECT * FROM cursors WHERE watermark IS NOT NULL") == []

    house.sis.mark = "2026-11-20T00:00:00Z"
    await house.sync()
    marks = await house.rows("SELECT DISTINCT watermark FROM cursors")
    assert [one["watermark"] for one in marks] == ["2026-11-20T00:00:00Z"]
