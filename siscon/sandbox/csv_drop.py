"""A district as OneRoster CSV: a bulk zip of what is there today, or a delta zip of what the last days changed.

A bulk file holds no deleted records and leaves status and dateLastModified blank.
"""

from __future__ import annotations

import csv
import io
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from siscon.sandbox.days import START_YEAR
from siscon.sandbox.district import District
from siscon.sandbox.facts import Staff, Student

VERSIONS = ("1.1", "1.2")

_GRADES = {-1: "PK", 0: "KG"}
_SEXES = {"M": "male", "F": "female", "X": "other"}
_FILES = {
    "1.1": (
        "academicSessions", "categories", "classes", "classResources", "courses", "courseResources",
        "demographics", "enrollments", "lineItems", "orgs", "resources", "results", "users",
    ),
    "1.2": (
        "academicSessions", "categories", "classes", "classResources", "courses", "courseResources",
        "demographics", "enrollments", "lineItemLearningObjectiveIds", "lineItems", "lineItemScoreScales",
        "orgs", "resources", "resultLearningObjectiveIds", "results", "resultScoreScales", "roles",
        "scoreScales", "userProfiles", "userResources", "users",
    ),
}  # fmt: skip
_HEADS = {
    "orgs": "name,type,identifier,parentSourcedId",
    "academicSessions": "title,type,startDate,endDate,parentSourcedId,schoolYear",
    "courses": "schoolYearSourcedId,title,courseCode,grades,orgSourcedId,subjects,subjectCodes",
    "classes": "title,grades,courseSourcedId,classCode,classType,location,schoolSourcedId,termSourcedIds,subjects,"
    "subjectCodes,periods",
    "roles": "userSourcedId,roleType,role,beginDate,endDate,orgSourcedId,userProfileSourcedId",
    "demographics": "birthDate,sex,americanIndianOrAlaskaNative,asian,blackOrAfricanAmerican,"
    "nativeHawaiianOrOtherPacificIslander,white,demographicRaceTwoOrMoreRaces,hispanicOrLatinoEthnicity,"
    "countryOfBirthCode,stateOfBirthAbbreviation,cityOfBirth,publicSchoolResidenceStatus",
    "enrollments": "classSourcedId,schoolSourcedId,userSourcedId,role,primary,beginDate,endDate",
}
_USERS = {
    "1.1": "enabledUser,orgSourcedIds,role,username,userIds,givenName,familyName,middleName,identifier,email,sms,phone,"
    "agentSourcedIds,grades,password",
    "1.2": "enabledUser,username,userIds,givenName,familyName,middleName,identifier,email,sms,phone,agentSourcedIds,"
    "grades,password,userMasterIdentifier,preferredGivenName,preferredMiddleName,preferredFamilyName,"
    "primaryOrgSourcedId,pronouns",
}

Line = dict[str, str]
"""One row: the cells that are not blank. ``_changed`` is the day of its last change, ``_gone`` marks a deleted one."""


