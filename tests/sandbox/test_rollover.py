"""A school year turns over, and a version brings new ids: what stays, what goes, and what is true then."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.running import Running
from siscon.domain.records import Entity
from siscon.sandbox import truth
from siscon.sandbox.systems import ALL_SYSTEMS
from siscon.sandbox.world import district_of

FAMILY = pytest.mark.parametrize("system", ["infinite_campus", "skyward", "oneroster"])
LISTS = ("orgs", "users", "demographics", "courses", "academicSessions", "classes", "enrollments")


async def ids(sandbox: Running, system: str) -> dict[str, set[str]]:
    return {path: {row["sourcedId"] for row in await listed(sandbox, system, path)} for path in LISTS}


async def listed(sandbox: Running, system: str, path: str) -> list[dict[str, Any]]:
    answer = await sandbox.get(system, f"/{path}?limit=5000")
    return list(next(iter(answer.json().values())))


@FAMILY
async def test_a_new_year_brings_new_classes_and_keeps_the_people(sandbox: Running, system: str) -> None:
    await sandbox.control(system, "quirks", {"max_page_size": 5000})
    before = await ids(sandbox, system)
    await sandbox.control(system, "quirks", {"school_year": 1})
    after = await ids(sandbox, system)

    for path in ("orgs", "users", "demographics", "courses"):
        assert after[path] == before[path], path
    for path in ("academicSessions", "classes", "enrollments"):
        assert not after[path] & before[path], path
        assert len(after[path]) == len(before[path])
    old = await sandbox.get(system, f"/classes/{min(before['classes'])}")
    new = await sandbox.get(system, f"/classes/{min(after['classes'])}")
    assert (old.status_code, new.status_code) == (404, 200)


@FAMILY
async def test_terms_and_places_lie_in_the_new_year(sandbox: Running, system: str) -> None:
    await sandbox.control(system, "quirks", {"school_year": 2})
    sessions = await listed(sandbox, system, "academicSessions")
    place = (await listed(sandbox, system, "enrollments"))[0]

    year = next(row for row in sessions if row["type"] == "schoolYear")
    assert (year["title"], year["startDate"], year["endDate"]) == ("2028-2029", "2028-08-17", "2029-06-05")
    assert {row["schoolYear"] for row in sessions} == {"2029"}
    assert place["beginDate"] == "2028-08-17"
    klass = await sandbox.get(system, f"/classes/{place['class']['sourcedId']}")
    terms = {one["sourcedId"] for one in klass.json()["class"]["terms"]}
    assert terms <= {row["sourcedId"] for row in sessions}


@FAMILY
async def test_another_epoch_names_all_users_anew(sandbox: Running, system: str) -> None:
    await sandbox.control(system, "quirks", {"max_page_size": 5000})
    before = await ids(sandbox, system)
    await sandbox.control(system, "quirks", {"ids_epoch": 1})
    after = await ids(sandbox, system)

    assert not after["users"] & before["users"]
    assert after["demographics"] < after["users"]
    for path in ("orgs", "courses", "academicSessions", "classes", "enrollments"):
        assert after[path] == before[path], path
    places = await listed(sandbox, system, "enrollments")
    assert {row["user"]["sourcedId"] for row in places} <= after["users"]


@FAMILY
async def test_the_truth_can_be_asked_of_a_turned_district(sandbox: Running, system: str) -> None:
    await sandbox.control(system, "quirks", {"max_page_size": 5000, "school_year": 1, "ids_epoch": 3})
    district = district_of(system, sandbox.state)
    district.turn(years=1, epoch=3)

    def known(entity: Entity) -> Iterator[str]:
        return (row["external_id"] for row in truth.rows(ALL_SYSTEMS[system], district, entity.value))

    after = await ids(sandbox, system)
    assert set(known(Entity.SECTION)) == after["classes"]
    assert {*known(Entity.STUDENT), *known(Entity.STAFF)} == after["users"]
    assert set(known(Entity.ENROLLMENT)) < after["enrollments"]


@FAMILY
async def test_the_first_year_comes_back_and_days_pass_in_any_year(sandbox: Running, system: str) -> None:
    before = await ids(sandbox, system)
    await sandbox.control(system, "quirks", {"school_year": 1})
    await sandbox.control(system, "advance", {})
    turned = await ids(sandbox, system)
    await sandbox.control(system, "quirks", {"school_year": 0})
    after = await ids(sandbox, system)

    assert not turned["classes"] & before["classes"]
    assert before["enrollments"] <= after["enrollments"]
