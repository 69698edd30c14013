"""The records of the district as OneRoster 1.1 and 1.2 write them down."""

from __future__ import annotations

import json
from typing import Any

from siscon.sandbox.days import START_YEAR
from siscon.sandbox.district import District
from siscon.sandbox.systems import ONEROSTER
from siscon.sandbox.wire import encode, quote

GRADES = {-1: "PK", 0: "KG"} | {grade: f"{grade:02d}" for grade in range(1, 13)}
SEX = {"M": "male", "F": "female", "X": "other"}

_HEAD = '{"sourcedId":"%s","status":"%s","dateLastModified":"%s",'
_STUDENT = (
    _HEAD + '"enabledUser":%s,"givenName":%s,%s"familyName":%s%s,"identifier":%s%s,"grades":["%s"],'
    '"userIds":[{"type":"Fed","identifier":"f%d"},{"type":"stateID","identifier":%s}],"agents":[],%s}'
)
_ROLES = '"roles":[{"roleType":"primary","role":"student","org":%s}],"primaryOrg":%s'
_ROLE = '"role":"student","orgs":[%s]'
_DEMOGRAPHICS = _HEAD + '"birthDate":"%s",%s"publicSchoolResidenceStatus":null}'
_ENROLLMENT = (
    _HEAD + '"role":"student","primary":PRIMARY,"user":{USERS"sourcedId":"%s","type":"user"},'
    '"class":{CLASSES"sourcedId":"%s","type":"class"},"school":%s,"beginDate":"%s","endDate":"%s"}'
)


