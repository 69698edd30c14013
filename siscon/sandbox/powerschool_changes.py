"""PowerSchool's data versions: which rows changed since a version, for applications that subscribed to tables.

How an application subscribes is told by no public source. Here ``siscon`` has subscribed to every table from the
start, and ``PUT /ws/dataversion/{application}`` with ``{"tables": [...]}`` stands for the step that others take.
"""

from __future__ import annotations

import json
from typing import Any

from siscon.sandbox.district import District
from siscon.sandbox.ids import NumberIds
from siscon.sandbox.powerschool_paging import Refused
from siscon.sandbox.quirks import Quirks
from siscon.sandbox.wire import Answer, Asked, answer_json

_FIRST_VERSION = 90_412
_VERSIONS_A_DAY = 97
_KINDS = {"students": "student", "users": "staff", "sections": "section", "cc": "enrollment"}
TABLES = (*_KINDS, "schoolstaff", "schools", "terms", "courses", "studentcorefields", "u_invented")


class Changes:
    """The subscriptions, and what changed since when."""

    def __init__(self, quirks: Quirks) -> None:
        self._quirks = quirks
        self._tables: dict[str, tuple[str, ...]] = {"siscon": TABLES}

    def answer(self, asked: Asked, path: list[str], district: District) -> Answer:
        """Answer one request below /ws/dataversion."""
        if not self._quirks.dataversion:
            raise Refused(404, "Not found")
        match path:
            case [application] if asked.method == "PUT":
                self._tables[application] = _tables_in(asked.body)
                return answer_json({"$dataversion": self.written(district)})
            case [application, version] if asked.method == "GET":
                changed = self._since(application, version, district)
                return answer_json({"$dataversion": self.written(district), "tables": changed})
        raise Refused(405, "GET is allowed on a version, PUT on an application")

    def written(self, district: District) -> str | int:
        """Today's version as the wire has it."""
        version = _FIRST_VERSION + _VERSIONS_A_DAY * district.day
        return version if self._quirks.dataversion_as_int else str(version)

    def indexes(self, application: str, version: str, table: str, district: District) -> list[int]:
        """The rows of one table that changed since a version, as indexes."""
        day = self._day_after(application, version, district)
        if table not in self._tables[application]:
            return []
        return district.days.changed_since(day)[_KINDS[table]]

    def _since(self, application: str, version: str, district: District) -> dict[str, list[int]]:
        day = self._day_after(application, version, district)
        changed = district.days.changed_since(day)
        ids = district.ids
        assert isinstance(ids, NumberIds)
        found = {
            table: [ids.number(kind, index) for index in changed[kind]]
            for table, kind in _KINDS.items()
            if changed[kind] and table in self._tables[application]
        }
        if "schoolstaff" in self._tables[application] and changed["staff"]:
            found["schoolstaff"] = [ids.number("affiliation", 2 * index) for index in changed["staff"]]
        return found

    def _day_after(self, application: str, version: str, district: District) -> int:
        """The first day whose changes are newer than a version; 0 is before everything."""
        if application not in self._tables:
            message = f"No data version subscription with the application name {application[:60]}"
            raise Refused(400, message, field="applicationName", code="Invalid")
        if not (version.isascii() and version.isdigit()) or len(version) > 15:
            raise Refused(400, "dataVersion must be a number", field="dataVersion", code="Invalid")
        number = int(version)
        day = 1 + (number - _FIRST_VERSION) // _VERSIONS_A_DAY if number else 1
        oldest = district.day - self._quirks.dataversion_days
        if day > district.day + 1 or (number and day <= max(0, oldest)):
            raise Refused(400, "The data version is not known", field="dataVersion", code="Invalid")
        return day


def _tables_in(body: bytes) -> tuple[str, ...]:
    try:
        told: Any = json.loads(body or b"{}")
    except ValueError:
        told = None
    tables = told.get("tables") if isinstance(told, dict) else None
    if not isinstance(tables, list) or not tables or any(table not in TABLES for table in tables):
        raise Refused(400, f"tables must name some of {', '.join(TABLES)}", field="tables", code="Invalid")
    return tuple(tables)
