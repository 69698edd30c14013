"""The PowerSchool provider against the sandbox's PowerSchool with each of its odd ways switched on, one by one.

Either every record is right, or the run fails with a sentence that helps; never does a wrong list look complete.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from siscon.domain.errors import ProviderError, RateLimited, TransientError
from siscon.domain.records import Entity, Part
from siscon.providers.contract import Page
from siscon.providers.powerschool.provider import PowerSchool
from siscon.providers.testing.suite import walk
from siscon.sandbox.state import SandboxState
from support.powerschool_sis import PracticeDistrict, is_complete, notes, practice_district, received
from support.sandbox_sis import settings_for

STUDENTS = 130


@pytest.fixture
async def school(tmp_path: Path) -> AsyncIterator[PracticeDistrict]:
    async with practice_district(tmp_path, students=STUDENTS) as running:
        yield running


HARMLESS: list[dict[str, Any]] = [
    {},
    {"single_as_object": False, "empty_as_text": False, "digits_as_numbers": False},
    {"expires_in_as_string": False},
    {"record_as_object": True},
    {"over_cap": "clamp"},
    {"max_page_size": 7},
    {"max_page_size": 7, "over_cap": "clamp"},
    {"metadata": False, "max_page_size": 30},
    {"metadata": False, "max_page_size": 9, "over_cap": "clamp"},
    {"power_queries": False},
    {"power_queries": False, "max_page_size": 13},
    {"dataversion": False},
    {"dataversion_as_int": True},
]


@pytest.mark.parametrize("quirks", HARMLESS, ids=str)
async def test_every_record_is_right_whatever_the_server_is_like(
    school: PracticeDistrict, quirks: dict[str, Any]
) -> None:
    await school.control("quirks", **quirks)

    for entity in PowerSchool.entities:
        pages = await walk(school.provider(), entity)

        assert received(pages) == school.expected(entity)
        assert is_complete(pages)


@pytest.mark.parametrize("size", [1, 43, 130, 131])
async def test_a_page_may_hold_one_row_or_all(school: PracticeDistrict, size: int) -> None:
    pages = await walk(school.provider(page_size=size), Entity.STUDENT)

    assert received(pages) == school.expected(Entity.STUDENT)
    assert is_complete(pages)


@pytest.mark.long
@pytest.mark.parametrize(
    ("entity", "lists", "quirk"),
    [
        (Entity.STUDENT, "auto", "shift_rows"),
        (Entity.STUDENT, "auto", "insert_rows"),
        (Entity.STAFF, "auto", "insert_rows"),
        (Entity.SECTION, "auto", "shift_rows"),
        (Entity.SECTION, "auto", "insert_rows"),
        (Entity.SECTION, "walk", "shift_rows"),
        (Entity.SECTION, "walk", "insert_rows"),
        (Entity.ENROLLMENT, "auto", "shift_rows"),
        (Entity.ENROLLMENT, "auto", "insert_rows"),
        (Entity.ENROLLMENT, "walk", "insert_rows"),
    ],
)
async def test_rows_that_move_while_a_list_is_read_are_found_by_reading_it_again(
    tmp_path: Path, entity: Entity, lists: str, quirk: str
) -> None:
    async with practice_district(tmp_path, students=230) as school:
        await school.control("quirks", **{quirk: 3})

        pages = await walk(school.provider(page_size=5, lists=lists), entity)

        assert is_complete(pages)
        assert "once more" in notes(pages)
        assert received(pages) == school.expected(entity)


async def test_a_list_that_moves_and_moves_is_never_complete(school: PracticeDistrict) -> None:
    """Each page is followed by a deletion: neither reading nor reading again can be trusted."""
    provider = school.provider(page_size=20)
    pages: list[Page] = []
    async for page in provider.pages(Entity.STUDENT, cursor=None, resume=None):
        pages.append(page)
        await school.control("quirks", shift_rows=0, insert_rows=1 + len(pages) % 5)

    assert not is_complete(pages)
    assert pages[-1].partial
    assert "nobody is taken for missing" in notes(pages)


async def test_a_page_that_comes_again_and_again_ends_the_run(school: PracticeDistrict) -> None:
    await school.control("quirks", repeat_page=True)

    for entity in (Entity.STUDENT, Entity.ENROLLMENT):
        with pytest.raises(ProviderError) as raised:
            await walk(school.provider(page_size=20), entity)
        assert raised.value.code == "paging_loop"


async def test_half_a_district_is_told_by_its_totals_alone(school: PracticeDistrict) -> None:
    """Totals agree with what is sent: the provider cannot know, and hands the total on to the guard."""
    await school.control("quirks", half_pages=True)

    pages = await walk(school.provider(), Entity.STUDENT)

    assert len(received(pages)) == STUDENTS // 2
    assert {page.total for page in pages} == {STUDENTS // 2}


@pytest.mark.parametrize(
    ("entity", "column"),
    [
        (Entity.STUDENT, "STUDENTS.DOB"),
        (Entity.STAFF, "USERS.EMAIL_ADDR"),
        (Entity.SECTION, "SECTIONS.EXPRESSION"),
        (Entity.ENROLLMENT, "CC.DATELEFT"),
        (Entity.TERM, "TERMS.FIRSTDAY"),
    ],
)
async def test_a_field_that_is_not_granted_is_named(
    school: PracticeDistrict, entity: Entity, column: str
) -> None:
    await school.control("quirks", no_access=f"{column},CC.DCID")

    with pytest.raises(ProviderError) as raised:
        await walk(school.provider(), entity)

    assert raised.value.code == "no_access"
    assert column in raised.value.sentence
    assert "access_request" in raised.value.sentence


async def test_a_column_that_is_not_there_is_named(school: PracticeDistrict) -> None:
    await school.control("quirks", unknown_columns="SECTIONS.EXPRESSION")

    with pytest.raises(ProviderError) as raised:
        await walk(school.provider(), Entity.SECTION)

    assert raised.value.code == "bad_column"
    assert "EXPRESSION" in raised.value.sentence
    assert "SECTIONS" in raised.value.sentence


async def test_an_outage_is_worth_another_try_later(school: PracticeDistrict) -> None:
    await school.control("quirks", outage=True)

    with pytest.raises(TransientError) as raised:
        await walk(school.provider(), Entity.STUDENT)

    assert raised.value.code == "outage"


async def test_a_redirect_that_is_no_outage_is_refused(school: PracticeDistrict) -> None:
    await school.control("quirks", redirect_to="https://elsewhere.example")

    with pytest.raises(ProviderError) as raised:
        await walk(school.provider(), Entity.STUDENT)

    assert raised.value.code == "redirect_refused"


async def test_an_expired_token_is_replaced_once_and_the_list_goes_on(school: PracticeDistrict) -> None:
    provider = school.provider(page_size=20)
    pages: list[Page] = []
    async for page in provider.pages(Entity.STUDENT, cursor=None, resume=None):
        pages.append(page)
        if len(pages) == 3:
            await school.control("faults", revoke_tokens=True)

    assert received(pages) == school.expected(Entity.STUDENT)


@pytest.mark.parametrize("where", ["header", "message"])
async def test_the_pause_between_requests_is_learnt_wherever_it_stands(
    school: PracticeDistrict, where: str
) -> None:
    await school.control("quirks", min_interval_ms=20_000, too_many_body=where)

    with pytest.raises(RateLimited) as raised:
        await walk(school.provider(), Entity.SCHOOL)

    limited = raised.value
    assert isinstance(limited, RateLimited)
    assert limited.retry_after_s is not None
    assert 0 < limited.retry_after_s <= 20


def test_the_pause_that_the_district_set_spaces_the_requests(tmp_path: Path) -> None:
    state = SandboxState(
        seed=1, students=10, day=0, port=0, path=tmp_path / "s.json", ports=(1, 2, 3, 4, 5, 6)
    )

    settings = settings_for(PowerSchool, state, min_interval_ms=250)

    assert PowerSchool.rate_for(settings).min_interval_s == 0.25


async def test_a_query_that_may_not_be_run_is_walked_round(school: PracticeDistrict) -> None:
    await school.control("faults", fail_next={"status": 403, "times": 1, "path": "/ws/schema"})

    pages = await walk(school.provider(), Entity.SECTION)

    assert received(pages) == school.expected(Entity.SECTION)
    assert "may not be run" in notes(pages)


async def test_where_only_queries_are_wanted_a_missing_one_is_told(school: PracticeDistrict) -> None:
    await school.control("quirks", power_queries=False)

    with pytest.raises(ProviderError) as raised:
        await walk(school.provider(lists="powerquery"), Entity.SECTION)

    assert raised.value.code == "not_found"


async def test_own_fields_of_the_district_are_kept(school: PracticeDistrict) -> None:
    provider = school.provider(
        extensions=["u_invented", "u_nothing"], custom_fields=["u_invented.bus_route", "House", "nothing"]
    )

    students = [one for page in await walk(provider, Entity.STUDENT) for one in page.records]
    staff = [one for page in await walk(provider, Entity.STAFF) for one in page.records]

    texts = [one.custom for one in [*students, *staff] if not isinstance(one, Part)]
    assert texts[0] == '{"House":"Heron","u_invented.bus_route":"R00"}'
    assert texts[5] == '{"u_invented.bus_route":"R05"}'
    assert all(texts)


async def test_what_the_plugin_covers_is_told_in_short(school: PracticeDistrict) -> None:
    told = dict(await school.provider().coverage())
    district = told.pop("district")

    assert told == {"powerschool_version": "25.4", "schools": "1"}
    assert len(district) > 10


async def test_what_cannot_be_read_is_left_out_of_the_coverage(school: PracticeDistrict) -> None:
    await school.control("quirks", metadata=False)

    assert dict(await school.provider().coverage()) == {"schools": "1"}
