"""The suite finds out providers that do wrong, each by the test that is meant for it; the ways of paging pass it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ConfigDict

from siscon.domain.errors import ProviderError, SisconError
from siscon.domain.records import Entity, School
from siscon.providers.contract import Answer, Page, Provider, ProviderSettings
from siscon.providers.grants import StaticBearer
from siscon.providers.kit.decode import parse
from siscon.providers.kit.lists import header, linked_pages, next_in, offset_pages, single_page
from siscon.providers.kit.rows import JsonRows
from siscon.providers.testing.suite import provider_suite, recorded

ROWS = [{"id": n, "name": f"School {n}"} for n in range(1, 8)]
SCHOOLS = JsonRows("items", lambda row: School(row.id("id"), name=row.need("name")), count_key="count")


def body(at: int, size: int) -> dict[str, Any]:
    onward = at + size
    return {
        "items": ROWS[at:onward],
        "count": len(ROWS),
        "next": onward if onward < len(ROWS) else None,
    }


SIS = recorded(
    {
        **{f"GET /s?offset={at}&limit=2": body(at, 2) for at in range(9)},
        **{f"GET /s?offset={at}&limit=2&since=D": {"items": [], "count": 0} for at in range(3)},
        **{f"GET /s?after={at}": body(at, 2) for at in range(9)},
        "GET /s": body(0, 99),
    },
    headers={"date": "D"},
)


class Base(Provider):
    name, title, entities = "base", "Base", (Entity.SCHOOL,)

    @classmethod
    def grant(cls, settings: ProviderSettings) -> StaticBearer:
        return StaticBearer()

    async def ask(self, offset: int, size: int) -> Answer:
        return await self.api.get("s", {"offset": offset, "limit": size})


class ByOffset(Base):
    def pages(self, entity: Entity, *, cursor: str | None, resume: str | None) -> AsyncIterator[Page]:
        async def ask(offset: int, size: int) -> Answer:
            since = {"since": cursor} if cursor else {}
            return await self.api.get("s", {"offset": offset, "limit": size, **since})

        return offset_pages(ask, SCHOOLS, size=2, request="GET s", resume=resume, mark=header("date"))


class ByLink(Base):
    def pages(self, entity: Entity, *, cursor: str | None, resume: str | None) -> AsyncIterator[Page]:
        async def ask(token: str | None) -> Answer:
            return await self.api.get("s", {"after": token or "0"})

        return linked_pages(ask, SCHOOLS, next_in("next"), request="GET s", resume=resume)


class Whole(Base):
    def pages(self, entity: Entity, *, cursor: str | None, resume: str | None) -> AsyncIterator[Page]:
        async def ask() -> Answer:
            return await self.api.get("s")

        if resume is not None:
            return linked_pages(lambda _: ask(), SCHOOLS, next_in("next"), request="GET s", resume=resume)
        return single_page(ask, SCHOOLS, request="GET s")


TestByOffset = provider_suite(ByOffset, settings={}, open_api=SIS)
TestByLink = provider_suite(ByLink, settings={}, open_api=SIS)
TestWhole = provider_suite(Whole, settings={}, open_api=SIS)


class TakesAnythingForEmpty(Base):
    async def pages(self, entity: Entity, *, cursor: str | None, resume: str | None) -> AsyncIterator[Page]:
        found = parse((await self.ask(0, 2)).body, "GET s")
        items = found.get("items", []) if isinstance(found, dict) else []
        yield Page([School(str(one["id"]), one["name"]) for one in items], None)


class StopsAtABadRow(Base):
    async def pages(self, entity: Entity, *, cursor: str | None, resume: str | None) -> AsyncIterator[Page]:
        found = parse((await self.ask(0, 2)).body, "GET s")
        yield Page([School(one["id"], one["name"]) for one in found["items"]], None)


class ForgetsItsPlace(ByOffset):
    async def pages(self, entity: Entity, *, cursor: str | None, resume: str | None) -> AsyncIterator[Page]:
        async for page in super().pages(entity, cursor=cursor, resume=None):
            yield page


class NeverEnds(Base):
    async def pages(self, entity: Entity, *, cursor: str | None, resume: str | None) -> AsyncIterator[Page]:
        while True:
            yield Page(SCHOOLS.read(await self.ask(0, 2), "GET s").records, "0")


class Loose(ByOffset):
    class Settings(ProviderSettings):
        model_config = ConfigDict(extra="allow")


class Swallows(ByOffset):
    async def pages(self, entity: Entity, *, cursor: str | None, resume: str | None) -> AsyncIterator[Page]:
        try:
            async for page in super().pages(entity, cursor=cursor, resume=resume):
                yield page
        except SisconError:
            yield Page([], None)


class TellsNoZone(ByOffset):
    async def pages(self, entity: Entity, *, cursor: str | None, resume: str | None) -> AsyncIterator[Page]:
        async for page in super().pages(entity, cursor=cursor, resume=resume):
            yield replace(
                page, modified=dict.fromkeys((one.external_id for one in page.records), "2026-09-01")
            )


class TellsOfOthers(ByOffset):
    async def pages(self, entity: Entity, *, cursor: str | None, resume: str | None) -> AsyncIterator[Page]:
        async for page in super().pages(entity, cursor=cursor, resume=resume):
            yield replace(page, modified={"elsewhere": "2026-09-01T00:00:00Z"})


class OneIsAnother(ByOffset):
    async def one(self, entity: Entity, external_id: str) -> Page:
        return Page([School(external_id, "Another name")], None)


class OneIsAlwaysThere(ByOffset):
    async def one(self, entity: Entity, external_id: str) -> Page:
        name = f"School {external_id}"
        return Page([School(external_id, name)], None)


class OneRaises(ByOffset):
    async def one(self, entity: Entity, external_id: str) -> Page:
        await self.api.get(f"s/{external_id}")
        raise AssertionError


@pytest.mark.parametrize(
    ("kind", "test"),
    [
        (TakesAnythingForEmpty, "an_answer_that_is_no_list_is_never_an_empty_list"),
        (StopsAtABadRow, "texts_are_texts_and_own_fields_too"),
        (StopsAtABadRow, "strange_rows_harm_nobody_and_do_not_vanish"),
        (ForgetsItsPlace, "a_walk_broken_off_at_any_page_goes_on_to_the_same_end"),
        (NeverEnds, "every_list_ends_and_holds_records_of_its_entity"),
        (Loose, "refuses_settings_it_does_not_know"),
        (TellsNoZone, "moments_of_change_are_moments_of_records_on_their_page"),
        (TellsOfOthers, "moments_of_change_are_moments_of_records_on_their_page"),
        (OneIsAnother, "one_record_by_its_id_is_what_the_list_has_of_it"),
        (OneIsAlwaysThere, "an_id_that_nobody_has_is_no_record"),
        (OneRaises, "an_id_that_nobody_has_is_no_record"),
        (Swallows, "refusals_pass_through_as_they_are"),
    ],
    ids=lambda one: one if isinstance(one, str) else one.__name__,
)
def test_what_a_provider_does_wrong_is_found(kind: type[Provider], test: str) -> None:
    suite = provider_suite(kind, settings={}, open_api=SIS)()
    run: Callable[[], None] = getattr(suite, f"test_{test}")

    with pytest.raises((AssertionError, AttributeError, KeyError, TypeError, ValueError, ProviderError)):
        run()


async def test_an_answer_is_found_however_its_parameters_are_written() -> None:
    async with recorded({"GET /s?since=2026-09-01T00:00:00Z&a=1": []}).provider(ByOffset) as provider:
        answer = await provider.api.get("s", {"a": 1, "since": "2026-09-01T00:00:00Z"})

    assert answer.body == b"[]"


async def test_what_was_not_recorded_is_not_found() -> None:
    async with recorded({}).provider(ByOffset) as provider:
        with pytest.raises(ProviderError) as told:
            await anext(aiter(provider.pages(Entity.SCHOOL, cursor=None, resume=None)))

    assert told.value.code == "not_found"
