"""A provider that breaks the contract harms its own run: the run fails with its name, and nothing is applied."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import pytest

from siscon.domain.errors import ProviderError, TransientError
from siscon.domain.records import Entity, Part, School, Student
from siscon.engine import bounded, page_checks, told
from siscon.engine.job import ImportJob
from siscon.engine.links import WatchedFiles
from siscon.engine.meter import CURRENT, Meter
from siscon.providers.contract import Drop, Page, Rejected
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


class Word(str):
    """Text that a thrifty encoder takes for a list of letters."""


class Fleeting(list[Any]):
    """A list that is another one at the second look."""

    def __init__(self, *looks: list[Any]) -> None:
        super().__init__(looks[0])
        self.looks = [*looks]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.looks.pop(0) if self.looks else [])


async def test_a_fault_names_the_line_where_it_left_the_file_of_the_provider(house: TestHouse) -> None:
    def deeper() -> None:
        raise LookupError("Kim Marsh")

    async def walk(_: Entity) -> AsyncIterator[Page]:
        yield Page([ONE], "1")
        deeper()

    job = await job_of(house, walk)
    with pytest.raises(ProviderError) as told:
        async for _page in bounded.pages_of(job, Entity.SCHOOL, cursor=None, resume=None):
            pass

    line = deeper.__code__.co_firstlineno + 1
    assert f"raised LookupError in line {line} of test_bounded.py." in told.value.sentence
    assert "Marsh" not in told.value.sentence


async def test_a_fault_outside_the_file_of_the_provider_names_no_line(house: TestHouse) -> None:
    error = KeyError("x")
    assert told.line_of(error, Odd(giving())) == ""


RUBBISH: dict[str, Any] = {
    "nothing": None,
    "a number": 7,
    "a fraction": float("nan"),
    "an enormous number": 10**30,
    "a truth": True,
    "bytes": b"x",
    "text": "x",
    "half a character": "\ud800",
    "a subclass of text": Word("x"),
    "a list of things": [object()],
    "a list of lists": [[]],
    "an empty list": [],
    "a set": {"name"},
    "a mapping": {"name": 1},
    "an empty mapping": {},
    "a class": School,
}
GOOD_PAGE = {
    "records": {"an empty list"},
    "rejected": {"an empty list"},
    "absent_fields": {"an empty list"},
    "resume": {"nothing", "text"},
    "cursor": {"nothing", "text"},
    "total": {"nothing", "a number"},
    "note": {"text"},
    "partial": {"a truth"},
    "modified": {"an empty mapping"},
}
GOOD_REJECTED = {
    "external_id": {"nothing", "text"},
    "code": {"text"},
    "sentence": {"text"},
    "field": {"nothing", "text"},
    "raw": {"text"},
    "part": {"text"},
    "fields": set(),
}


def test_the_rules_know_every_field_of_a_page() -> None:
    assert set(page_checks.PAGE_FIELDS) == {one.name for one in fields(Page)} == set(GOOD_PAGE)
    assert set(page_checks.REJECTED_FIELDS) == {one.name for one in fields(Rejected)} == set(GOOD_REJECTED)


async def first_page(job: ImportJob, page: Any) -> Page:
    walk = bounded.pages_of(replace(job, provider=Odd(giving(page))), Entity.SCHOOL, cursor=None, resume=None)
    async with aclosing(walk) as pages:
        return await anext(pages)


async def is_refused(job: ImportJob, page: Any) -> bool:
    try:
        assert await first_page(job, page) == page
    except ProviderError as error:
        return error.code == "bad_provider"
    return False


@pytest.fixture
async def job(house: TestHouse) -> ImportJob:
    return await job_of(house, giving())


@pytest.mark.parametrize("field", GOOD_PAGE)
async def test_each_field_of_a_page_is_looked_at(job: ImportJob, field: str) -> None:
    for value, rubbish in RUBBISH.items():
        page = replace(Page([ONE], None), **{field: rubbish})
        assert await is_refused(job, page) is (value not in GOOD_PAGE[field]), value


@pytest.mark.parametrize("field", GOOD_REJECTED)
async def test_each_field_of_a_rejected_record_is_looked_at(job: ImportJob, field: str) -> None:
    for value, rubbish in RUBBISH.items():
        one = replace(Rejected("u1", "c", "s", None, "{}"), **{field: rubbish})
        refused = await is_refused(job, Page([], None, rejected=[one]))
        assert refused is (value not in GOOD_REJECTED[field]), value


@pytest.mark.parametrize("field", ["name", "number", "status", "custom"])
async def test_each_field_of_a_record_is_looked_at(job: ImportJob, field: str) -> None:
    for value in set(RUBBISH) - {"nothing", "text", "half a character"}:
        whole = replace(ONE, **{field: RUBBISH[value]})
        part = Part(Entity.SCHOOL, "s1", "p", {field: RUBBISH[value]})
        assert await is_refused(job, Page([whole], None)), value
        assert await is_refused(job, Page([part], None)), value


@pytest.mark.parametrize("status", [None, "", "pupil"])
async def test_a_status_that_nobody_knows_is_refused(job: ImportJob, status: Any) -> None:
    assert await is_refused(job, Page([replace(ONE, status=status)], None))


async def test_a_list_of_many_is_no_field_that_can_be_absent(house: TestHouse) -> None:
    job = await job_of(house, giving(Page([], None, absent_fields=["schools"])))
    with pytest.raises(ProviderError):
        await anext(bounded.pages_of(job, Entity.STAFF, cursor=None, resume=None))


async def test_a_list_is_taken_as_it_was_looked_at(job: ImportJob) -> None:
    page = await first_page(job, Page(Fleeting([ONE], ["rubbish"]), None))

    assert list(page.records) == list(page.records) == [ONE]


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

    def take_trouble(self) -> tuple[int, int]:
        return 0, 0

    def quiet_s(self) -> float:
        return self.seconds


@dataclass
class Looked:
    """A meter that is asked through the test."""

    quiet_s: Callable[[], float]

    def take(self) -> int:
        return 0

    def take_trouble(self) -> tuple[int, int]:
        return 0, 0


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


class SlowFiles:
    """Files that come when the test lets them."""

    def __init__(self) -> None:
        self.asked, self.come = asyncio.Event(), asyncio.Event()

    async def listing(self) -> list[Drop]:
        return []

    async def fetch(self, drop: Drop) -> Path:
        self.asked.set()
        await self.come.wait()
        return Path(drop.name)


async def test_files_that_come_slowly_are_waited_for_and_a_rest_without_any_is_not(
    house: TestHouse,
) -> None:
    slow = SlowFiles()
    files, meter = WatchedFiles(slow), Meter(1)
    looks: list[float] = []

    async def reads(_: Entity) -> AsyncIterator[Page]:
        await files.fetch(Drop("a.zip", 1, 1))
        yield Page([ONE], "1")
        await asyncio.Event().wait()

    def look() -> float:
        looks.append(meter.quiet_s())
        if len(looks) == 2 * bounded.LOOKS:
            slow.come.set()
        return looks[-1]

    job = replace(await job_of(house, reads), meter=Looked(look))
    token = CURRENT.set(meter)
    try:
        async with aclosing(
            bounded.pages_of(job, Entity.SCHOOL, cursor=None, resume=None, stall_s=0.1)
        ) as pages:
            assert (await anext(pages)).resume == "1"
            assert set(looks[: 2 * bounded.LOOKS]) == {0.0}
            with pytest.raises(ProviderError) as caught:
                await anext(pages)
    finally:
        CURRENT.reset(token)

    assert caught.value.code == "stalled"


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
