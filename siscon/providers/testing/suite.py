"""The conformance suite that every provider passes, ours like a stranger's: one line in a test file.

``TestHarbor = provider_suite(Harbor, settings={"page_size": 2}, open_api=served(app))``
"""

from __future__ import annotations

import asyncio
import inspect
import json
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, get_args
from urllib.parse import urlsplit

from pydantic import ValidationError

from siscon.domain.errors import AuthError, ProviderError, SisconError, TransientError
from siscon.domain.records import STATUSES, Entity, Part, Record, custom_text, to_dict
from siscon.providers.contract import Api, Page, Provider, ProviderSettings
from siscon.providers.grants import Grant, needs
from siscon.providers.kit.moments import as_moment
from siscon.providers.origins import is_loopback
from siscon.providers.testing import singles, tampering
from siscon.providers.testing.staging import BASE_URL, Stage, recorded, served
from siscon.providers.testing.tampering import Change, Tampered

__all__ = ["Stage", "provider_suite", "recorded", "served"]

OpenApi = Callable[[], AbstractAsyncContextManager[Api]]

RESUMES = 12
"""At so many pages of each entity, spread evenly, the walk is broken off and taken up again."""

NEEDS = {"client_id", "client_secret", "private_key", "username", "password", "token"}


def contents(pages: list[Page]) -> Counter[str]:
    """What pages hold, without regard to their borders; a part that came twice counts once, as for the engine."""
    rows = [one for page in pages for one in [*page.records, *page.rejected]]
    parts = {repr(one) for one in rows if isinstance(one, Part)}
    return Counter([*parts, *(repr(one) for one in rows if not isinstance(one, Part))])


def records_in(pages: list[Page]) -> list[Record | Part]:
    """The records and parts of pages."""
    return [one for page in pages for one in page.records]


async def walk(
    provider: Provider, entity: Entity, resume: str | None = None, *, cursor: str | None = None
) -> list[Page]:
    """All pages of an entity."""
    return [page async for page in provider.pages(entity, cursor=cursor, resume=resume)]


async def refusal(provider: Provider, entity: Entity) -> BaseException | None:
    """The error with which a walk ends, if it does."""
    try:
        await walk(provider, entity)
    except SisconError as error:
        return error
    return None


async def pages_until(provider: Provider, entity: Entity, change: tampering.Stranger) -> list[Page]:
    """The pages up to the first one after a strange row, or none where the provider refused it."""
    pages: list[Page] = []
    walking = provider.pages(entity, cursor=None, resume=None)
    try:
        async for page in walking:
            pages.append(page)
            if change.done:
                break
    except ProviderError:
        return []
    return pages


