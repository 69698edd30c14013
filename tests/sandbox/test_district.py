"""The invented district: deterministic, believable, flat in memory, and it changes only where it says so."""

from __future__ import annotations

import time
import tracemalloc
from collections import Counter
from dataclasses import asdict

import pytest

from siscon.sandbox import truth
from siscon.sandbox.district import District
from siscon.sandbox.people import HOSTILE
from siscon.sandbox.systems import ALL_SYSTEMS, INFINITE_CAMPUS, POWERSCHOOL, SKYWARD, System

SIZES = (10, 37, 50, 100, 480, 1000, 1700, 3500)


def district(students: int = 200, *, day: int = 0, system: System = POWERSCHOOL, seed: int = 7) -> District:
    return District(system, seed=seed, students=students, day=day)


@pytest.mark.parametrize("system", ALL_SYSTEMS.values(), ids=lambda one: one.name)
def test_the_same_seed_makes_the_same_district_and_another_seed_another(system: System) -> None:
    def people(seed: int) -> list[dict[str, object]]:
        made = district(300, day=4, system=system, seed=seed)
        return [asdict(made.student(index)) for index in range(made.students)]

    assert people(7) == people(7)
    assert people(7) != people(8)


def test_each_system_has_a_district_of_its_own() -> None:
    names = {
        name: [district(system=system).student(i).last_name for i in range(40)]
        for name, system in ALL_SYSTEMS.items()
    }

    assert len({tuple(people) for people in names.values()}) == 4


def test_a_district_of_ten_thousand_has_believable_proportions() -> None:
    made = district(10_000)

    assert made.schools == 20
    assert 600 <= made.staff_members <= 700
    assert 3.6 <= made.enrollments / made.students <= 4.6
    assert 22 <= made.enrollments / made.sections <= 26
    grades = Counter(made.student(index).grade for index in range(10_000))
    assert set(grades) == set(range(-1, 13))
    assert max(grades.values()) < 4 * min(grades.values())


@pytest.mark.parametrize("students", SIZES)
def test_every_enrollment_stands_in_the_roster_of_its_section_exactly_once(students: int) -> None:
    made = district(students, day=3)

    listed = [one for section in range(made.sections) for one in made.enrollments_of_section(section)]

    with_section = [i for i in range(made.enrollments) if made.enrollment(i).section is not None]
    assert sorted(listed) == with_section
    for section in range(made.sections):
        assert {made.enrollment(i).section for i in made.enrollments_of_section(section)} <= {section}


@pytest.mark.parametrize("students", SIZES)
def test_every_reference_points_to_a_record_of_the_same_school(students: int) -> None:
    made = district(students, system=INFINITE_CAMPUS, day=2)

    for index in range(made.sections):
        section = made.section(index)
        assert made.catalogue.course(section.course).school == section.school
        assert section.index in made.catalogue.sections_of_course(section.course)
        assert section.school in made.staff(section.teacher).schools
    for index in range(made.teachings):
        teaching = made.teaching(index)
        assert index in made.teachings_of_section(teaching.section)
        assert teaching.school in made.staff(teaching.staff).schools
    for index in range(made.students):
        assert any(index in part for part in made.students_of_school(made.student(index).school))


def test_a_class_of_day_zero_is_of_one_grade() -> None:
    made = district(3500)

    for section in range(0, made.sections, 7):
        grades = {
            made.student(made.enrollment(i).student).grade for i in made.enrollments_of_section(section)
        }
        assert len(grades) == 1


def test_a_page_at_the_far_end_of_a_million_costs_as_little_as_the_first() -> None:
    def page(student: int, enrollment: int, section: int) -> float:
        """The seconds of work that it takes."""
        began = time.process_time()
        for index in range(200):
            made.student(student + index)
            made.enrollment(enrollment + index)
        made.enrollments_of_section(section)
        return time.process_time() - began

    tracemalloc.start()
    made = district(1_000_000, day=1)
    first = page(0, 0, 0)
    last = page(made.students - 200, made.enrollments - 200, made.sections - 1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 12_000_000
    assert last < 10 * first + 0.5
    assert made.enrollments > 4_000_000


@pytest.mark.parametrize("system", ALL_SYSTEMS.values(), ids=lambda one: one.name)
def test_a_day_changes_only_the_records_it_enumerates(system: System) -> None:
    before, after = district(900, day=2, system=system), district(900, day=3, system=system)
    touched = after.days.touched[3]

    for kind, total in (
        ("student", before.students),
        ("staff", before.staff_members),
        ("section", before.sections),
        ("enrollment", before.enrollments),
        ("teaching", before.teachings),
    ):
        changed = {i for i in range(total) if getattr(before, kind)(i) != getattr(after, kind)(i)}
        assert changed == {i for i in touched[kind] if i < total}, kind


def test_a_day_that_passes_in_a_running_district_equals_the_day_built_afresh() -> None:
    lived, fresh = district(400, day=1), district(400, day=5)
    lived.live_until(5)

    for kind in ("student", "enrollment"):
        total = getattr(fresh, f"{kind}s")
        assert getattr(lived, f"{kind}s") == total
        assert [getattr(lived, kind)(i) for i in range(total)] == [
            getattr(fresh, kind)(i) for i in range(total)
        ]
    assert lived.days.counts == fresh.days.counts


@pytest.mark.parametrize("students", [10, 60, 5000])
def test_every_day_somebody_joins_leaves_transfers_and_something_is_broken(students: int) -> None:
    counts = district(students, day=3).days.counts

    for day in (1, 2, 3):
        assert all(
            counts[day][what] >= 1 for what in ("joined", "left", "transferred", "corrected", "broken")
        ), counts[day]
    assert counts[3]["mended"] == counts[1]["broken"]


def test_a_student_who_leaves_stays_listed_with_ended_enrollments() -> None:
    made = district(500, day=1)
    left = [i for i, patch in made.days.patches["student"].items() if patch.get("status") == "T"]

    assert left
    for index in left:
        assert made.student(index).status == "T"
        assert all(made.enrollment(i).dropped for i in made.enrollments_of_student(index))


def test_broken_records_are_mended_after_two_days() -> None:
    def found(day: int) -> set[str]:
        made = district(500, day=day)
        return {
            row["external_id"]
            for kind in ("student", "enrollment")
            for row in truth.broken(POWERSCHOOL, made, kind)
        }

    assert found(0) == set()
    assert found(1)
    assert not found(1) & found(3)


@pytest.mark.parametrize("system", [POWERSCHOOL, SKYWARD], ids=lambda one: one.name)
def test_hostile_names_sit_in_every_district_of_fifty(system: System) -> None:
    large, small = district(50, system=system), district(49, system=system)

    for index, (first, last) in HOSTILE.items():
        student = large.student(index)
        assert (student.first_name, student.last_name) == (first, last)
        assert small.student(index).first_name != first
