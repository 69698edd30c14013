"""What the wire says and what the truth says are the same, read back by a small reader of the test's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from siscon.domain.records import FIELDS, Entity
from siscon.sandbox import truth
from siscon.sandbox.district import District
from siscon.sandbox.oneroster import OneRoster
from siscon.sandbox.powerschool import PowerSchool
from siscon.sandbox.quirks import Quirks
from siscon.sandbox.systems import INFINITE_CAMPUS, ONEROSTER, POWERSCHOOL, SKYWARD, System
from siscon.sandbox.wire import Asked

SCOPES = frozenset({"roster.readonly", "roster-demographics.readonly"})
Rows = dict[str, dict[str, Any]]


def ask(wire: Any, path: str, query: dict[str, str], district: District, *scopes: Any) -> Any:
    method = "POST" if "/query/" in path else "GET"
    asked = Asked(method, path, query, {"accept": "application/json"}, origin="http://127.0.0.1:1")
    answer = wire.answer(asked, district, *scopes)
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


def numbered(district: District, path: str, outer: str | None, item: str, **query: str) -> Iterator[Any]:
    wire, page = PowerSchool(Quirks(max_page_size=70)), 0
    while True:
        page += 1
        body = ask(wire, path, {**query, "page": str(page)}, district)
        found = (body[outer] if outer else body).get(item, [])
        yield from found if isinstance(found, list) else [found]
        if not found:
            return


def powerschool(district: District) -> dict[str, Rows]:
    schools: Rows = {}
    read: dict[str, Rows] = {"school": schools}
    for kind in ("term", "staff", "course"):
        read[kind] = {}
    for one in numbered(district, "/ws/v1/district/school", "schools", "school"):
        schools[str(one["id"])] = {
            "name": one["name"], "number": str(one["school_number"]), "low_grade": str(one["low_grade"]),
            "high_grade": str(one["high_grade"]), "status": "active",
        }  # fmt: skip
        below = f"/ws/v1/school/{one['id']}"
        for term in numbered(district, f"{below}/term", "terms", "term"):
            read["term"][str(term["id"])] = {
                "name": term["name"], "school": str(term["school_id"]), "starts_on": term["start_date"],
                "ends_on": term["end_date"], "school_year": str(term["start_year"]), "status": "active",
            }  # fmt: skip
        for staff in numbered(
            district, f"{below}/staff", "staffs", "staff", expansions="emails,school_affiliations"
        ):
            where = staff["school_affiliations"]["school_affiliation"]
            where = where if isinstance(where, list) else [where]
            read["staff"][str(staff["users_dcid"])] = {
                **staff["name"], "local_id": str(staff["local_id"]), "email": staff["emails"]["work_email"],
                "schools": [str(one["school_id"]) for one in where], "status": "active",
            }  # fmt: skip
        for course in numbered(district, f"{below}/course", "courses", "course"):
            read["course"][str(course["id"])] = {
                "title": course["course_name"], "code": course["course_number"], "status": "active"
            }  # fmt: skip
    read["student"] = {str(row["id"]): ps_student(row) for row in numbered(
        district, "/ws/v1/district/student", "students", "student",
        expansions="demographics,school_enrollment,contact_info",
    )}  # fmt: skip
    query = "/ws/schema/query/org.siscon.roster."
    read["section"] = {
        row["dcid"]: {
            "number": row["section_number"], "period": row["expression"], "course": row["course_dcid"],
            "school": row["school_dcid"], "terms": [row["term_dcid"]],
            "instructors": [row["teacher_users_dcid"]], "status": "active",
        }
        for row in numbered(district, f"{query}sections", None, "record")
    }  # fmt: skip
    read["enrollment"] = {
        row["dcid"]: {
            "section": row["section_dcid"], "student": row["student_dcid"], "begins_on": row["dateenrolled"],
            "ends_on": row["dateleft"], "status": "inactive" if row["dropped"] == "1" else "active",
        }
        for row in numbered(district, f"{query}enrollments", None, "record")
    }  # fmt: skip
    return read


def ps_student(row: dict[str, Any]) -> dict[str, Any]:
    enrolled, contact = row["school_enrollment"], row["contact_info"]
    return {
        "first_name": row["name"]["first_name"],
        "middle_name": row["name"].get("middle_name"),
        "last_name": row["name"].get("last_name"),
        "local_id": str(row["local_id"]),
        "state_id": row["state_province_id"],
        "birth_date": row["demographics"]["birth_date"],
        "gender": row["demographics"]["gender"],
        "grade_level": str(enrolled["grade_level"]),
        "email": contact["email"] if contact != "" else None,
        "username": row.get("student_username"),
        "school": str(enrolled["school_id"]),
        "status": {0: "active", -1: "future"}.get(enrolled["enroll_status_code"], "inactive"),
    }


def oneroster(district: District, version: str) -> dict[str, Rows]:
    wire = OneRoster(version, "/or", Quirks())

    def pages(path: str) -> Iterator[Any]:
        offset, found = 0, [None]
        while found:
            query = {"limit": "70", "offset": str(offset)}
            found = next(iter(ask(wire, f"/or/{path}", query, district, SCOPES).values()))
            yield from found
            offset += 70

    def status(row: dict[str, Any]) -> str:
        return {"active": "active", "tobedeleted": "inactive"}[row["status"]]

    def orgs(row: dict[str, Any]) -> list[str]:
        refs = [role["org"] for role in row["roles"]] if version == "v1p2" else row["orgs"]
        return [ref["sourcedId"] for ref in refs]

    def user(row: dict[str, Any]) -> dict[str, Any]:
        names = {"first_name": row["givenName"], "last_name": row.get("familyName") or None}
        known = {"local_id": row["identifier"], "email": row.get("email"), "username": row.get("username")}
        return {**names, **known, "status": status(row)}

    read: dict[str, Rows] = {
        "school": {
            row["sourcedId"]: {"name": row["name"], "number": row["identifier"], "status": status(row)}
            for row in pages("orgs")
            if row["type"] == "school"
        },
        "term": {
            row["sourcedId"]: {
                "name": row["title"], "starts_on": row["startDate"], "ends_on": row["endDate"],
                "school_year": row["schoolYear"], "status": status(row),
            }
            for row in pages("academicSessions")
        },
        "course": {
            row["sourcedId"]: {
                "title": row["title"], "code": row["courseCode"], "school": row["org"]["sourcedId"],
                "status": status(row),
            }
            for row in pages("courses")
        },
        "staff": {row["sourcedId"]: user(row) | {"schools": orgs(row)} for row in pages("teachers")},
        "enrollment": {},
    }  # fmt: skip
    people = {row["sourcedId"]: row for row in pages("demographics")}
    read["student"] = {
        row["sourcedId"]: user(row)
        | {
            "middle_name": row.get("middleName"),
            "state_id": next(one["identifier"] for one in row["userIds"] if one["type"] == "stateID"),
            "birth_date": people[row["sourcedId"]]["birthDate"],
            "gender": people[row["sourcedId"]].get("sex"),
            "grade_level": row["grades"][0],
            "school": orgs(row)[0],
        }
        for row in pages("students")
    }
    teachers: dict[str, list[tuple[bool, str, str]]] = {}
    for row in pages("enrollments"):
        section = row["class"]["sourcedId"]
        if row["role"] == "student":
            read["enrollment"][row["sourcedId"]] = {
                "section": section, "student": row["user"]["sourcedId"], "begins_on": row["beginDate"],
                "ends_on": row["endDate"], "status": status(row),
            }  # fmt: skip
        elif row["status"] == "active":
            first = row["primary"] in (True, "true")
            teachers.setdefault(section, []).append((not first, row["sourcedId"], row["user"]["sourcedId"]))
    read["section"] = {
        row["sourcedId"]: {
            "title": row["title"], "number": row["classCode"],
            "period": ",".join(row["periods"]) if version == "v1p2" else row["periods"],
            "course": row["course"]["sourcedId"], "school": row["school"]["sourcedId"],
            "terms": [term["sourcedId"] for term in row["terms"]],
            "instructors": list(dict.fromkeys(user for _, _, user in sorted(teachers[row["sourcedId"]]))),
            "status": status(row),
        }
        for row in pages("classes")
    }  # fmt: skip
    return read


@pytest.mark.parametrize(
    ("students", "day"), [(12, 0), (12, 1), (12, 4), (150, 0), (150, 1), (150, 4), (1100, 0), (1100, 4)]
)
@pytest.mark.parametrize(
    ("system", "version"),
    [
        (POWERSCHOOL, ""),
        (INFINITE_CAMPUS, "v1p2"),
        (SKYWARD, "v1p1"),
        (ONEROSTER, "v1p1"),
        (ONEROSTER, "v1p2"),
    ],
    ids=lambda one: one.name if isinstance(one, System) else one,
)
def test_what_the_wire_says_is_the_truth(system: System, version: str, students: int, day: int) -> None:
    district = District(system, seed=11, students=students, day=day)

    agree(district, powerschool(district) if system is POWERSCHOOL else oneroster(district, version))


@pytest.mark.parametrize("version", ["v1p1", "v1p2"])
def test_the_truth_of_another_year_and_epoch_is_what_the_wire_says_then(version: str) -> None:
    district = District(ONEROSTER, seed=11, students=150, day=3)
    district.turn(years=2, epoch=1, skew_s=90)

    agree(district, oneroster(district, version))


def agree(district: District, read: dict[str, Rows]) -> None:
    system = district.system

    for entity in Entity:
        expected = {row["external_id"]: row for row in truth.rows(system, district, entity)}
        broken = {row["external_id"] for row in truth.broken(system, district, entity)}
        assert not broken & set(expected)
        assert set(read[entity]) == set(expected) | broken, entity
        for external_id, row in expected.items():
            got = {
                rule.name: read[entity][external_id].get(rule.name, [] if rule.many else None)
                for rule in FIELDS[entity]
            }
            assert {"integration": system.name, "entity": entity, "external_id": external_id, **got} == row


def test_broken_records_are_in_the_truth_only_when_asked_for() -> None:
    district = District(SKYWARD, seed=11, students=150, day=1)

    reasons = [row["reason"] for kind in Entity for row in truth.broken(SKYWARD, district, kind)]
    marked = [
        row
        for kind in Entity
        for row in truth.rows(SKYWARD, district, kind, with_broken=True)
        if row.get("broken")
    ]

    assert len(reasons) == len(marked) == district.days.counts[1]["broken"]
    assert all(isinstance(reason, str) and reason for reason in reasons)


def test_truth_of_a_million_students_is_streamed() -> None:
    district = District(INFINITE_CAMPUS, seed=1, students=1_000_000)

    first = next(truth.rows(INFINITE_CAMPUS, district, Entity.ENROLLMENT))

    assert list(first)[:3] == ["integration", "entity", "external_id"]