def provider_suite(  # noqa: C901 - a class of small tests
    kind: type[Provider],
    *,
    settings: Callable[[], ProviderSettings] | Mapping[str, Any],
    open_api: OpenApi | Stage,
) -> type:
    """A class of tests for a provider; it needs pytest and nothing else.

    ``settings`` are those of the integration (or a function that gives them), with a page size so small that lists
    have several pages. ``open_api`` is a :class:`Stage` (``served(app)``, ``recorded({...})``) that changes nothing
    while a test runs, or a function that opens an ``Api``.
    """

    def given() -> ProviderSettings:
        return settings() if callable(settings) else kind.Settings(**{"base_url": BASE_URL, **settings})

    def opened() -> AbstractAsyncContextManager[Api]:
        return open_api.open(kind, given()) if isinstance(open_api, Stage) else open_api()

    def made(api: Api, change: Change | None = None) -> Provider:
        return kind(Tampered(api, change), given())

    class Suite:
        """What the engine relies on."""

        def test_says_what_it_is(self) -> None:
            order = list(Entity)
            places = [order.index(one) for one in kind.entities]
            assert kind.name.isidentifier()
            assert kind.title
            assert places, "a provider offers something"
            assert places == sorted(set(places)), "entities stand in order of dependency"
            assert kind.media in ("json", "xml")
            assert kind.rate.at_once >= 1
            assert kind.rate.requests >= 0
            assert kind.rate.per_s > 0

        async def test_offers_some_of_its_entities(self) -> None:
            async with opened():
                offered = kind.offers(given())
            assert offered
            assert list(offered) == [one for one in kind.entities if one in offered]

        async def test_refuses_settings_it_does_not_know(self) -> None:
            async with opened():
                told = given().model_dump()
            assert kind.Settings(**told).model_dump() == told
            try:
                kind.Settings(**{**told, "no_such_setting": "x"})
            except ValidationError:
                return
            raise AssertionError("unknown settings are refused: extra='forbid'")

        async def test_says_how_it_logs_in(self) -> None:
            async with opened():
                grant = kind.grant(given())
            assert isinstance(grant, get_args(Grant))
            assert set(needs(grant)) <= NEEDS
            for name in ("token_url", "authorize_url", "revoke_url"):
                url = urlsplit(getattr(grant, name, ""))
                assert url.scheme == "https" or not url.netloc or is_loopback(url.hostname or ""), name

        async def test_every_list_ends_and_holds_records_of_its_entity(self) -> None:
            async with opened() as api:
                for entity in kind.offers(given()):
                    check_pages(entity, await walk(made(api), entity))

        async def test_texts_are_texts_and_own_fields_too(self) -> None:
            async with opened() as api:
                for entity in kind.offers(given()):
                    for one in records_in(await walk(made(api), entity)):
                        check_values(one)

        async def test_moments_of_change_are_moments_of_records_on_their_page(self) -> None:
            async with opened() as api:
                for entity in kind.offers(given()):
                    for page in await walk(made(api), entity):
                        check_moments(page)

        async def test_announced_totals_are_not_passed(self) -> None:
            async with opened() as api:
                for entity in kind.offers(given()):
                    pages = await walk(made(api), entity)
                    main = [one for one in records_in(pages) if not isinstance(one, Part)]
                    totals = [page.total for page in pages if page.total is not None]
                    assert not totals or len({one.external_id for one in main}) <= max(totals), entity

        async def test_coverage_is_told_in_the_same_words_each_time(self) -> None:
            async with opened() as api:
                told = dict(await made(api).coverage())
                again = dict(await made(api).coverage())
            assert told == again
            assert all(isinstance(one, str) and one for pair in told.items() for one in pair)

        async def test_a_walk_broken_off_at_any_page_goes_on_to_the_same_end(self) -> None:
            async with opened() as api:
                for entity in kind.offers(given()):
                    pages = await walk(kind(api, given()), entity)
                    step = max(1, (len(pages) - 1) // RESUMES)
                    for number in range(0, len(pages) - 1, step):
                        rest = await walk(kind(api, given()), entity, pages[number].resume)
                        whole = contents([*pages[: number + 1], *rest])
                        assert whole == contents(pages), (entity, number)

        async def test_one_record_by_its_id_is_what_the_list_has_of_it(self) -> None:
            async with opened() as api:
                for entity in kind.offers(given()):
                    await singles.check_known(made(api), entity, records_in(await walk(made(api), entity)))

        async def test_an_id_that_nobody_has_is_no_record(self) -> None:
            async with opened() as api:
                for entity in kind.offers(given()):
                    await singles.check_unknown(made(api), entity)

        async def test_records_that_belong_to_one_are_those_that_the_list_has(self) -> None:
            async with opened() as api:
                for entity in kind.offers(given()):
                    await singles.check_related(made(api), entity, records_in(await walk(made(api), entity)))

        async def test_a_cursor_leads_to_an_end_and_to_nothing_unknown(self) -> None:
            async with opened() as api:
                for entity in kind.offers(given()):
                    pages = await walk(made(api), entity)
                    cursor = next((page.cursor for page in reversed(pages) if page.cursor), None)
                    if cursor is None:
                        continue
                    newer = await walk(made(api), entity, cursor=cursor)
                    known = {repr(one) for one in records_in(pages)}
                    assert newer[-1].resume is None, entity
                    assert {repr(one) for one in records_in(newer)} <= known, entity

        async def test_a_bad_record_is_rejected_and_the_others_arrive(self) -> None:
            async with opened() as api:
                for entity in kind.offers(given()):
                    whole = await walk(made(api), entity)
                    spoil = tampering.Spoiling()
                    pages = await walk(made(api, spoil), entity)
                    rejected = [one for page in pages for one in page.rejected]
                    assert rejected or not spoil.spoiled or any(page.partial for page in pages), entity
                    assert all(one.code and one.sentence and json.loads(one.raw) for one in rejected)
                    assert all("4.25" not in one.sentence for one in rejected), "values stay out of sentences"
                    known = {one.external_id for one in records_in(whole)}
                    assert {one.external_id for one in records_in(pages)} <= known
                    for one in rejected:
                        singles.check_read_again(made(api), entity, one)

        async def test_strange_rows_harm_nobody_and_do_not_vanish(self) -> None:
            async with opened() as api:
                for entity in kind.offers(given()):
                    for what in tampering.strange_for(kind.media):
                        change = tampering.Stranger(what)
                        for page in await pages_until(made(api, change), entity, change):
                            assert all(one.code and one.sentence and one.raw for one in page.rejected), what
                            for record in page.records:
                                check_values(record, exact=False)

        async def test_refusals_pass_through_as_they_are(self) -> None:
            for error in (AuthError("no"), TransientError("later"), ProviderError("no", code="bad_request")):
                async with opened() as api:
                    raised = await refusal(made(api, tampering.raising(error)), kind.offers(given())[0])
                assert raised is error, (raised, error)

        async def test_an_answer_that_is_no_list_is_never_an_empty_list(self) -> None:
            changes = [tampering.with_body(one) for one in tampering.NO_LIST[kind.media]]
            changes += [tampering.with_body(tampering.WEB_PAGE), tampering.cut_short]
            async with opened() as api:
                for entity in kind.offers(given()):
                    for number, change in enumerate(changes):
                        raised = await refusal(made(api, change), entity)
                        assert isinstance(raised, ProviderError), (entity, number, raised)

        async def test_an_empty_list_is_an_empty_list(self) -> None:
            async with opened() as api:
                for entity in kind.offers(given()):
                    whole, empty = await walk(made(api), entity), tampering.Emptying()
                    pages = await walk(made(api, empty), entity)
                    assert pages, entity
                    assert pages[-1].resume is None, entity
                    assert not empty.emptied or len(records_in(pages)) < len(records_in(whole)), entity

        async def test_a_server_that_repeats_its_page_is_found_out(self) -> None:
            async with opened() as api:
                for entity in kind.offers(given()):
                    many = await walk(made(api), entity)
                    if len(many) < 3 or len(many[0].records) < 2:
                        continue
                    async with asyncio.timeout(60):
                        raised = await refusal(made(api, tampering.Repeating()), entity)
                    assert isinstance(raised, ProviderError), entity
                    assert raised.code == "paging_loop", entity

        async def test_a_damaged_position_is_refused_in_words(self) -> None:
            async with opened() as api:
                try:
                    await walk(made(api), kind.offers(given())[0], "{no position")
                except ProviderError:
                    return
            raise AssertionError("a resume text that cannot be read is a ProviderError")

    return _runnable(Suite, f"Test{kind.__name__}")


def _runnable(suite: type, name: str) -> type:
    """The class under its own name, with tests that need no plug-in: each coroutine runs in a loop of its own."""
    for told, test in list(vars(suite).items()):
        if inspect.iscoroutinefunction(test):
            setattr(suite, told, _in_loop(test))
    suite.__name__ = suite.__qualname__ = name
    return suite


def _in_loop(test: Callable[[Any], Coroutine[Any, Any, None]]) -> Callable[[Any], None]:
    def run(self: Any) -> None:
        asyncio.run(test(self))

    run.__name__ = test.__name__
    run.__doc__ = test.__doc__
    return run


def check_pages(entity: Entity, pages: list[Page]) -> None:
    """A list as the engine wants it: last page known, ids text, one entity, nothing silently left out."""
    assert pages, "a list has one page at least"
    assert pages[-1].resume is None, "the last page has no position after it"
    assert all(page.resume is not None for page in pages[:-1])
    records = records_in(pages)
    assert records, f"the test district has no {entity}"
    assert not any(page.partial for page in pages), f"the list of {entity} came in part"
    assert all(one.entity is entity for one in records)
    main = [one for one in records if not isinstance(one, Part)]
    by_id = {one.external_id: one for one in main}
    assert all(by_id[one.external_id] == one for one in main), "the same record twice is the same"


def check_moments(page: Page) -> None:
    """``modified`` tells of records on the page, ISO 8601 with an offset: any other text compares with nothing."""
    here = {one.external_id for one in page.records}
    assert set(page.modified) <= here, "modified names records that are not on the page"
    for text in page.modified.values():
        assert as_moment(text) == text, f"modified holds {text!r}: ISO 8601 with an offset, else leave it out"


def check_values(one: Record | Part, *, exact: bool = True) -> None:
    """Ids stripped, every value text that a database can keep, days that exist, own fields as ``custom_text``."""
    assert one.external_id == one.external_id.strip() != ""
    values = dict(one.fields) if isinstance(one, Part) else to_dict(one)
    for name, value in values.items():
        for text in value if isinstance(value, list | tuple) else (value,):
            assert text is None or type(text) is str, f"{one.entity}.{name} is no text"
            assert "\0" not in (text or ""), f"{one.entity}.{name}"
            (text or "").encode()
    assert values.get("status", "active") in STATUSES, f"{one.entity}.status"
    custom = values.get("custom")
    if custom and exact:
        assert custom_text(json.loads(custom)) == custom, (
            "custom is made by siscon.domain.records.custom_text"
        )
