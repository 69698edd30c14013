"""A provider that breaks the contract harms its own run: the run fails with its name, and nothing is applied."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from siscon.domain.errors import ProviderError, TransientError
from siscon.domain.records import Entity, Part, School, Student
from siscon.engine import bounded
from siscon.engine.job import ImportJob
from siscon.providers.contract import Page, Rejected
from support.fake_sis import FakeProvider, small_district
from support.house import TestHouse, test_house

ONE = School("s1", "Harbor", "1")


class Odd(FakeProvider):
    """Gives what a test says instead of pages."""

    name = "odd"

    def __init__(self, walk: Callable[..., Any]) -> None:
        super().__init__(small_district())
        self._walk = walk

    def pages(self, entity: Entity, *, cursor: str | None, resume: str | None) -> AsyncIterator[Page]:
        return self._walk(entity)


def giving(*pages: Any) -> Callable[[Entity], AsyncIterator[Any]]:
    async def walk(_: Entity) -> AsyncIterator[Any]:
        for page in pages:
            yield page

    return walk


def raising(fault: BaseException) -> Callable[[Entity], AsyncIterator[Any]]:
    async def walk(_: Entity) -> AsyncIterator[Any]:
        yield Page([ONE], "1")
        raise fault

    return walk


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[TestHouse]:
    async with test_house(tmp_path, small_district()) as opened:
        yield opened


async def job_of(house: TestHouse, walk: Callable[..., Any]) -> ImportJob:
    return replace(await house.start(await house.enqueue()), provider=Odd(walk))


STRANGE = {
    "no iterator": lambda _: None,
    "a list": lambda _: [Page([ONE], None)],
    "no page": giving({"records": []}),
    "text as records": giving(Page("abc", None)),  # type: ignore[arg-type] # this is what is tested
    "a generator as records": giving(Page((one for one in [ONE]), None)),  # type: ignore[arg-type]
    "another entity": giving(Page([Student("u1", "Kim", None, "Marsh")], None)),
    "no record": giving(Page([{"id": 1}], None)),  # type: ignore[list-item]
    "a number as id": giving(Page([School(7, "Harbor", "1")], None)),  # type: ignore[arg-type]
    "an empty id": giving(Page([School("", "Harbor", "1")], None)),
    "a number as field": giving(Page([School("s1", 7, "1")], None)),  # type: ignore[arg-type]
    "a part of another": giving(Page([Part(Entity.STUDENT, "u1", "p", {})], None)),
    "a part with strange fields": giving(Page([Part(Entity.SCHOOL, "s1", "p", {"colour": "red"})], None)),
    "a part with a set": giving(Page([Part(Entity.SCHOOL, "s1", "p", {"name": {1}})], None)),
    "resume as number": giving(Page([ONE], 7)),  # type: ignore[arg-type]
    "an enormous resume": giving(Page([ONE], "x" * 70_000)),
    "cursor as bytes": giving(Page([ONE], None, cursor=b"x")),  # type: ignore[arg-type]
    "total as text": giving(Page([ONE], None, total="9")),  # type: ignore[arg-type]
    "a negative total": giving(Page([ONE], None, total=-1)),
    "a note that is none": giving(Page([ONE], None, note=None)),  # type: ignore[arg-type]
    "an absent field that is none": giving(Page([ONE], None, absent_fields=["colour"])),
    "rejected that is none": giving(Page([], None, rejected=["u1"])),  # type: ignore[list-item]
    "rejected without words": giving(Page([], None, rejected=[Rejected("u1", "c", None, None, "")])),  # type: ignore[arg-type]
    "half a character": giving(Page([School("s1", "\ud800", "1")], None)),
    "no last page": giving(Page([ONE], "1")),
    "a repeated position": giving(Page([ONE], "1"), Page([ONE], "2"), Page([ONE], "1")),
    "its own fault": raising(KeyError("Kim Marsh")),
    "an endless recursion": raising(RecursionError()),
    "an exit": raising(SystemExit(3)),
    "an interrupt": raising(KeyboardInterrupt()),
    "a made-up cancellation": raising(asyncio.CancelledError()),
    "an end of iteration": raising(StopAsyncIteration()),
}


@pytest.mark.parametrize("walk", STRANGE.values(), ids=STRANGE)
async def test_a_broken_contract_fails_the_run_and_applies_nothing(
    house: TestHouse, walk: Callable[..., Any]
) -> None:
    job = await job_of(house, walk)

    with pytest.raises(ProviderError) as caught:
        await house.go_on(job)

    assert "harbor" in caught.value.sentence or caught.value.code == "no_last_page"
    assert "Kim" not in caught.value.sentence + caught.value.detail
    assert await house.rows("SELECT * FROM schools") == []


async def test_our_own_errors_pass_as_they_are(house: TestHouse) -> None:
    job = await job_of(house, raising(TransientError("no answer")))

    with pytest.raises(TransientError):
        async for _ in bounded.pages_of(job, Entity.SCHOOL, cursor=None, resume=None):
            pass


@pytest.mark.parametrize("rows", [0, 1])
async def test_a_walk_that_never_ends_is_ended(
    house: TestHouse, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded, "PAGES_MOST", 1000)

    async def walk(_: Entity) -> AsyncIterator[Page]:
        number = 0
        while True:
            number += 1
            yield Page([School(str(number), "x", "1")] * rows, str(number))

    job, given = await job_of(house, walk), 0

    async def count() -> None:
        nonlocal given
        async for _ in bounded.pages_of(job, Entity.SCHOOL, cursor=None, resume=None):
            given += 1

    with pytest.raises(ProviderError) as caught:
        await count()

    assert (caught.value.code, given) == ("paging_loop", 1000 if rows else bounded.EMPTY_MOST)


async def test_far_more_rows_than_announced_end_the_walk(house: TestHouse) -> None:
    async def walk(_: Entity) -> AsyncIterator[Page]:
        for number in range(30):
            yield Page([School(f"{number}", "x", "1")] * 1_000, str(number), total=4)

    job = await job_of(house, walk)
    with pytest.raises(ProviderError) as caught:
        async for _ in bounded.pages_of(job, Entity.SCHOOL, cursor=None, resume=None):
            pass

    assert caught.value.code == "paging_loop"


@dataclass
class Quiet:
    """A meter that says for how long nothing was under way."""

    seconds: float

    def take(self) -> int:
        return 0

    def quiet_s(self) -> float:
        return self.seconds


async def swallows_its_end(_: Entity) -> AsyncIterator[Page]:
    for _again in range(3):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            continue
    yield Page([ONE], None)


async def hangs(_: Entity) -> AsyncIterator[Page]:
    await asyncio.Event().wait()
    yield Page([ONE], None)


async def hangs_and_lies(_: Entity) -> AsyncIterator[Page]:
    try:
        await asyncio.Event().wait()
    finally:
        raise ValueError("no")
    yield Page([ONE], None)


@pytest.mark.parametrize("walk", [hangs, hangs_and_lies])
async def test_a_walk_that_hangs_with_nothing_under_way_is_ended(
    house: TestHouse, walk: Callable[..., Any]
) -> None:
    job = replace(await job_of(house, walk), meter=Quiet(9.0))

    with pytest.raises(ProviderError) as caught:
        async for _ in bounded.pages_of(job, Entity.SCHOOL, cursor=None, resume=None, stall_s=0.02):
            pass

    assert caught.value.code == "stalled"
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_walk_that_does_not_heed_its_end_is_told_again(house: TestHouse) -> None:
    job = replace(await job_of(house, swallows_its_end), meter=Quiet(9.0))

    given = [
        page async for page in bounded.pages_of(job, Entity.SCHOOL, cursor=None, resume=None, stall_s=0.02)
    ]

    assert len(given) == 1


async def test_a_walk_that_waits_for_the_sis_is_left_alone_and_can_be_cancelled(house: TestHouse) -> None:
    job = replace(await job_of(house, hangs), meter=Quiet(0.0))

    async def walk() -> None:
        async for _ in bounded.pages_of(job, Entity.SCHOOL, cursor=None, resume=None, stall_s=0.01):
            pass

    task = asyncio.create_task(walk())
    done, _ = await asyncio.wait({task}, timeout=0.1)
    assert not done

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_walk_is_closed_when_the_run_breaks_off(house: TestHouse) -> None:
    closed: list[bool] = []

    async def walk(_: Entity) -> AsyncIterator[Any]:
        try:
            yield Page([ONE], "1")
            yield "no page"
        finally:
            closed.append(True)
            raise OSError("at its end")

    job = await job_of(house, walk)
    with pytest.raises(ProviderError):
        await house.go_on(job)

    assert closed == [True]
