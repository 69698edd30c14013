"""Skyward SMS 2.0's own interface: bare arrays in PascalCase, and a cursor that has another name in the Link header."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from siscon.sandbox.days import START_YEAR
from siscon.sandbox.district import District
from siscon.sandbox.quirks import Quirks
from siscon.sandbox.wire import Answer, Asked, answer_json

BASE = "/v1"
TOKENS = "/v1/token"
DEFAULT_LIMIT = 100

Row = dict[str, Any]


class SkywardNative:
    """Answers requests that have passed the token and the rate limit."""

    def __init__(self, quirks: Quirks) -> None:
        self._quirks = quirks

    def answer(self, asked: Asked, district: District, *, empty: bool = False) -> Answer:
        """Answer one request over the district of today."""
        if asked.method != "GET":
            return answer_json({"Message": "The requested resource does not support this method."}, 405)
        path = asked.path.removeprefix(BASE).strip("/").split("/")
        lists: dict[str, tuple[list[int], Callable[[District, int], Row]]] = {
            "schools": (list(range(district.schools)), school_row),
            "students": (
                [one for one in range(district.students) if district.status_of(one) != "T"],
                student_row,
            ),
        }
        match path:
            case [word] if word in lists:
                indexes, render = lists[word]
                return self._page(asked, [] if empty else indexes, lambda index: render(district, index))
            case ["students", name_id, "enrollments"]:
                return self._enrollments(asked, district, name_id)
        return answer_json({"Message": "No HTTP resource was found that matches the request URI."}, 404)

    def _enrollments(self, asked: Asked, district: District, name_id: str) -> Answer:
        student = district.ids.index("student", name_id)
        if student is None or student >= district.students:
            return answer_json({"Message": "There is no such student."}, 404)
        return self._page(
            asked, district.enrollments_of_student(student), lambda index: enrollment_row(district, index)
        )

    def _page(self, asked: Asked, indexes: list[int], render: Callable[[int], Row]) -> Answer:
        limit_text = asked.query.get("paging.limit", str(DEFAULT_LIMIT))
        at = _offset_of(asked.query.get("paging.cursor", ""))
        if at is None or not limit_text.isascii() or not limit_text.isdigit() or int(limit_text) < 1:
            return answer_json({"Message": "paging.limit or paging.cursor is invalid."}, 400)
        limit = min(int(limit_text), self._quirks.max_page_size)
        answer = answer_json([render(index) for index in indexes[at : at + limit]])
        if at + limit < len(indexes):
            onward = at if self._quirks.cursor_repeats and at else at + limit
            link = f"{asked.origin}{asked.path}?cursor={_cursor(onward)}&limit={limit}"
            answer.headers["Link"] = f'<{link}>; rel="next"'
        return answer


def _cursor(offset: int) -> str:
    return f"c{offset * 7919:x}"


def _offset_of(cursor: str) -> int | None:
    if not cursor:
        return 0
    try:
        offset, rest = divmod(int(cursor.removeprefix("c"), 16), 7919)
    except ValueError:
        return None
    return None if rest else offset


def school_row(district: District, index: int) -> Row:
    """A school."""
    school = district.school(index)
    return {
        "SchoolId": district.ids.text("school", index),
        "SchoolName": school.name,
        "GradeLow": _grade(school.low_grade),
        "GradeHigh": _grade(school.high_grade),
    }


def _grade(grade: int) -> str:
    return {-1: "PK", 0: "KG"}.get(grade, f"{grade:02d}")


def student_row(district: District, index: int) -> Row:
    """A student who has not left."""
    student = district.student(index)
    school = district.ids.text("school", student.school)
    first: Any = student.first_name
    return {
        "NameId": district.ids.text("student", index),
        "DisplayId": student.local_id,
        "StateId": student.state_id,
        "FirstName": {"Value": first} if student.flaw == "wrong_type" else first,
        "MiddleName": student.middle_name,
        "LastName": None if student.flaw == "no_last_name" else student.last_name,
        "DateOfBirth": f"{student.birth_date}T00:00:00",
        "GradYr": START_YEAR + 13 - student.grade,
        "SchoolEmail": student.email,
        "DefaultSchoolId": school,
        "SchoolIds": [school],
        "PhoneNumber": None,
        "PhoneNumberType": None,
    }


def enrollment_row(district: District, index: int) -> Row:
    """A student's place in a section."""
    place = district.enrollment(index)
    text = district.ids.text
    section = None if place.section is None else district.section(place.section)
    return {
        "EnrollmentId": text("enrollment", index),
        "CourseId": None if section is None else text("course", section.course),
        "SectionId": text("missing", index) if section is None else text("section", section.index),
        "SchoolId": text("school", place.school),
        "NameId": text("student", place.student),
        "EnrType": "Default",
        "EnrStatus": "Inactive" if place.dropped else "Active",
        "StartDate": f"{place.begins_on}T00:00:00",
        "EndDate": f"{place.ends_on}T00:00:00",
    }
