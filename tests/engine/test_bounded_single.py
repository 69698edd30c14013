"""Single records and what belongs to one: a provider's answers to such questions are held to the contract, too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from siscon.domain.errors import ProviderError, TransientError
from siscon.domain.records import Enrollment, Entity, Part, School, Student
from siscon.engine import bounded
from siscon.engine.job import ImportJob
from siscon.providers.contract import Page, Rejected
from support.fake_sis import FakeProvider, small_district
from support.house import TestHouse, test_house

KIM = Student("u1", "Kim", None, "Marsh")
SEAT = Enrollment("e1", "x1", "u1")


class Odd(FakeProvider):
    name = "odd"

    def __init__(self, given: Any) -> None:
        super().__init__(small_district())
        self._given = given

    async def one(self, entity: Entity, external_id: str) -> Any:
        return await self._answer()

    async def related(self, entity: Entity, of: Entity, external_id: str) -> Any:
        return await self._answer()

    async def _answer(self) -> Any:
        if isinstance(self._given, BaseException):
            raise self._given
        if self._given == "nothing, for ever":
            await asyncio.Event().wait()
        return self._given


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[TestHouse]:
    async with test_house(tmp_path, small_district()) as opened:
        yield opened


async def job_of(house: TestHouse, given: Any) -> ImportJob:
    return replace(await house.start(await house.enqueue()), provider=Odd(given))


async def one(house: TestHouse, given: Any) -> Page | None:
    return await bounded.page_of(await job_of(house, given), Entity.STUDENT, "u1")


async def related(house: TestHouse, given: Any) -> Page | None:
    job = await job_of(house, given)
    return await bounded.related_of(job, Entity.ENROLLMENT, Entity.STUDENT, "student", "u1")


BAD_FOR_ANY = [
    {"records": []},
    [Page([], None)],
    Page([], "more"),
    Page([School("s1", "Harbor")], None),
    Page("abc", None),  # type: ignore[arg-type] # this is what is tested
    Page([], None, modified={"u1": 7}),  # type: ignore[dict-item] # this, too
    KeyError("Kim"),
]


@pytest.mark.parametrize("given", BAD_FOR_ANY, ids=range(len(BAD_FOR_ANY)))
@pytest.mark.parametrize("ask", [one, related])
async def test_what_is_no_single_page_is_a_fault_of_the_provider(
    house: TestHouse, ask: Any, given: Any
) -> None:
    with pytest.raises(ProviderError) as caught:
        await ask(house, given)

    assert "provider odd" in caught.value.sentence
    assert "Kim" not in caught.value.sentence + caught.value.detail


BAD_ONES = [
    Page([Student("u2", "Kim", None, "Marsh")], None),
    Page([KIM, Part(Entity.STUDENT, "u2", "p", {"gender": "X"})], None),
    Page([], None, [Rejected("u2", "c", "s", None, "{}")]),
]


@pytest.mark.parametrize("given", BAD_ONES, ids=range(len(BAD_ONES)))
async def test_another_record_than_was_asked_for_is_never_taken(house: TestHouse, given: Page) -> None:
    with pytest.raises(ProviderError, match="another record"):
        await one(house, given)


BAD_SEATS = [
    Page([SEAT, Enrollment("e2", "x1", "u2")], None),
    Page([Part(Entity.ENROLLMENT, "e1", "p", {"begins_on": "2026-09-01"})], None),
]


@pytest.mark.parametrize("given", BAD_SEATS, ids=range(len(BAD_SEATS)))
async def test_records_that_belong_to_another_are_never_taken(house: TestHouse, given: Page) -> None:
    with pytest.raises(ProviderError, match="belong to another"):
        await related(house, given)


async def test_a_record_with_its_parts_and_a_reject_without_an_id_are_taken(house: TestHouse) -> None:
    nameless = Rejected(None, "c", "s", None, "{}")
    whole = Page([KIM, Part(Entity.STUDENT, "u1", "p", {"gender": "X"})], None, [nameless])
    assert await one(house, whole) == whole


@pytest.mark.parametrize("ask", [one, related])
async def test_none_is_none_for_then_the_list_is_read(house: TestHouse, ask: Any) -> None:
    assert await ask(house, None) is None


@pytest.mark.parametrize("ask", [one, related])
async def test_an_outage_passes_as_it_is(house: TestHouse, ask: Any) -> None:
    with pytest.raises(TransientError):
        await ask(house, TransientError("no answer"))


@pytest.mark.parametrize("ask", [one, related])
async def test_an_answer_that_never_comes_is_not_waited_for(
    house: TestHouse, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded, "STALL_S", 0.05)
    job_meter = type(
        "Quiet", (), {"take": lambda _: 0, "take_trouble": lambda _: (0, 0), "quiet_s": lambda _: 9.0}
    )()
    job = replace(await job_of(house, "nothing, for ever"), meter=job_meter)
    question = (
        bounded.page_of(job, Entity.STUDENT, "u1")
        if ask is one
        else bounded.related_of(job, Entity.ENROLLMENT, Entity.STUDENT, "student", "u1")
    )
    with pytest.raises(ProviderError) as caught:
        await question

    assert caught.value.code == "stalled"
