"""Single records over the sandbox: whole, by few requests, whatever the id and whoever it belongs to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from conformance.readings import laid_over
from conformance.test_resume import Counted
from siscon.domain.records import Entity
from siscon.providers.contract import Page, Provider
from siscon.providers.registry import load
from siscon.sandbox import truth
from siscon.sandbox.state import SandboxState
from siscon.sandbox.systems import ALL_SYSTEMS
from siscon.sandbox.world import district_of
from support.sandbox_sis import client_for, next_day, sandbox, settings_for, switch

SYSTEMS = {
    "powerschool": ("powerschool", {}),
    "powerschool by walk": ("powerschool", {"lists": "walk"}),
    "powerschool by query": ("powerschool", {"lists": "powerquery"}),
    "infinite_campus": ("infinite_campus", {}),
    "skyward": ("skyward", {}),
    "oneroster 1.1": ("oneroster", {"version": "1.1"}),
    "oneroster 1.2": ("oneroster", {"enrollment_filter": False}),
}
ONEROSTER = ("infinite_campus", "skyward", "oneroster 1.1", "oneroster 1.2")


@dataclass
class Known:
    state: SandboxState
    name: str
    provider: Provider
    api: Counted

    async def listed(self, entity: Entity) -> list[Page]:
        return [page async for page in self.provider.pages(entity, cursor=None, resume=None)]

    async def one(self, entity: Entity, external_id: str) -> Page:
        self.api.asked.clear()
        page = await self.provider.one(entity, external_id)
        assert page is not None, f"{self.name} can ask for one {entity}"
        return page


@asynccontextmanager
async def district(tmp_path: Path, system: str, days: int = 0, **more: Any) -> AsyncIterator[Known]:
    name, own = SYSTEMS[system]
    kind = load(name)
    async with sandbox(tmp_path, students=300 if days else 60) as state:
        for _ in range(days):
            await next_day(state)
        settings = settings_for(kind, state, page_size=100, **{**own, **more})
        async with client_for(kind, settings) as client:
            api = Counted(client)
            yield Known(state, name, kind(api, settings), api)


@pytest.mark.parametrize("system", SYSTEMS)
async def test_every_kind_of_record_comes_whole_and_by_few_requests(system: str, tmp_path: Path) -> None:
    most = {Entity.STUDENT: 2, Entity.SECTION: 3}
    async with district(tmp_path, system) as known:
        for entity in Entity:
            if known.name == "powerschool" and entity is Entity.STAFF:
                assert await known.provider.one(entity, "1") is None
                continue
            listed = laid_over(await known.listed(entity))
            for external_id in (next(iter(listed)), list(listed)[-1]):
                page = await known.one(entity, external_id)
                assert laid_over([page]) == {external_id: listed[external_id]}
                assert len(known.api.asked) <= most.get(entity, 1)
                assert known.name == "powerschool" or page.modified.keys() == {external_id}


@pytest.mark.parametrize("system", SYSTEMS)
async def test_an_id_of_nobody_is_an_empty_page_and_dots_never_leave_the_path(
    system: str, tmp_path: Path
) -> None:
    async with district(tmp_path, system) as known:
        for entity in (Entity.STUDENT, Entity.SECTION, Entity.ENROLLMENT):
            for external_id in ("82510000000000000", "no such/record%2F8251 é?#'\\", "a/../b"):
                page = await known.one(entity, external_id)
                assert (list(page.records), list(page.rejected), page.resume) == ([], [], None)
            for dots in (".", "..", ""):
                known.api.asked.clear()
                page = await known.provider.one(entity, dots)
                assert page is None or not page.records
                assert known.api.asked == []


@pytest.mark.parametrize("system", ONEROSTER)
async def test_a_teacher_is_no_student_and_a_student_no_teacher_and_a_seat_of_a_teacher_none_of_a_student(
    system: str, tmp_path: Path
) -> None:
    async with district(tmp_path, system) as known:
        students, staff = (
            laid_over(await known.listed(Entity.STUDENT)),
            laid_over(await known.listed(Entity.STAFF)),
        )
        teachings = [one for page in await known.listed(Entity.SECTION) for one in page.records]
        seat = next(one.part_id for one in teachings if hasattr(one, "part_id")).rpartition(":")[2]
        for entity, external_id in (
            (Entity.STUDENT, next(iter(staff))),
            (Entity.STAFF, next(iter(students))),
            (Entity.ENROLLMENT, seat),
        ):
            page = await known.one(entity, external_id)
            assert (list(page.records), list(page.rejected)) == ([], [])


@pytest.mark.parametrize("system", ["powerschool", "infinite_campus", "skyward"])
async def test_a_record_that_makes_no_sense_comes_back_rejected_under_its_id(
    system: str, tmp_path: Path
) -> None:
    async with district(tmp_path, system, days=3) as known:
        district_now = district_of(known.name, known.state)
        seen = 0
        for entity in (Entity.STUDENT, Entity.ENROLLMENT):
            listed = await known.listed(entity)
            refused = {one.external_id: one.code for page in listed for one in page.rejected}
            for row in truth.broken(ALL_SYSTEMS[known.name], district_now, entity.value):
                external_id = row["external_id"]
                if external_id not in refused:
                    continue
                page = await known.one(entity, external_id)
                assert [(one.external_id, one.code) for one in page.rejected] == [
                    (external_id, refused[external_id])
                ]
                assert [one for one in page.records if getattr(one, "part_id", "") == ""] == []
                seen += 1
        assert seen


@pytest.mark.parametrize("system", ["infinite_campus", "skyward"])
async def test_demographics_that_may_not_be_read_are_left_as_they_are_known(
    system: str, tmp_path: Path
) -> None:
    async with district(tmp_path, system, scope="roster.readonly roster-core.readonly") as known:
        listed = laid_over(await known.listed(Entity.STUDENT))
        external_id = next(iter(listed))
        page = await known.one(Entity.STUDENT, external_id)

        assert laid_over([page]) == {external_id: listed[external_id]}
        assert set(page.absent_fields) == {"birth_date", "gender"}


@pytest.mark.parametrize("system", ONEROSTER)
@pytest.mark.parametrize("way", ["nested", "core scope", "no nested paths"])
async def test_the_enrollments_of_one_are_asked_for_alone(system: str, way: str, tmp_path: Path) -> None:
    core = {"scope": "roster-core.readonly roster-demographics.readonly"} if way == "core scope" else {}
    async with district(tmp_path, system, **core) as known:
        if way == "no nested paths":
            await switch(known.state, known.name, nested_paths=False)
        listed = laid_over(await known.listed(Entity.ENROLLMENT))
        for of, field in ((Entity.SECTION, "section"), (Entity.STUDENT, "student")):
            for external_id in dict.fromkeys(getattr(one, field) for one in list(listed.values())[:5]):
                known.api.asked.clear()
                page = await known.provider.related(Entity.ENROLLMENT, of, external_id)
                assert page is not None
                assert laid_over([page]) == {
                    key: one for key, one in listed.items() if getattr(one, field) == external_id
                }
                assert len(known.api.asked) <= 4, known.api.asked
        page = await known.provider.one(
            Entity.SECTION, external_id := next(iter(laid_over(await known.listed(Entity.SECTION))))
        )
        assert page is not None
        assert laid_over([page])[external_id] == laid_over(await known.listed(Entity.SECTION))[external_id]


@pytest.mark.parametrize("system", ["powerschool", "powerschool by walk"])
async def test_powerschool_tells_the_enrollments_of_a_section_and_not_those_of_a_student(
    system: str, tmp_path: Path
) -> None:
    async with district(tmp_path, system) as known:
        listed = laid_over(await known.listed(Entity.ENROLLMENT))
        section = next(iter(listed.values())).section  # type: ignore[attr-defined] # an enrollment
        known.api.asked.clear()
        page = await known.provider.related(Entity.ENROLLMENT, Entity.SECTION, section)
        assert page is not None
        assert laid_over([page]) == {key: one for key, one in listed.items() if one.section == section}  # type: ignore[attr-defined]
        assert len(known.api.asked) <= 3
        assert await known.provider.related(Entity.ENROLLMENT, Entity.STUDENT, "1") is None
        assert await known.provider.related(Entity.ENROLLMENT, Entity.SECTION, "../1") is None


async def test_a_student_without_enrollments_has_none_where_the_server_agrees(tmp_path: Path) -> None:
    async with district(tmp_path, "infinite_campus") as known:
        page = await known.provider.related(Entity.ENROLLMENT, Entity.STUDENT, "nobody")
        assert page is None, "the server does not know the student: the list is read"
