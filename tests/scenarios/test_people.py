"""People move: schools, sections, teachers, in and out of use; roster, history and summary say so, once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from siscon.cli.summaries import _lines
from siscon.domain.commands import ForceSync
from siscon.domain.records import Course, Enrollment, Entity, Section, Student
from siscon.ops import classes, history, rows
from siscon.ops.summaries import summary
from support.fake_sis import rejected, small_district
from support.house import NAME, test_house


@pytest.fixture
async def house(tmp_path):
    async with test_house(tmp_path, small_district()) as opened:
        await opened.sync()
        yield opened


async def told(house):
    (last,) = await house.rows("SELECT max(id) AS id FROM runs")
    return await summary(house.db, last["id"])


async def record(house, entity, external_id):
    found = await rows.one_record(house.db, NAME, entity, external_id)
    assert found is not None
    return found


async def changed(house, entity, external_id):
    """Field -> (before, after) of the latest change of a record."""
    id_ = await history.internal_id(house.db, NAME, entity, external_id)
    last = [row async for row in history.history(house.db, id_)][-1]
    return {one["field"]: (one["before"], one["after"]) for one in last["changes"]}


async def nothing_more_happens(house):
    before = await house.content()
    for _ in range(2):
        await house.sync()
        came_to = await told(house)
        assert not came_to["created"] + came_to["updated"] + came_to["drops"]["withdrawn"]
        assert not came_to["transfers"]["schools"]["count"] + came_to["transfers"]["sections"]["count"]
        assert came_to["status_changes"] == []
    assert await house.content() == before


def student(house, number):
    return house.sis.lists[Entity.STUDENT][number - 1]


async def test_a_student_goes_to_another_school(house):
    house.sis.replace(replace(student(house, 3), school="s2"))
    await house.sync()

    came_to = await told(house)
    assert came_to["transfers"]["schools"] == {
        "count": 1,
        "examples": [{"student": "u3", "from": "s1", "to": "s2"}],
    }
    assert (await record(house, Entity.STUDENT, "u3"))["school"] == "s2"
    assert await changed(house, Entity.STUDENT, "u3") == {"school": ("s1", "s2")}
    assert ("transfers", "1 between schools (u3: s1 to s2)") in list(_lines(came_to))
    await nothing_more_happens(house)


@pytest.mark.parametrize("drop", ["told", "vanished", "led elsewhere"])
async def test_a_student_goes_to_another_section_of_the_course(house, drop):
    old = house.sis.lists[Entity.ENROLLMENT][1]
    if drop == "told":
        house.sis.replace(replace(old, status="inactive", ends_on="2026-10-01"))
    elif drop == "vanished":
        house.sis.remove(Entity.ENROLLMENT, ["e2"])
    if drop == "led elsewhere":
        house.sis.replace(replace(old, section="x3"))
    else:
        house.sis.hold(Enrollment("e9", "x3", "u2", "2026-10-02"))
    await house.sync()

    moved = (await told(house))["transfers"]["sections"]
    assert moved == {"count": 1, "examples": [{"student": "u2", "from": "x1", "to": "x3"}]}
    if drop == "vanished":
        await house.sync()
        assert (await told(house))["drops"]["withdrawn"] == 1
        assert (await told(house))["transfers"]["sections"]["count"] == 0, "told once"
    await nothing_more_happens(house)
    (new,) = await classes.class_rows(house.db, NAME, Entity.SECTION, "x3")
    assert [one["student"] for one in new["enrollments"] if one["status"] == "active"] == ["u2"]


async def test_another_course_is_no_transfer(house):
    house.sis.hold(Course("c9", "Music"), Section("x9", "Choir", course="c9"), Enrollment("e9", "x9", "u2"))
    house.sis.replace(replace(house.sis.lists[Entity.ENROLLMENT][1], status="inactive"))
    await house.sync()

    assert (await told(house))["transfers"]["sections"]["count"] == 0


async def test_a_teacher_leaves_a_section(house):
    section = house.sis.lists[Entity.SECTION][0]
    house.sis.replace(replace(section, instructors=("p2",)))
    await house.sync()

    assert (await told(house))["sections_with_other_teachers"] == 1
    assert await changed(house, Entity.SECTION, "x1") == {"instructors": (["p1"], ["p2"])}
    taught = await classes.class_rows(house.db, NAME, Entity.STAFF, "p1")
    assert [one["section"] for one in taught] == ["x3"]
    await nothing_more_happens(house)


async def test_a_student_goes_out_of_use_and_comes_back_as_the_same_record(house):
    before = await record(house, Entity.STUDENT, "u4")
    house.sis.replace(replace(student(house, 4), status="inactive"))
    await house.sync()
    came_to = await told(house)
    assert came_to["status_changes"] == [
        {"entity": "student", "from": "active", "to": "inactive", "count": 1}
    ]
    assert came_to["drops"] == {"missing": 0, "withdrawn": 1, "came_back": 0}
    await nothing_more_happens(house)

    house.sis.replace(replace(student(house, 4), status="active"))
    await house.sync()
    assert (await told(house))["drops"]["came_back"] == 1
    after = await record(house, Entity.STUDENT, "u4")
    assert (after["internal_id"], after["status"]) == (before["internal_id"], "active")
    assert await changed(house, Entity.STUDENT, "u4") == {"status": ("inactive", "active")}
    await nothing_more_happens(house)


async def test_who_was_withdrawn_because_nobody_sent_it_comes_back(house):
    gone = student(house, 5)
    house.sis.remove(Entity.STUDENT, ["u5"])
    await house.sync()
    assert (await told(house))["drops"] == {"missing": 1, "withdrawn": 0, "came_back": 0}
    await house.sync()
    assert (await told(house))["drops"]["withdrawn"] == 1
    house.sis.hold(gone)
    await house.sync()

    assert (await told(house))["drops"]["came_back"] == 1
    await nothing_more_happens(house)


async def test_a_student_of_next_year_becomes_active(house):
    house.sis.hold(Student("u7", "Ida", None, "Moss", status="future", school="s1"))
    await house.sync()
    house.sis.replace(Student("u7", "Ida", None, "Moss", status="active", school="s1"))
    await house.sync()

    came_to = await told(house)
    assert came_to["status_changes"] == [{"entity": "student", "from": "future", "to": "active", "count": 1}]
    assert came_to["drops"]["came_back"] == 0
    await nothing_more_happens(house)


async def test_the_summary_groups_errors_by_cause_with_a_few_ids(house):
    house.sis.hold(*(Enrollment(f"d{n}", "x77", "u1") for n in range(5)))
    house.sis.hold(rejected("u99"), entity=Entity.STUDENT)
    await house.sync()

    came_to = await told(house)
    assert came_to["processed"] == 27
    assert came_to["failed"] == 6
    by_code = {one["code"]: one for one in came_to["errors"]}
    assert by_code["unknown_reference"]["count"] == 5
    assert by_code["unknown_reference"]["examples"] == ["d0", "d1", "d2"]
    assert by_code["missing"]["examples"] == ["u99"]
    said = [text for name, text in _lines(came_to) if name == "errors"]
    assert said[0].startswith("5 enrollment records (d0, d1, d2): This enrollment refers to a ")
    assert said[-1] == f"'siscon errors list --run {came_to['run_id']}' lists them"


@pytest.mark.parametrize("asked_alone", [False, True])
async def test_one_section_is_synced_with_its_enrollments_and_a_drop_is_told_but_left_to_full_lists(
    house, asked_alone
):
    house.sis.gives_related = asked_alone
    house.sis.remove(Entity.ENROLLMENT, ["e2", "e3"])
    house.sis.hold(Enrollment("e9", "x1", "u1"), Enrollment("e10", "x2", "u2"))
    row = await house.ask(ForceSync(NAME, "section", "x1"))
    await house.carry_on(row.run_id)

    (found,) = await classes.class_rows(house.db, NAME, Entity.SECTION, "x1")
    places = {one["external_id"]: one["status"] for one in found["enrollments"]}
    assert places == dict.fromkeys(("e1", "e2", "e3", "e4", "e5", "e9"), "active")
    (event,) = await house.rows("SELECT text FROM events WHERE kind = 'records gone'")
    assert (
        "lists 2 of this section no longer (e2, e3); nothing is done to them before a full list"
        in event["text"]
    )
    assert (await told(house))["warnings"] == 2
    (elsewhere,) = await classes.class_rows(house.db, NAME, Entity.SECTION, "x2")
    assert [one["external_id"] for one in elsewhere["enrollments"]] == ["e6"], "only what was asked for"

    house.entities = (Entity.ENROLLMENT,)
    await house.sync()
    assert (await told(house))["drops"]["missing"] == 2
    await house.sync()
    (found,) = await classes.class_rows(house.db, NAME, Entity.SECTION, "x1")
    assert {one["external_id"] for one in found["enrollments"] if one["status"] == "inactive"} == {"e2", "e3"}


async def test_a_class_is_shown_with_its_people_and_a_student_with_its_own_places_alone(house):
    (found,) = await classes.class_rows(house.db, NAME, Entity.SECTION, "x1")
    assert (found["course"], found["course_title"], found["school"], found["terms"]) == (
        "c1",
        "Art",
        "s1",
        ["t1"],
    )
    assert [(one["external_id"], one["name"]) for one in found["teachers"]] == [("p1", "Rhea Okafor")]
    assert [one["student"] for one in found["enrollments"]] == ["u1", "u2", "u3", "u4", "u5"]
    assert found["enrollments"][0]["begins_on"] == "2026-08-17"

    own = await classes.class_rows(house.db, NAME, Entity.STUDENT, "u1")
    assert [(one["section"], [place["student"] for place in one["enrollments"]]) for one in own] == [
        ("x1", ["u1"]),
        ("x2", ["u1"]),
    ]
    assert await classes.class_rows(house.db, NAME, Entity.STUDENT, "u99") is None
