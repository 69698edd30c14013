"""The records of the district as PowerSchool writes them down, with all its ways of writing JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from siscon.sandbox.days import IMPOSSIBLE_DATE, START_YEAR
from siscon.sandbox.district import District
from siscon.sandbox.facts import Student
from siscon.sandbox.ids import NumberIds
from siscon.sandbox.quirks import Quirks
from siscon.sandbox.wire import encode, quote

STUDENT_EXPANSIONS = (
    "demographics, addresses, alerts, phones, school_enrollment, ethnicity_race, contact, contact_info, "
    "initial_enrollment, schedule_setup, fees, lunch"
)
EXPANSIONS = {
    "student": STUDENT_EXPANSIONS,
    "staff": "addresses, emails, phones, school_affiliations",
    "section": "term",
    "school": "addresses, phones",
}
EXTENSION = "u_invented"
"""The one extension table that is filled; others that are asked for are ignored."""
ENROLL_STATUS = {"A": (0, "Active"), "P": (-1, "Pre-Registered"), "T": (2, "Transferred Out")}


class Rows:
    """Rows of one district. ``wanted`` holds the expansions that the client asked for."""

    def __init__(self, district: District, quirks: Quirks) -> None:
        self._district = district
        ids = district.ids
        assert isinstance(ids, NumberIds)
        self._id = ids.number
        self._as_numbers = quirks.digits_as_numbers
        self._single = quirks.single_as_object
        self._nothing: Any = "" if quirks.empty_as_text else {}
        self._no_email = f',"contact_info":{encode(self._nothing)}'

    def number(self, kind: str, index: int) -> int:
        """The DCID of a record."""
        return self._id(kind, index)

    def _digits(self, text: str) -> str:
        return text if self._as_numbers and text.isdigit() else quote(text)

    def _plain(self, text: str) -> str | int:
        return int(text) if self._as_numbers and text.isdigit() else text

    def collection(self, items: Sequence[Mapping[str, Any]]) -> Any:
        """A list, or its only member: a collection of one is an object."""
        return items[0] if self._single and len(items) == 1 else items

    def written(self, texts: list[str]) -> str:
        """The same of items that are JSON already."""
        return texts[0] if self._single and len(texts) == 1 else f"[{','.join(texts)}]"

    def student(self, index: int, wanted: frozenset[str]) -> str:
        """A student, as JSON text."""
        student = self._district.student(index)
        middle = f'"middle_name":{quote(student.middle_name)},' if student.middle_name else ""
        username = f',"student_username":{quote(student.username)}' if student.username is not None else ""
        text = _STUDENT % (
            self._id("student", index),
            self._digits(student.local_id),
            quote(student.state_id),
            quote(student.first_name),
            middle,
            quote(student.last_name),
            username,
            self._expanded(student, wanted) if wanted else "",
        )
        return text if student.flaw is None else _broken(text, student.flaw)

    def _expanded(self, student: Student, wanted: frozenset[str]) -> str:
        text = ""
        if "demographics" in wanted:
            text = _DEMOGRAPHICS % (student.gender, student.birth_date, START_YEAR + 13 - student.grade)
        if "school_enrollment" in wanted:
            code, words = ENROLL_STATUS[student.status]
            text += _SCHOOL_ENROLLMENT % (
                student.status,
                words,
                code,
                student.grade,
                student.entry_on,
                student.exit_on,
                200 + 10 * student.school,
                self._id("school", student.school),
            )
        if "contact_info" in wanted:
            known = student.email is not None
            text += f',"contact_info":{{"email":{quote(student.email or "")}}}' if known else self._no_email
        if "phones" in wanted:
            text += f',"phones":{{"main":{{"number":{self._digits(f"555{student.index % 10000:04d}")}}}}}'
        for name in wanted - _FILLED:
            text += f',"{name}":{encode(self._nothing)}'
        return text

    def extension(self, index: int) -> dict[str, Any]:
        """The district's own fields of a person: a list of tables, of which one is an object like any single."""
        fields = [
            {"name": "bus_route", "type": "String", "value": f"R{index % 40:02d}"},
            {"name": "house", "type": "String", "value": ("Heron", "Otter", "Marten")[index % 3]},
        ]
        if index % 7 == 5:
            fields = fields[:1]
        table = {"recordFound": True, "_field": self.collection(fields), "name": EXTENSION}
        return {"_table_extension": self.collection([table])}

    def school(self, index: int, wanted: frozenset[str]) -> dict[str, Any]:
        """A school."""
        school = self._district.school(index)
        row = {
            "id": self._id("school", index),
            "name": school.name,
            "school_number": school.number,
            "low_grade": school.low_grade,
            "high_grade": school.high_grade,
        }
        return row | dict.fromkeys(wanted, self._nothing)

    def affiliation(self, school: int, staff: int) -> int:
        """The row number of a person at one school, which is what sections refer to."""
        home = self._district.layout.school_of_staff(staff)
        return self._id("affiliation", 2 * staff + (school != home))

    def staff(self, school: int, index: int, wanted: frozenset[str]) -> dict[str, Any]:
        """A person as a member of one school."""
        person = self._district.staff(index)
        row: dict[str, Any] = {
            "id": self.affiliation(school, index),
            "local_id": self._plain(person.local_id),
            "users_dcid": self._id("staff", index),
            "name": {"first_name": person.first_name, "last_name": person.last_name},
        }
        if "emails" in wanted:
            row["emails"] = {"work_email": person.email}
        if "school_affiliations" in wanted:
            found = [{"school_id": self._id("school", s), "type": 1, "status": 1} for s in person.schools]
            row["school_affiliations"] = {"school_affiliation": self.collection(found)}
        return row | dict.fromkeys(wanted - {"emails", "school_affiliations"}, self._nothing)

    def course(self, index: int) -> dict[str, Any]:
        """A course of the district's catalogue."""
        course = self._district.catalogue.course(index)
        return {"id": self._id("course", index), "course_number": course.code, "course_name": course.title}

    def term(self, index: int) -> dict[str, Any]:
        """A term of a school."""
        term = self._district.term(index)
        assert term.school is not None
        return {
            "id": self._id("term", index),
            "school_id": self._id("school", term.school),
            "start_year": START_YEAR,
            "portion": term.portion,
            "start_date": term.starts_on,
            "end_date": term.ends_on,
            "abbreviation": term.abbreviation,
            "name": term.name,
        }

    def section(self, index: int, wanted: frozenset[str]) -> dict[str, Any]:
        """A section."""
        section = self._district.section(index)
        row: dict[str, Any] = {
            "id": self._id("section", index),
            "school_id": self._id("school", section.school),
            "course_id": self._id("course", section.course),
            "staff_id": self.affiliation(section.school, section.teacher),
            "term_id": self._id("term", section.terms[0]),
            "section_number": self._plain(section.number),
            "expression": f"{section.period}(A)",
        }
        if "term" in wanted:
            row["term"] = self.term(section.terms[0])
        return row

    def enrollment(self, index: int) -> dict[str, Any]:
        """A student's place in a section."""
        place = self._district.enrollment(index)
        return {
            "id": self._id("enrollment", index),
            "section_id": self._section_id(index, place.section),
            "student_id": self._id("student", place.student),
            "entry_date": place.begins_on,
            "exit_date": place.ends_on,
            "dropped": place.dropped,
        }

    def _section_id(self, enrollment: int, section: int | None) -> int:
        return self._id("missing", enrollment) if section is None else self._id("section", section)

    def enrollment_columns(self, index: int) -> str:
        """A student's place in a section as a row of a PowerQuery: flat, and all text."""
        place = self._district.enrollment(index)
        return _CC % (
            self._id("enrollment", index),
            self._section_id(index, place.section),
            self._id("student", place.student),
            place.begins_on,
            place.ends_on,
            place.dropped,
        )

    def section_columns(self, index: int) -> dict[str, str]:
        """A section as a row of a PowerQuery: flat, and all text."""
        section = self._district.section(index)
        return {
            "_name": "sections",
            "dcid": str(self._id("section", index)),
            "course_dcid": str(self._id("course", section.course)),
            "school_dcid": str(self._id("school", section.school)),
            "term_dcid": str(self._id("term", section.terms[0])),
            "teacher_users_dcid": str(self._id("staff", section.teacher)),
            "section_number": section.number,
            "expression": f"{section.period}(A)",
        }

    def student_columns(self, index: int) -> dict[str, str]:
        """A student as a row of the STUDENTS table; empty columns are absent."""
        student = self._district.student(index)
        columns = {
            "dcid": str(self._id("student", index)),
            "id": str(index + 1),
            "student_number": student.local_id,
            "state_studentnumber": student.state_id,
            "first_name": student.first_name,
            "middle_name": student.middle_name,
            "last_name": "" if student.flaw == "no_last_name" else student.last_name,
            "gender": student.gender,
            "dob": IMPOSSIBLE_DATE if student.flaw == "bad_birth_date" else student.birth_date,
            "grade_level": str(student.grade),
            "enroll_status": str(ENROLL_STATUS[student.status][0]),
            "schoolid": str(200 + 10 * student.school),
            "entrydate": student.entry_on,
            "exitdate": student.exit_on,
        }
        return {name: value for name, value in columns.items() if value}