def export(district: District, folder: Path, *, version: str = "1.2", since_day: int | None = None) -> Path:
    """Write a zip into a folder, under its name in one go; ``since_day`` makes it a delta from that day on."""
    folder.mkdir(parents=True, exist_ok=True)
    word = "bulk" if since_day is None else "delta"
    target = folder / f"{district.system.name}-{word}-day{district.day:03d}.zip"
    handle, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=folder)
    try:
        with os.fdopen(handle, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            _write(archive, _Export(district, version, since_day), version, word)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return target


def _write(archive: zipfile.ZipFile, made: _Export, version: str, word: str) -> None:
    tables = made.tables()
    manifest = [("propertyName", "value"), ("manifest.version", "1.0"), ("oneroster.version", version)]
    manifest += [(f"file.{one}", word if one in tables else "absent") for one in _FILES[version]]
    manifest.append(("source.systemName", f"Harborview {made.district.system.title} sandbox"))
    with io.TextIOWrapper(archive.open("manifest.csv", "w"), encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(manifest)
    for table, lines in tables.items():
        head = ["sourcedId", "status", "dateLastModified", *_head(table, version).split(",")]
        with io.TextIOWrapper(archive.open(f"{table}.csv", "w"), encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, head, restval="", extrasaction="ignore")
            writer.writeheader()
            writer.writerows(made.stamped(lines()))


def _head(table: str, version: str) -> str:
    return _USERS[version] if table == "users" else _HEADS[table]


class _Export:
    """The rows of each table for one zip."""

    def __init__(self, district: District, version: str, since_day: int | None) -> None:
        self.district = district
        self._is_12 = version == "1.2"
        self._is_delta = since_day is not None
        self._changed = district.days.changed_since(since_day) if since_day is not None else {}
        self._id = district.ids.text

    def tables(self) -> dict[str, Callable[[], Iterator[Line]]]:
        """The tables that are in the zip."""
        changing = {
            "users": self._users,
            "demographics": self._demographics,
            "classes": self._classes,
            "enrollments": self._enrollments,
        }
        if self._is_12:
            changing["roles"] = self._roles
        if self._is_delta:
            return changing
        lasting = {"orgs": self._orgs, "academicSessions": self._sessions, "courses": self._courses}
        return {**lasting, **changing}

    def stamped(self, lines: Iterable[Line]) -> Iterator[Line]:
        """Rows with status and date in a delta, without them and without the deleted in a bulk file."""
        for line in lines:
            is_gone = "_gone" in line
            if not self._is_delta:
                if not is_gone:
                    yield line
                continue
            when = self.district.moments[int(line.get("_changed", "0"))]
            yield {**line, "status": "tobedeleted" if is_gone else "active", "dateLastModified": when}

    def _indexes(self, kind: str, total: int) -> Iterable[int]:
        return self._changed[kind] if self._is_delta else range(total)

    def _orgs(self) -> Iterator[Line]:
        district = self._id("district", 0)
        yield {"sourcedId": district, "name": "Harborview District", "type": "district", "identifier": "0001"}
        for index in range(self.district.schools):
            school = self.district.school(index)
            yield {
                "sourcedId": self._id("school", index),
                "name": school.name,
                "type": "school",
                "identifier": str(school.number),
                "parentSourcedId": district,
            }

    def _sessions(self) -> Iterator[Line]:
        for index in range(self.district.terms):
            term = self.district.term(index)
            yield {
                "sourcedId": self._id("term", index),
                "title": term.name,
                "type": "term" if self._is_12 and term.kind == "semester" else term.kind,
                "startDate": term.starts_on,
                "endDate": term.ends_on,
                "parentSourcedId": "" if term.parent is None else self._id("term", term.parent),
                "schoolYear": str(START_YEAR + 1),
            }

    def _courses(self) -> Iterator[Line]:
        for index in range(self.district.courses):
            course = self.district.catalogue.course(index)
            yield {
                "sourcedId": self._id("course", index),
                "title": course.title,
                "courseCode": course.code,
                "orgSourcedId": "" if course.school is None else self._id("school", course.school),
            }

    def _classes(self) -> Iterator[Line]:
        for index in self._indexes("section", self.district.sections):
            section = self.district.section(index)
            yield {
                "_changed": str(section.changed),
                "sourcedId": self._id("section", index),
                "title": section.title,
                "courseSourcedId": self._id("course", section.course),
                "classCode": section.number,
                "classType": "scheduled",
                "location": section.room,
                "schoolSourcedId": self._id("school", section.school),
                "termSourcedIds": ",".join(self._id("term", term) for term in section.terms),
                "periods": section.period,
            }

    def _people(self) -> Iterator[tuple[str, Staff | Student]]:
        for index in self._indexes("staff", self.district.staff_members):
            yield "staff", self.district.staff(index)
        for index in self._indexes("student", self.district.students):
            yield "student", self.district.student(index)

    def _schools_of(self, person: Staff | Student) -> list[str]:
        """External ids of a person's schools, the home first."""
        if isinstance(person, Student):
            return [self._id("school", person.school)]
        home = self.district.layout.school_of_staff(person.index)
        schools = [home, *(one for one in person.schools if one != home)]
        return [self._id("school", one) for one in schools]

    def _users(self) -> Iterator[Line]:
        for kind, person in self._people():
            schools = self._schools_of(person)
            line = {
                "_changed": str(person.changed),
                "sourcedId": self._id(kind, person.index),
                "enabledUser": "true",
                "role": "teacher" if kind == "staff" else "student",
                "orgSourcedIds": ",".join(schools),
                "primaryOrgSourcedId": schools[0],
                "username": person.username or "",
                "givenName": person.first_name,
                "familyName": person.last_name,
                "identifier": person.local_id,
                "email": person.email or "",
            }
            if isinstance(person, Student):
                line |= self._student(person)
            yield line

    def _student(self, student: Student) -> Line:
        more = {
            "middleName": student.middle_name,
            "grades": _GRADES.get(student.grade, f"{student.grade:02d}"),
            "userIds": f"{{Fed:f{student.index}}},{{stateID:{student.state_id}}}",
        }
        if student.flaw == "no_last_name":
            more["familyName"] = ""
        elif student.flaw == "wrong_type":
            more["givenName"] = ""
        return more | ({"_gone": "yes"} if student.status == "T" else {})

    def _roles(self) -> Iterator[Line]:
        for kind, person in self._people():
            for number, school in enumerate(self._schools_of(person)):
                line = {
                    "_changed": str(person.changed),
                    "sourcedId": f"{self._id(kind, person.index)}-r{number + 1}",
                    "userSourcedId": self._id(kind, person.index),
                    "roleType": "secondary" if number else "primary",
                    "role": "teacher" if kind == "staff" else "student",
                    "orgSourcedId": school,
                }
                yield line | (
                    {"_gone": "yes"} if isinstance(person, Student) and person.status == "T" else {}
                )

    def _demographics(self) -> Iterator[Line]:
        for index in self._indexes("student", self.district.students):
            student = self.district.student(index)
            is_told = student.gender != "X" or self.district.system.name != "skyward"
            line = {
                "_changed": str(student.changed),
                "sourcedId": self._id("student", index),
                "birthDate": student.birth_date,
                "sex": _SEXES[student.gender] if is_told else "",
            }
            yield line | ({"_gone": "yes"} if student.status == "T" else {})

    def _enrollments(self) -> Iterator[Line]:
        for index in self._indexes("teaching", self.district.teachings):
            teaching = self.district.teaching(index)
            line = {
                "_changed": str(teaching.changed),
                "sourcedId": self._id("teaching", index),
                "classSourcedId": self._id("section", teaching.section),
                "schoolSourcedId": self._id("school", teaching.school),
                "userSourcedId": self._id("staff", teaching.staff),
                "role": "teacher",
                "primary": "true" if teaching.primary else "false",
                "beginDate": teaching.begins_on,
            }
            yield line | ({"_gone": "yes"} if teaching.ends_on is not None else {})
        for index in self._indexes("enrollment", self.district.enrollments):
            place = self.district.enrollment(index)
            section = (
                self._id("missing", index) if place.section is None else self._id("section", place.section)
            )
            line = {
                "_changed": str(place.changed),
                "sourcedId": self._id("enrollment", index),
                "classSourcedId": section,
                "schoolSourcedId": self._id("school", place.school),
                "userSourcedId": self._id("student", place.student),
                "role": "student",
                "primary": "false",
                "beginDate": place.begins_on,
                "endDate": place.ends_on,
            }
            yield line | ({"_gone": "yes"} if place.dropped else {})
