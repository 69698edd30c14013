"""PowerSchool as its plugin API speaks: /ws/v1 resources by page, and /ws/schema queries and tables."""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from siscon.sandbox.district import TERMS_OF_A_SCHOOL, District
from siscon.sandbox.powerschool_rows import EXPANSIONS, STUDENT_COLUMNS, Rows
from siscon.sandbox.powerschool_search import Unsearchable, matching_students, matching_table_rows
from siscon.sandbox.quirks import Quirks
from siscon.sandbox.wire import Answer, Asked, Joined, answer_json, encode

TOKEN_PATH = "/oauth/access_token"
OPEN_PATHS = ("/ws/v1/time", "/ws/v1/metadata")
QUERY_PREFIX = "org.siscon.roster."
_PLURALS = {"staff": "staffs"}
_TABLES = ("students", "sections", "cc", "schools", "terms", "courses", "users")
_METADATA = (
    "student",
    "staff",
    "school",
    "section",
    "section_enrollment",
    "course",
    "term",
    "schema_table_query",
)


class Refused(Exception):
    """The request cannot be answered as asked."""

    def __init__(self, status: int, message: str, *, field: str = "", code: str = "") -> None:
        super().__init__(message)
        body: dict[str, Any] = {"message": message}
        if field or code:
            body["errors"] = [{"resource": "sandbox", "field": field, "code": code}]
        self.answer = answer_json(body, status)


@dataclass(slots=True)
class Listing:
    """A list that can be paged: the indexes and how to write one of them down."""

    item: str
    indexes: Joined
    render: Callable[[int], dict[str, Any] | str]
    expansions: str = ""


