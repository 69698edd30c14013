"""Incremental reading of PowerSchool by data version: only what changed, never less than that."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from siscon.domain.records import Entity
from siscon.providers.contract import Page
from siscon.providers.powerschool.provider import PowerSchool
from siscon.sandbox.state import load
from siscon.sandbox.world import district_of
from support.powerschool_sis import PracticeDistrict, is_complete, notes, practice_district, received
from support.sandbox_sis import next_day

INCREMENTAL = (Entity.STUDENT, Entity.SECTION, Entity.ENROLLMENT)
KINDS = {Entity.STUDENT: "student", Entity.SECTION: "section", Entity.ENROLLMENT: "enrollment"}


@pytest.fixture
async def school(tmp_path: Path) -> AsyncIterator[PracticeDistrict]:
    async with practice_district(tmp_path) as running:
        yield running


async def read(provider: PowerSchool, entity: Entity, cursor: str | None) -> list[Page]:
    return [page async for page in provider.pages(entity, cursor=cursor, resume=None)]


def mark_of(pages: list[Page]) -> str:
    marks = {page.cursor for page in pages}
    assert len(marks) == 1
    mark = marks.pop()
    assert mark is not None
    return mark


def changed_ids(school: PracticeDistrict, entity: Entity) -> set[str]:
    district = district_of("powerschool", load(school.state.path))
    changed = district.days.changed_since(district.day)[KINDS[entity]]
    return {district.ids.text(KINDS[entity], index) for index in changed}


@pytest.mark.parametrize("quirks", [{}, {"dataversion_as_int": True}, {"power_queries": False}], ids=str)
@pytest.mark.parametrize("lists", ["auto", "walk"])
async def test_only_what_changed_is_read_and_it_is_right(
    school: PracticeDistrict, lists: str, quirks: dict[str, Any]
) -> None:
    await school.control("quirks", **quirks)
    provider = school.provider(data_version=True, lists=lists)
    marks = {entity: mark_of(await read(provider, entity, None)) for entity in PowerSchool.entities}
    await next_day(school.state)
    await next_day(school.state)

    for entity in INCREMENTAL:
        pages = await read(provider, entity, marks[entity])
        expected, broken = school.expected(entity), school.broken(entity)
        found = {key: row for key, row in received(pages).items() if key not in broken}
        assert found == {external_id: row for external_id, row in expected.items() if external_id in found}
        assert (changed_ids(school, entity) & set(expected)) <= set(found)
        assert 0 < len(found) < 40
        assert int(json.loads(mark_of(pages))["version"]) > int(json.loads(marks[entity])["version"])


async def test_a_day_without_changes_costs_one_question(school: PracticeDistrict) -> None:
    provider = school.provider(data_version=True)
    marks = {entity: mark_of(await read(provider, entity, None)) for entity in PowerSchool.entities}
    await school.control("reset")

    for entity in PowerSchool.entities:
        pages = await read(provider, entity, marks[entity])
        assert (received(pages), is_complete(pages), mark_of(pages)) == ({}, True, marks[entity])

    paths = await school.asked()
    assert {path.rpartition("/")[0] for path in paths} <= {"/ws/dataversion/siscon", "/ws/v1"}


async def test_changed_staff_is_read_with_the_whole_list(school: PracticeDistrict) -> None:
    provider = school.provider(data_version=True)
    mark = mark_of(await read(provider, Entity.STAFF, None))
    for _ in range(40):
        await next_day(school.state)
        if district_of("powerschool", load(school.state.path)).days.changed_since(1)["staff"]:
            break

    pages = await read(provider, Entity.STAFF, mark)

    assert received(pages) == school.expected(Entity.STAFF)


async def test_more_changes_than_wanted_are_read_with_the_whole_list(school: PracticeDistrict) -> None:
    provider = school.provider(data_version=True, changed_at_most=0)
    mark = mark_of(await read(provider, Entity.STUDENT, None))
    await next_day(school.state)

    pages = await read(provider, Entity.STUDENT, mark)

    assert received(pages) == school.expected(Entity.STUDENT)
    assert "changed_at_most" in notes(pages)


@pytest.mark.parametrize(
    "cursor",
    [
        '{"app":"siscon","version":"17"}',
        '{"app":"siscon","version":"999999"}',
        '{"app":"other","version":"90412"}',
        "2026-11-20T02:00:00.000Z",
        "[" * 4,
    ],
)
async def test_a_version_nobody_knows_means_everything(school: PracticeDistrict, cursor: str) -> None:
    pages = await read(school.provider(data_version=True), Entity.STUDENT, cursor)

    assert received(pages) == school.expected(Entity.STUDENT)
    assert is_complete(pages)
    assert json.loads(mark_of(pages)) == {"app": "siscon", "version": "90412"}


async def test_a_version_that_was_kept_no_longer_is_told(school: PracticeDistrict) -> None:
    provider = school.provider(data_version=True)
    mark = mark_of(await read(provider, Entity.STUDENT, None))
    await next_day(school.state)
    await next_day(school.state)
    await school.control("quirks", dataversion_days=1)

    pages = await read(provider, Entity.STUDENT, mark)

    assert received(pages) == school.expected(Entity.STUDENT)
    assert "any more" in notes(pages)


async def test_without_a_subscription_everything_is_read_and_said(school: PracticeDistrict) -> None:
    for more, quirks in (
        ({}, {"dataversion": False}),
        ({"data_version_app": "nobody"}, {"dataversion": True}),
    ):
        await school.control("quirks", **quirks)
        pages = await read(school.provider(data_version=True, **more), Entity.STUDENT, None)

        assert received(pages) == school.expected(Entity.STUDENT)
        assert {page.cursor for page in pages} == {None}
        assert "data version" in notes(pages)


async def test_a_changed_record_that_is_gone_is_a_note_and_nothing_more(school: PracticeDistrict) -> None:
    provider = school.provider(data_version=True)
    mark = mark_of(await read(provider, Entity.STUDENT, None))
    await next_day(school.state)
    await school.control("faults", fail_next={"status": 404, "times": 1, "path": "/ws/v1/student/"})

    pages = await read(provider, Entity.STUDENT, mark)

    assert len(changed_ids(school, Entity.STUDENT)) - 2 <= len(received(pages))
    assert "1 changed records are no longer there" in notes(pages)
    assert is_complete(pages)


async def test_broken_changed_records_are_rejected_one_by_one(school: PracticeDistrict) -> None:
    provider = school.provider(data_version=True)
    mark = mark_of(await read(provider, Entity.STUDENT, None))
    await next_day(school.state)

    pages = await read(provider, Entity.STUDENT, mark)

    rejected = [one for page in pages for one in page.rejected]
    assert rejected
    assert all(one.external_id for one in rejected)


async def test_changed_rows_that_the_query_leaves_out_are_asked_for_one_by_one(
    school: PracticeDistrict,
) -> None:
    provider = school.provider(data_version=True)
    mark = mark_of(await read(provider, Entity.ENROLLMENT, None))
    await next_day(school.state)
    await school.control("quirks", half_pages=True)

    pages = await read(provider, Entity.ENROLLMENT, mark)
    rest = [page async for page in provider.pages(Entity.ENROLLMENT, cursor=mark, resume=pages[0].resume)]

    assert set(received(pages)) == changed_ids(school, Entity.ENROLLMENT)
    assert [page.records for page in rest] == [page.records for page in pages[1:]]
    assert len(rest) > 0
    assert pages[-1].resume is None


async def test_many_changed_rows_come_by_query_however_many(school: PracticeDistrict) -> None:
    provider = school.provider(data_version=True, changed_at_most=0)
    mark = mark_of(await read(provider, Entity.ENROLLMENT, None))
    await next_day(school.state)

    pages = await read(provider, Entity.ENROLLMENT, mark)

    assert set(received(pages)) == changed_ids(school, Entity.ENROLLMENT)
    assert notes(pages) == ""


async def test_changes_go_on_where_they_were_broken_off(school: PracticeDistrict) -> None:
    provider = school.provider(data_version=True)
    mark = mark_of(await read(provider, Entity.STUDENT, None))
    for _ in range(24):
        await next_day(school.state)
    whole = await read(provider, Entity.STUDENT, mark)
    assert len(whole) > 1

    rest = [page async for page in provider.pages(Entity.STUDENT, cursor=mark, resume=whole[0].resume)]

    assert [page.records for page in rest] == [page.records for page in whole[1:]]


async def test_by_default_no_version_is_asked_for(school: PracticeDistrict) -> None:
    pages = await read(school.provider(), Entity.STUDENT, '{"app":"siscon","version":"90412"}')

    assert received(pages) == school.expected(Entity.STUDENT)
    assert not [path for path in await school.asked() if "dataversion" in path]
