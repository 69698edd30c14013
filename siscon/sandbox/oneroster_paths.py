"""Which list stands at which path of OneRoster, top level and nested."""

from __future__ import annotations

from siscon.sandbox.district import District
from siscon.sandbox.oneroster_lists import Listing, Trouble, listing_of
from siscon.sandbox.oneroster_rows import Rows

TOP = {
    "academicSessions": "session", "orgs": "org", "schools": "school", "courses": "course",
    "classes": "section", "users": "user", "students": "student", "teachers": "staff",
    "enrollments": "place", "demographics": "demographics",
}  # fmt: skip


def listing_at(path: list[str], district: District, rows: Rows) -> Listing:
    """The list that stands at a path below the base of the API."""
    match path:
        case ["terms"]:
            return listing_of(district, rows, "session", [1, 2])
        case ["gradingPeriods"]:
            return listing_of(district, rows, "session", [3, 4, 5, 6])
        case [collection] if collection in TOP:
            return listing_of(district, rows, TOP[collection])
        case ["schools", school, "classes", section, what]:
            at = _find(district, "section", section)
            if district.section(at).school != _find(district, "school", school):
                raise unknown()
            return _of_class(district, rows, at, what)
        case ["schools", school, what]:
            return _of_school(district, rows, _find(district, "school", school), what)
        case ["classes", section, what] if what != "enrollments":
            return _of_class(district, rows, _find(district, "section", section), what)
        case ["courses", course, "classes"]:
            found = district.catalogue.sections_of_course(_find(district, "course", course))
            return listing_of(district, rows, "section", found)
        case ["terms", term, "classes"]:
            at = _find(district, "term", term)
            found = [k for k in range(district.sections) if at in district.section(k).terms]
            return listing_of(district, rows, "section", found)
        case ["terms", term, "gradingPeriods"]:
            at = _find(district, "term", term)
            found = [k for k in range(district.terms) if district.term(k).parent == at and k > 2]
            return listing_of(district, rows, "session", found)
        case ["students" | "teachers" | "users" as who, user, "classes"]:
            return _classes_of(district, rows, who, user)
    raise unknown()


def _of_school(district: District, rows: Rows, school: int, what: str) -> Listing:
    match what:
        case "courses":
            return listing_of(district, rows, "course", district.catalogue.courses_of_school(school))
        case "classes":
            return listing_of(district, rows, "section", district.sections_of_school(school))
        case "students":
            first, joined = district.students_of_school(school)
            return listing_of(district, rows, "student", [*first, *joined])
        case "teachers":
            return listing_of(district, rows, "staff", district.staff_of_school(school))
        case "terms":
            return listing_of(district, rows, "session", [1, 2])
        case "enrollments":
            return listing_of(district, rows, "place", district.places_of_school(school))
    raise unknown()


def _of_class(district: District, rows: Rows, section: int, what: str) -> Listing:
    students = [district.enrollment(e) for e in district.enrollments_of_section(section)]
    teachers = [district.teaching(t) for t in district.teachings_of_section(section)]
    places = district.places
    match what:
        case "students":
            now = {one.student for one in students if not one.dropped}
            return listing_of(district, rows, "student", sorted(now))
        case "teachers":
            return listing_of(district, rows, "staff", sorted({t.staff for t in teachers if not t.ends_on}))
        case "enrollments":
            found = [places.place_of("teaching", one.index) for one in teachers]
            found += [places.place_of("enrollment", one.index) for one in students]
            return listing_of(district, rows, "place", found)
    raise unknown()


def _classes_of(district: District, rows: Rows, who: str, user: str) -> Listing:
    student = district.ids.index("student", user) if who != "teachers" else None
    if student is not None and student < district.students:
        places = [district.enrollment(e) for e in district.enrollments_of_student(student)]
        found = {one.section for one in places if one.section is not None and not one.dropped}
        return listing_of(district, rows, "section", sorted(found))
    staff = district.ids.index("staff", user) if who != "students" else None
    if staff is None or staff >= district.staff_members:
        raise unknown()
    taught = []
    for school in district.staff(staff).schools:
        for section in district.sections_of_school(school):
            teachings = [district.teaching(t) for t in district.teachings_of_section(section)]
            if any(one.staff == staff and not one.ends_on for one in teachings):
                taught.append(section)
    return listing_of(district, rows, "section", taught)


def unknown() -> Trouble:
    """The refusal of an id or path that names nothing."""
    return Trouble(404, "unknownobject", "there is no such object")


def totals(district: District) -> dict[str, int]:
    """How many records of each kind of id there are."""
    return {
        "district": 1, "school": district.schools, "term": district.terms, "course": district.courses,
        "section": district.sections, "student": district.students, "staff": district.staff_members,
        "enrollment": district.enrollments, "teaching": district.teachings,
    }  # fmt: skip


def _find(district: District, kind: str, sourced_id: str) -> int:
    index = district.ids.index(kind, sourced_id)
    if index is None or index >= totals(district)[kind]:
        raise unknown()
    return index
