"""PowerSchool's /ws/schema: PowerQueries (only siscon's own are installed) and the STUDENTS table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from siscon.sandbox.district import District
from siscon.sandbox.powerschool_paging import Found, Refused, page_of, text_of
from siscon.sandbox.powerschool_rows import STUDENT_COLUMNS, Rows
from siscon.sandbox.powerschool_search import matching_table_rows
from siscon.sandbox.quirks import Quirks
from siscon.sandbox.wire import Answer, Asked, Joined, answer_json, encode

QUERY_PREFIX = "org.siscon.roster."
_TABLES = ("students", "sections", "cc", "schools", "terms", "courses", "users")


class Schema:
    """Queries and tables."""

    def __init__(self, quirks: Quirks, found: Found) -> None:
        self._quirks = quirks
        self._found = found

    def answer(self, asked: Asked, path: list[str], district: District, *, empty: bool) -> Answer:
        """Answer one request below /ws/schema."""
        match path:
            case ["query", name, *rest] if rest in ([], ["count"]):
                return self._power_query(asked, name, district, count_only=bool(rest), empty=empty)
            case ["table", table, "count"]:
                return answer_json({"count": 0 if empty else len(self._table(asked, table, district))})
            case ["table", "students"]:
                return self._students_table(asked, district, empty=empty)
            case ["table", table, *_]:
                self._table(asked, table, district)
                raise Refused(403, "Validation Failed", field=f"{table}.dcid", code="NoAccess")
        raise Refused(404, "Not found")

    def _power_query(
        self, asked: Asked, name: str, district: District, *, count_only: bool, empty: bool
    ) -> Answer:
        if asked.method != "POST":
            raise Refused(405, "Only POST is allowed on a query")
        if asked.body and "json" not in asked.headers.get("content-type", ""):
            raise Refused(415, "Unsupported media type: send application/json")
        if "$q" in asked.query:
            raise Refused(400, "The sandbox knows no ad-hoc filter", field="$q", code="Invalid")
        rows = Rows(district, self._quirks)
        known: dict[str, tuple[int, Callable[[int], dict[str, str] | str]]] = {
            "enrollments": (district.enrollments, rows.enrollment_columns),
            "sections": (district.sections, rows.section_columns),
        }
        found = known.get(name.removeprefix(QUERY_PREFIX)) if name.startswith(QUERY_PREFIX) else None
        if found is None or not self._quirks.power_queries:
            raise Refused(404, f"No query with the name {name}")
        total, render = (0 if empty else found[0]), found[1]
        if count_only:
            return answer_json({"count": total})
        page, size = (
            (1, max(1, total)) if asked.query.get("pagesize") == "0" else page_of(asked, self._quirks)
        )
        records = [text_of(render(index)) for index in range(total)[(page - 1) * size : page * size]]
        text = '"@extensions":""'
        if records:
            text = f'"name":{encode(name)},"record":{rows.written(records)},"@extensions":""'
        if asked.query.get("count") == "true" and page == 1:
            text += f',"count":{total}'
        return Answer(200, f"{{{text}}}".encode())

    def _table(self, asked: Asked, table: str, district: District) -> Joined:
        if table.lower() == "teachers":
            raise Refused(405, "GET, POST and PUT are not allowed on table TEACHERS")
        if table.lower() not in _TABLES:
            raise Refused(404, f"Table {table} does not exist")
        if asked.method != "GET":
            raise Refused(405, "Only GET is allowed on tables in the sandbox")
        totals = {
            "students": district.students, "sections": district.sections, "cc": district.enrollments,
            "schools": district.schools, "terms": district.terms, "courses": district.courses,
            "users": district.staff_members,
        }  # fmt: skip
        query = asked.query.get("q", "")
        if not query:
            return Joined(range(totals[table.lower()]))
        if table.lower() != "students":
            raise Refused(403, "Validation Failed", field=f"{table}.dcid", code="NoAccess")
        rows = Rows(district, self._quirks)
        return self._found.remember(
            ("table", query, district.day), lambda: matching_table_rows(district, rows, query)
        )

    def _students_table(self, asked: Asked, district: District, *, empty: bool) -> Answer:
        indexes = self._table(asked, "students", district)
        projection = [name.strip().lower() for name in asked.query.get("projection", "").split(",")]
        if projection == [""]:
            raise Refused(
                400, "The projection parameter is required", field="projection", code="MissingField"
            )
        for name in projection:
            if name != "*" and name not in STUDENT_COLUMNS:
                message = f"Invalid field specified: {name} is not valid column for table: STUDENTS"
                raise Refused(400, message, field=name, code="InvalidField")
        page, size = page_of(asked, self._quirks)
        rows, records = Rows(district, self._quirks), []
        for index in () if empty else indexes.cut((page - 1) * size, size):
            columns = rows.student_columns(index)
            if "*" not in projection:
                columns = {name: columns[name] for name in projection if name in columns}
            records.append({"id": index + 4101, "name": "students", "tables": {"students": columns}})
        body: dict[str, Any] = {"name": "students", "@extensions": ""}
        if records:
            body["record"] = rows.collection(records)
        return answer_json(body)
