"""Which columns the sandbox's plugin may read: all, but for those that the switch ``no_access`` names.

PowerSchool looks first whether a column exists (400), then whether it is granted (403), and fails the whole call.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from siscon.sandbox.powerschool_paging import Refused
from siscon.sandbox.powerschool_tables import COLUMNS
from siscon.sandbox.quirks import Quirks
from siscon.sandbox.wire import answer_json

RESOURCES: Mapping[str, tuple[str, ...]] = {
    "student": ("STUDENTS.DCID", "STUDENTS.FIRST_NAME", "STUDENTS.LAST_NAME", "STUDENTS.STUDENT_NUMBER"),
    "demographics": ("STUDENTS.DOB", "STUDENTS.GENDER"),
    "school_enrollment": ("STUDENTS.ENROLL_STATUS", "STUDENTS.GRADE_LEVEL", "STUDENTS.SCHOOLID"),
    "staff": ("USERS.DCID", "USERS.FIRST_NAME", "USERS.LAST_NAME", "SCHOOLSTAFF.DCID"),
    "emails": ("USERS.EMAIL_ADDR",),
    "school": ("SCHOOLS.DCID", "SCHOOLS.NAME", "SCHOOLS.SCHOOL_NUMBER"),
    "course": ("COURSES.DCID", "COURSES.COURSE_NAME", "COURSES.COURSE_NUMBER"),
    "term": ("TERMS.DCID", "TERMS.NAME", "TERMS.FIRSTDAY", "TERMS.LASTDAY"),
    "section": ("SECTIONS.DCID", "SECTIONS.SECTION_NUMBER", "SECTIONS.EXPRESSION"),
    "section_enrollment": ("CC.DCID", "CC.DATEENROLLED", "CC.DATELEFT"),
    "sections": ("SECTIONS.DCID", "COURSES.DCID", "SCHOOLS.DCID", "TERMS.DCID", "USERS.DCID",
                 "SECTIONS.SECTION_NUMBER", "SECTIONS.EXPRESSION"),
    "enrollments": ("CC.DCID", "SECTIONS.DCID", "STUDENTS.DCID", "CC.DATEENROLLED", "CC.DATELEFT"),
}  # fmt: skip
"""The columns behind a resource of /ws/v1, one of its expansions, or a PowerQuery."""


class Grants:
    """What a call may read."""

    def __init__(self, quirks: Quirks) -> None:
        self._quirks = quirks

    def may_read(self, column: str) -> bool:
        """Whether ``TABLE.COLUMN`` is granted, in any case."""
        return column.upper() not in _names(self._quirks.no_access)

    def known(self, table: str) -> list[str]:
        """The columns that a table has."""
        gone = _names(self._quirks.unknown_columns)
        return [column for column in COLUMNS[table] if f"{table}.{column}".upper() not in gone]

    def check(self, columns: Iterable[str], *, query: str = "") -> None:
        """Refuse a call that touches columns (``TABLE.COLUMN``) which are not there, or not granted."""
        columns = [column.upper() for column in columns]
        for column in columns:
            table, _, name = column.partition(".")
            if column in _names(self._quirks.unknown_columns) or name.lower() not in COLUMNS[table.lower()]:
                message = f"Invalid field specified: {name} is not valid column for table: {table}"
                raise Refused(400, message, field=name, code="InvalidField", resource=table)
        lacking = [column for column in columns if not self.may_read(column)]
        if lacking:
            message = "Validation Failed" if query else "At least one column lacks sufficient permission"
            refused = Refused(403, message)
            errors = [_no_access(column, query) for column in lacking]
            refused.answer = answer_json({"message": message, "errors": errors}, 403)
            raise refused

    def check_resource(self, *names: str, query: str = "") -> None:
        """The same for a resource with its expansions, or a PowerQuery."""
        self.check([column for name in names for column in RESOURCES.get(name, ())], query=query)


def _no_access(column: str, query: str) -> dict[str, str]:
    table, _, name = column.partition(".")
    error = {"code": "NoAccess", "field": name, "resource": table}
    if query:
        error["message"] = f"No access to the field {column} in {query}"
    return error


def _names(switch: str) -> frozenset[str]:
    return frozenset(name.strip().upper() for name in switch.split(",") if name.strip())