class Rows:
    """Rows of one district in one version of OneRoster, with links below ``base``."""

    def __init__(self, district: District, version: str, base: str, *, hrefs: str, booleans: str) -> None:
        self._district = district
        self._is_12 = version == "v1p2"
        self._all_sexes = self._is_12 or district.system is ONEROSTER
        self._base = base
        self._hrefs = hrefs != "none"
        self._texts = booleans == "string"
        self._id = district.ids.text
        self._schools: dict[int, str] = {}
        self._enrollment = _ENROLLMENT.replace("PRIMARY", '"false"' if self._texts else "false")
        for word in ("users", "classes"):
            href = f'"href":"{base}/'.replace("%", "%%") + f'{word}/%s",' if self._hrefs else ""
            self._enrollment = self._enrollment.replace(word.upper(), href)
        self._term_word = "term" if self._is_12 else "semester"

    def _ref(self, path: str, kind: str, index: int, word: str) -> dict[str, str]:
        sourced_id = self._id(kind, index)
        if not self._hrefs:
            return {"sourcedId": sourced_id, "type": word}
        return {"href": f"{self._base}/{path}/{sourced_id}", "sourcedId": sourced_id, "type": word}

    def _head(self, kind: str, index: int, changed: int = 0, *, deleted: bool = False) -> dict[str, Any]:
        return {
            "sourcedId": self._id(kind, index),
            "status": "tobedeleted" if deleted else "active",
            "dateLastModified": self._district.moments[changed],
        }

    def _bool(self, value: bool) -> bool | str:
        return ("true" if value else "false") if self._texts else value

    def org(self, position: int) -> dict[str, Any]:
        """The district (position 0) or a school."""
        if position == 0:
            name = f"Harborview {self._district.system.title} District"
            return {**self._head("district", 0), "name": name, "type": "district", "identifier": "0001"}
        return self.school(position - 1)

    def school(self, index: int) -> dict[str, Any]:
        """A school as an org."""
        school = self._district.school(index)
        return {
            **self._head("school", index),
            "name": school.name,
            "type": "school",
            "identifier": str(school.number),
            "parent": self._ref("orgs", "district", 0, "org"),
        }

    def session(self, index: int) -> dict[str, Any]:
        """A school year, semester or quarter."""
        term = self._district.term(index)
        row = {
            **self._head("term", index),
            "title": term.name,
            "startDate": term.starts_on,
            "endDate": term.ends_on,
            "type": self._term_word if term.kind == "semester" else term.kind,
            "schoolYear": str(START_YEAR + 1 + self._district.years),
        }
        if term.parent is not None:
            row["parent"] = self._ref("academicSessions", "term", term.parent, "academicSession")
        return row

    def course(self, index: int) -> dict[str, Any]:
        """A course of a school."""
        course = self._district.catalogue.course(index)
        assert course.school is not None
        return {
            **self._head("course", index),
            "title": course.title,
            "courseCode": course.code,
            "schoolYear": self._ref("academicSessions", "term", 0, "academicSession"),
            "org": self._ref("orgs", "school", course.school, "org"),
        }

    def section(self, index: int) -> dict[str, Any]:
        """A section as a class."""
        section = self._district.section(index)
        periods = section.period.split(",") if self._is_12 else section.period
        return {
            **self._head("section", index, section.changed),
            "title": section.title,
            "classCode": section.number,
            "classType": "homeroom" if "Homeroom" in section.title else "scheduled",
            "location": section.room,
            "course": self._ref("courses", "course", section.course, "course"),
            "school": self._ref("orgs", "school", section.school, "org"),
            "terms": [
                self._ref("academicSessions", "term", term, "academicSession") for term in section.terms
            ],
            "periods": periods,
        }

    def student(self, index: int) -> str:
        """A student as a user, as JSON text."""
        student = self._district.student(index)
        middle = f'"middleName":{quote(student.middle_name)},' if student.middle_name else ""
        username = f',"username":{quote(student.username)}' if student.username is not None else ""
        email = f',"email":{quote(student.email)}' if student.email is not None else ""
        enabled = "true" if student.status == "A" else "false"
        org = self._school(student.school)
        text = _STUDENT % (
            self._id("student", index),
            "tobedeleted" if student.status == "T" else "active",
            self._district.moments[student.changed],
            f'"{enabled}"' if self._texts else enabled,
            quote(student.first_name),
            middle,
            quote(student.last_name),
            username,
            quote(student.local_id),
            email,
            GRADES[student.grade],
            index,
            quote(student.state_id),
            _ROLES % (org, org) if self._is_12 else _ROLE % org,
        )
        return text if student.flaw is None else self._broken(text, student.flaw)

    def _broken(self, text: str, flaw: str) -> str:
        row = json.loads(text)
        if flaw == "wrong_type":
            row["givenName"] = {"value": [row["givenName"], 7]}
        elif self._is_12:
            del row["familyName"]
        else:
            row["familyName"] = ""
        return encode(row)

    def _school(self, index: int) -> str:
        ref = self._schools.get(index)
        if ref is None:
            ref = self._schools[index] = encode(self._ref("orgs", "school", index, "org"))
        return ref

    def _add_roles(self, row: dict[str, Any], role: str, orgs: list[dict[str, str]]) -> None:
        if not self._is_12:
            row["role"] = role
            row["orgs"] = orgs
            return
        words = ("primary", "secondary")
        row["roles"] = [
            {"roleType": words[min(number, 1)], "role": role, "org": org} for number, org in enumerate(orgs)
        ]
        row["primaryOrg"] = orgs[0]

    def staff(self, index: int) -> dict[str, Any]:
        """A member of staff as a user."""
        person = self._district.staff(index)
        home = self._district.layout.school_of_staff(index)
        schools = [home, *(school for school in person.schools if school != home)]
        row = {
            **self._head("staff", index, person.changed),
            "enabledUser": self._bool(True),
            "givenName": person.first_name,
            "familyName": person.last_name,
            "username": person.username,
            "identifier": person.local_id,
            "email": person.email,
            "userIds": [],
            "agents": [],
        }
        self._add_roles(row, "teacher", [self._ref("orgs", "school", school, "org") for school in schools])
        return row

    def user(self, position: int) -> dict[str, Any] | str:
        """A user: staff come first, then students."""
        staff = self._district.staff_members
        return self.staff(position) if position < staff else self.student(position - staff)

    def demographics(self, index: int) -> str:
        """Birth date and sex of a student, as JSON text."""
        student = self._district.student(index)
        return _DEMOGRAPHICS % (
            self._id("student", index),
            "tobedeleted" if student.status == "T" else "active",
            self._district.moments[student.changed],
            student.birth_date,
            f'"sex":"{SEX[student.gender]}",' if self._all_sexes or student.gender != "X" else "",
        )

    def enrollment(self, index: int) -> str:
        """A student's place in a class, as JSON text."""
        place = self._district.enrollment(index)
        user = self._id("student", place.student)
        section = self._id("missing", index) if place.section is None else self._id("section", place.section)
        known = (user, user, section, section) if self._hrefs else (user, section)
        return self._enrollment % (
            self._id("enrollment", index),
            "tobedeleted" if place.dropped else "active",
            self._district.moments[place.changed],
            *known,
            self._school(place.school),
            place.begins_on,
            place.ends_on,
        )

    def teaching(self, index: int) -> dict[str, Any]:
        """A teacher's place in a class."""
        place = self._district.teaching(index)
        row = self._head("teaching", index, place.changed, deleted=place.ends_on is not None)
        row["role"] = "teacher"
        row["primary"] = self._bool(place.primary)
        row["user"] = self._ref("users", "staff", place.staff, "user")
        row["class"] = self._ref("classes", "section", place.section, "class")
        row["school"] = self._ref("orgs", "school", place.school, "org")
        row["beginDate"] = place.begins_on
        if place.ends_on is not None:
            row["endDate"] = place.ends_on
        return row

    def place(self, position: int) -> dict[str, Any] | str:
        """An enrollment of either kind: teachers of day 0, students of day 0, then what came later."""
        kind, index = self._district.places.place_at(position)
        return self.enrollment(index) if kind == "enrollment" else self.teaching(index)
