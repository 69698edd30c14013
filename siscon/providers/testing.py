"""The conformance suite that every provider passes, ours like a stranger's: one line in a test file.

``TestAeries = provider_suite(Aeries, settings=..., open_api=...)``; it needs pytest with pytest-asyncio in auto mode.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

from siscon.domain.errors import AuthError, ProviderError, SisconError, TransientError
from siscon.domain.records import Entity, Part, Record
from siscon.providers.contract import Answer, Api, Page, Provider, ProviderSettings

OpenApi = Callable[[], AbstractAsyncContextManager[Api]]

REQUESTS_AT_MOST = 2_000
"""A walk that asks more often than this over a test district does not end."""

RESUMES = 12
"""At so many pages of each entity, spread evenly, the walk is broken off and taken up again."""


class Tampered:
    """An ``Api`` that counts requests and lets a test change each answer, or raise instead."""

    def __init__(self, api: Api, change: Callable[[Answer, int], Answer] | None = None) -> None:
        self._api = api
        self._change = change
        self.asked = 0

    async def get(
        self, path: str, params: Mapping[str, str | int] | None = None, *, keep_s: float = 0.0
    ) -> Answer:
        """As the api answers, then changed."""
        return self._changed(await self._api.get(path, params, keep_s=keep_s))

    async def post(
        self,
        path: str,
        json: Any,
        params: Mapping[str, str | int] | None = None,
        *,
        repeatable: bool = False,
    ) -> Answer:
        """As the api answers, then changed."""
        return self._changed(await self._api.post(path, json, params, repeatable=repeatable))

    def _changed(self, answer: Answer) -> Answer:
        self.asked += 1
        assert self.asked <= REQUESTS_AT_MOST, "the walk does not end"
        return answer if self._change is None else self._change(answer, self.asked)


def rows_in(body: Any) -> list[dict[str, Any]]:
    """The longest list of objects within a decoded answer, where its records stand."""
    best: list[dict[str, Any]] = []
    for inner in body.values() if isinstance(body, dict) else ():
        found = (
            inner
            if isinstance(inner, list) and all(isinstance(one, dict) for one in inner)
            else rows_in(inner)
        )
        best = max(best, found, key=len)
    return best


def contents(pages: list[Page]) -> Counter[str]:
    """What pages hold, without regard to their borders."""
    return Counter(repr(one) for page in pages for one in [*page.records, *page.rejected])


def records_in(pages: list[Page]) -> list[Record | Part]:
    """The records and parts of pages."""
    return [one for page in pages for one in page.records]


async def walk(provider: Provider, entity: Entity, resume: str | None = None) -> list[Page]:
    """All pages of an entity."""
    return [page async for page in provider.pages(entity, cursor=None, resume=resume)]


async def refusal(provider: Provider, entity: Entity) -> BaseException | None:
    """The error with which a walk ends, if it does."""
    try:
        await walk(provider, entity)
    except SisconError as error:
        return error
    return None


def provider_suite(  # noqa: C901 - a class of small tests
    kind: type[Provider], *, settings: Callable[[], ProviderSettings], open_api: OpenApi
) -> type:
    """A class of tests for a provider.

    ``settings`` gives settings with a page size so small that lists have several pages; ``open_api`` opens an ``Api``
    over a server or over recorded answers that change nothing while a test runs.
    """

    class Suite:
        """What the engine relies on."""

        def test_says_what_it_is(self) -> None:
            order = list(Entity)
            places = [order.index(one) for one in kind.entities]
            assert kind.name.isidentifier()
            assert kind.title
            assert places == sorted(set(places)), "entities stand in order of dependency"
            assert kind.Settings.model_config.get("extra") == "forbid", "unknown settings are refused"
            assert kind.rate.at_once >= 1

        async def test_every_list_ends_and_holds_records_of_its_entity(self) -> None:
            async with open_api() as api:
                for entity in kind.offers(settings()):
                    pages = await walk(kind(Tampered(api), settings()), entity)
                    check_pages(entity, pages)

        async def test_a_walk_broken_off_at_any_page_goes_on_to_the_same_end(self) -> None:
            async with open_api() as api:
                for entity in kind.offers(settings()):
                    pages = await walk(kind(api, settings()), entity)
                    step = max(1, (len(pages) - 1) // RESUMES)
                    for number in range(0, len(pages) - 1, step):
                        rest = await walk(kind(api, settings()), entity, pages[number].resume)
                        assert contents(pages[: number + 1]) + contents(rest) == contents(pages), (
                            entity,
                            number,
                        )

        async def test_a_bad_record_is_rejected_and_the_others_arrive(self) -> None:
            async with open_api() as api:
                for entity in kind.offers(settings()):
                    whole = await walk(kind(api, settings()), entity)
                    spoil = Spoiling()
                    pages = await walk(kind(Tampered(api, spoil), settings()), entity)
                    rejected = [one for page in pages for one in page.rejected]
                    assert rejected or not spoil.spoiled or any(page.partial for page in pages), entity
                    assert all(one.code and one.sentence and json.loads(one.raw) for one in rejected)
                    assert all("4.25" not in one.sentence for one in rejected), "values stay out of sentences"
                    assert len(records_in(pages)) <= len(records_in(whole))

        async def test_refusals_pass_through_as_they_are(self) -> None:
            for error in (AuthError("no"), TransientError("later"), ProviderError("no", code="bad_request")):
                async with open_api() as api:
                    first = kind.offers(settings())[0]
                    raised = await refusal(kind(Tampered(api, raising(error)), settings()), first)
                assert raised is error, (raised, error)

        async def test_an_answer_that_is_no_list_is_never_an_empty_list(self) -> None:
            bodies = (b'{"error":"no"}', b'{"status":"ok"}', b"null", b'"text"', b"[1]", b'{"a":', b"")
            async with open_api() as api:
                for entity in kind.offers(settings()):
                    for body in bodies:
                        change = with_body(body)
                        raised = await refusal(kind(Tampered(api, change), settings()), entity)
                        assert isinstance(raised, ProviderError), (entity, body)

        async def test_a_server_that_repeats_its_page_is_found_out(self) -> None:
            async with open_api() as api:
                for entity in kind.offers(settings()):
                    many = await walk(kind(api, settings()), entity)
                    if len(many) < 3 or len(many[0].records) < 2:
                        continue
                    provider = kind(Tampered(api, Repeating()), settings())
                    async with asyncio.timeout(60):
                        raised = await refusal(provider, entity)
                    assert isinstance(raised, ProviderError), entity
                    assert raised.code == "paging_loop", entity

    Suite.__name__ = Suite.__qualname__ = f"Test{kind.__name__}"
    return Suite


def check_pages(entity: Entity, pages: list[Page]) -> None:
    """A list as the engine wants it: last page known, ids and references text, one entity."""
    assert pages, "a list has one page at least"
    assert pages[-1].resume is None
    assert all(page.resume is not None for page in pages[:-1])
    records: list[Record | Part] = [one for page in pages for one in page.records]
    assert records, f"the test district has no {entity}"
    for one in records:
        assert one.entity is entity
        assert isinstance(one.external_id, str)
        assert one.external_id == one.external_id.strip() != ""
    main = [one for one in records if not isinstance(one, Part)]
    by_id = {one.external_id: one for one in main}
    assert all(by_id[one.external_id] == one for one in main), "the same record twice is the same"


class Spoiling:
    """A change that turns every value of the first of several rows into something that fits nowhere."""

    def __init__(self) -> None:
        self.spoiled = 0

    def __call__(self, answer: Answer, _number: int) -> Answer:
        body = json.loads(answer.body)
        rows = rows_in(body)
        if len(rows) < 2:
            return answer
        self.spoiled += 1
        rows[0].update({key: {"spoiled": [4.25]} for key in rows[0]})
        return replace(answer, body=json.dumps(body).encode())


def raising(error: Exception) -> Callable[[Answer, int], Answer]:
    """A change that raises instead."""

    def change(_answer: Answer, _number: int) -> Answer:
        raise error

    return change


def with_body(body: bytes) -> Callable[[Answer, int], Answer]:
    """A change that puts another body under the same status."""
    return lambda answer, _number: replace(answer, body=body)


class Repeating:
    """A change that gives the first page of each list again and again."""

    def __init__(self) -> None:
        self._first: dict[str, Answer] = {}

    def __call__(self, answer: Answer, _number: int) -> Answer:
        path = answer.url.partition("?")[0]
        if len(rows_in(json.loads(answer.body))) < 2:
            return self._first.get(path, answer)
        return self._first.setdefault(path, answer)