STUDENT_COLUMNS = (
    "dcid", "id", "student_number", "state_studentnumber", "first_name", "middle_name", "last_name",
    "gender", "dob", "grade_level", "enroll_status", "schoolid", "entrydate", "exitdate",
)  # fmt: skip


_FILLED = frozenset(("demographics", "school_enrollment", "contact_info", "phones"))
_STUDENT = '{"id":%d,"local_id":%s,"state_province_id":%s,"name":{"first_name":%s,%s"last_name":%s}%s%s}'
_DEMOGRAPHICS = ',"demographics":{"gender":"%s","birth_date":"%s","projected_graduation_year":%d}'
_SCHOOL_ENROLLMENT = (
    ',"school_enrollment":{"enroll_status":"%s","enroll_status_description":"%s","enroll_status_code":%d,'
    '"grade_level":%d,"entry_date":"%s","exit_date":"%s","school_number":%d,"school_id":%d,'
    '"full_time_equivalency":{"fteid":3,"name":"Full Day"}}'
)
_CC = (
    '{"_name":"cc","dcid":"%d","section_dcid":"%d","student_dcid":"%d","dateenrolled":"%s","dateleft":"%s",'
    '"dropped":"%d"}'
)


def _broken(text: str, flaw: str) -> str:
    row = json.loads(text)
    if flaw == "no_last_name":
        del row["name"]["last_name"]
    elif flaw == "wrong_type":
        row["name"]["first_name"] = {"value": [row["name"]["first_name"], 7]}
    elif "demographics" in row:
        row["demographics"]["birth_date"] = IMPOSSIBLE_DATE
    return encode(row)