class PowerSchool:
    """Answers requests that have passed the token and the rate limit."""

    def __init__(self, quirks: Quirks) -> None:
        self._quirks = quirks
        self._found: dict[tuple[object, ...], array[int]] = {}

    def answer(self, asked: Asked, district: District, *, empty: bool = False) -> Answer:
        """Answer one request over the district of today."""
        accept = asked.headers.get("accept", "")
        if self._quirks.xml_without_accept and "json" not in accept:
            xml = b'<?xml version="1.0" encoding="UTF-8"?><error><message>ask for application/json</message></error>'
            return Answer(200, xml, content_type="application/xml;charset=UTF-8")
        try:
            return self._route(asked, district, empty=empty)
        except Refused as refused:
            return refused.answer
        except Unsearchable as problem:
            return Refused(400, str(problem), field="q", code="Invalid").answer

    def _route(self, asked: Asked, district: District, *, empty: bool) -> Answer:
        path = asked.path.strip("/").split("/")
        if path[:2] == ["ws", "schema"]:
            return self._schema(asked, path[2:], district, empty=empty)
        if path[:2] != ["ws", "v1"]:
            raise Refused(404, "Not found")
        if asked.method != "GET":
            raise Refused(405, "Only GET is allowed on this resource in the sandbox")
        match path[2:]:
            case ["time"]:
                return answer_json({"time": {"now": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}})
            case ["metadata"]:
                return answer_json({"metadata": self._metadata()})
            case ["district"]:
                name = f"Harborview {district.system.title} District"
                return answer_json({"district": {"uuid": f"{district.seed:032x}"[:32], "name": name}})
            case [*_, "count"]:
                listing = self._listing(asked, path[2:-1], district)
                return answer_json({"resource": {"count": 0 if empty else len(listing.indexes)}})
            case [kind, dcid]:
                if kind != "district":
                    return self._single(asked, kind, dcid, district)
        return self._page(asked, self._listing(asked, path[2:], district), district, empty=empty)

    def _metadata(self) -> dict[str, Any]:
        sizes = {f"{name}_max_page_size": self._quirks.max_page_size for name in _METADATA}
        zone = {
            "district_timezone": "America/Chicago",
            "district_uuid": "5e0c6b52-0000-4000-8000-00000000ab1e",
        }
        return {"plugin_id": 31, "powerschool_version": "25.4.0", **sizes, **zone}

    # lists of /ws/v1

    def _listing(self, asked: Asked, path: list[str], district: District) -> Listing:
        rows, wanted = Rows(district, self._quirks), _wanted(asked, path[-1])
        match path:
            case ["district", "school"]:
                schools = Joined(range(district.schools))
                return Listing("school", schools, lambda i: rows.school(i, wanted), EXPANSIONS["school"])
            case ["district", "student"]:
                return self._students(asked, rows, wanted, district, range(district.students))
            case ["school", dcid, kind] if kind in ("student", "staff", "course", "section", "term"):
                school = _find(district, "school", dcid)
                return self._of_school(asked, kind, school, rows, wanted, district)
            case ["section", dcid, "section_enrollment"]:
                section = _find(district, "section", dcid)
                places = Joined(district.enrollments_of_section(section))
                return Listing("section_enrollment", places, rows.enrollment)
        raise Refused(404, "Not found")

    def _of_school(
        self, asked: Asked, kind: str, school: int, rows: Rows, wanted: frozenset[str], district: District
    ) -> Listing:
        match kind:
            case "student":
                return self._students(asked, rows, wanted, district, *district.students_of_school(school))
            case "staff":
                people = Joined(district.staff_of_school(school))
                return Listing("staff", people, lambda i: rows.staff(school, i, wanted), EXPANSIONS["staff"])
            case "course":
                return Listing("course", Joined(district.courses_of_school(school)), rows.course)
            case "term":
                first = school * TERMS_OF_A_SCHOOL
                return Listing("term", Joined(range(first, first + TERMS_OF_A_SCHOOL)), rows.term)
        sections = Joined(district.sections_of_school(school))
        return Listing("section", sections, lambda i: rows.section(i, wanted), EXPANSIONS["section"])

    def _students(
        self, asked: Asked, rows: Rows, wanted: frozenset[str], district: District, *parts: Sequence[int]
    ) -> Listing:
        indexes, query = Joined(*parts), asked.query.get("q", "")
        if query:
            key = ("student", asked.path.removesuffix("/count"), query, district.day)
            indexes = self._remember(key, lambda: matching_students(district, indexes, query))
        return Listing("student", indexes, lambda i: rows.student(i, wanted), EXPANSIONS["student"])

    def _remember(self, key: tuple[object, ...], search: Callable[[], Joined | array[int]]) -> Joined:
        found = self._found.get(key)
        if found is None:
            result = search()
            if isinstance(result, Joined):
                return result
            if len(self._found) >= 8:
                self._found.clear()
            found = self._found[key] = result
        return Joined(found)

    def _page(self, asked: Asked, listing: Listing, district: District, *, empty: bool) -> Answer:
        page, size = self._page_of(asked)
        head = f'"@expansions":{encode(listing.expansions)}'
        if listing.item == "student":
            head += ',"@extensions":"studentcorefields,u_invented"'
        start = (page - 1) * size
        texts = [] if empty else [_text(listing.render(i)) for i in listing.indexes.cut(start, size)]
        if texts:
            head += f',"{listing.item}":{Rows(district, self._quirks).written(texts)}'
        plural = _PLURALS.get(listing.item, f"{listing.item}s")
        return Answer(200, f'{{"{plural}":{{{head}}}}}'.encode())

    def _page_of(self, asked: Asked) -> tuple[int, int]:
        cap = self._quirks.max_page_size
        page, size = _number(asked, "page", 1), _number(asked, "pagesize", cap)
        if page < 1 or size < 1:
            raise Refused(400, "page and pagesize must be 1 or more", field="pagesize", code="Invalid")
        if size > cap:
            if self._quirks.over_cap == "error":
                raise Refused(400, f"pagesize must not exceed {cap}", field="pagesize", code="Invalid")
            size = cap
        return page, size

    def _single(self, asked: Asked, kind: str, dcid: str, district: District) -> Answer:
        rows, wanted = Rows(district, self._quirks), _wanted(asked, kind)
        row: dict[str, Any]
        match kind:
            case "student":
                row = json.loads(rows.student(_find(district, kind, dcid), wanted))
            case "staff":
                row_number = _find(district, "affiliation", dcid)
                person = district.staff(row_number // 2)
                home = district.layout.school_of_staff(row_number // 2)
                others = [school for school in person.schools if school != home]
                if row_number % 2 and not others:
                    raise Refused(404, "Not found")
                row = rows.staff(others[0] if row_number % 2 else home, row_number // 2, wanted)
            case "section_enrollment":
                row = rows.enrollment(_find(district, "enrollment", dcid))
            case "section":
                row = rows.section(_find(district, kind, dcid), wanted)
            case "school":
                row = rows.school(_find(district, kind, dcid), wanted)
            case "course":
                row = rows.course(_find(district, kind, dcid))
            case "term":
                row = rows.term(_find(district, kind, dcid))
            case _:
                raise Refused(404, "Not found")
        return answer_json({kind: {"@expansions": EXPANSIONS.get(kind, ""), **row}})

    # /ws/schema

    def _schema(self, asked: Asked, path: list[str], district: District, *, empty: bool) -> Answer:
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
        page, size = (1, max(1, total)) if asked.query.get("pagesize") == "0" else self._page_of(asked)
        records = [_text(render(index)) for index in range(total)[(page - 1) * size : page * size]]
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
        return self._remember(
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
        page, size = self._page_of(asked)
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


def _text(row: Mapping[str, Any] | str) -> str:
    return row if isinstance(row, str) else encode(row)


def _wanted(asked: Asked, kind: str) -> frozenset[str]:
    names = asked.query.get("expansions")
    if not names:
        return frozenset()
    known = EXPANSIONS.get(kind, "").split(", ")
    return frozenset(name.strip() for name in names.split(",") if name.strip() in known)


def _find(district: District, kind: str, dcid: str) -> int:
    totals = {
        "school": district.schools, "student": district.students, "affiliation": 2 * district.staff_members,
        "course": district.courses, "section": district.sections, "term": district.terms,
        "enrollment": district.enrollments,
    }  # fmt: skip
    index = district.ids.index(kind, dcid)
    if index is None or index >= totals[kind]:
        raise Refused(404, f"No {kind} with the id {dcid[:40]}")
    return index


def _number(asked: Asked, name: str, default: int) -> int:
    text = asked.query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise Refused(400, f"{name} must be a number", field=name, code="Invalid")
    return int(text)
