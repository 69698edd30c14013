"""PowerSchool as its plugin API speaks: /ws/v1 resources by page, and /ws/schema queries and tables."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from siscon.sandbox.district import District
from siscon.sandbox.powerschool_changes import Changes
from siscon.sandbox.powerschool_grants import Grants
from siscon.sandbox.powerschool_paging import Found, Refused, page_of, text_of
from siscon.sandbox.powerschool_rows import EXPANSIONS, EXTENSION, Rows
from siscon.sandbox.powerschool_schema import Schema
from siscon.sandbox.powerschool_search import Unsearchable, matching_students
from siscon.sandbox.powerschool_writes import Writes
from siscon.sandbox.quirks import Quirks
from siscon.sandbox.restless import Restless
from siscon.sandbox.school_year import TERMS_OF_A_SCHOOL
from siscon.sandbox.wire import Answer, Asked, Joined, answer_json, encode

TOKEN_PATH = "/oauth/access_token"
OPEN_PATHS = ("/ws/v1/time", "/ws/v1/metadata")
_PLURALS = {"staff": "staffs"}
_EXTENDED = ("student", "staff")
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
        self._found, self._restless = Found(), Restless(quirks)
        self._changes, self._grants, self._writes = Changes(quirks), Grants(quirks), Writes()
        self._schema = Schema(quirks, self._found, self._restless, self._changes)

    def answer(self, asked: Asked, district: District, *, empty: bool = False) -> Answer:
        """Answer one request over the district of today."""
        if self._quirks.outage:
            host = asked.origin.rpartition("/")[2]
            return Answer(302, headers={"Location": f"https://message.powerschool.example/?server={host}"})
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
            return self._schema.answer(asked, path[2:], district, empty=empty)
        if path[:2] == ["ws", "dataversion"]:
            return self._changes.answer(asked, path[2:], district)
        if path[:2] != ["ws", "v1"]:
            raise Refused(404, "Not found")
        if asked.method != "GET" or path[2:] == ["event_subscription"]:
            return self._writes.answer(asked, path[2:])
        match path[2:]:
            case ["time"]:
                return answer_json({"time": {"now": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}})
            case ["metadata"] if self._quirks.metadata:
                return answer_json({"metadata": self._metadata()})
            case ["district"]:
                name = f"Harborview {district.system.title} District"
                return answer_json({"district": {"uuid": f"{district.seed:032x}"[:32], "name": name}})
            case [*_, "count"]:
                listing = self._listing(asked, path[2:-1], district)
                rows = self._restless.now(_key(asked, "/count"), listing.indexes)
                return answer_json({"resource": {"count": 0 if empty else len(rows)}})
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
                own = _asks_for_own_fields(asked)
                return Listing(
                    "staff",
                    people,
                    lambda i: rows.staff(school, i, wanted) | _own_fields(rows, i, own),
                    EXPANSIONS["staff"],
                )
            case "course":
                return Listing("course", Joined(district.catalogue.courses_of_school(school)), rows.course)
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
            indexes = self._found.remember(key, lambda: matching_students(district, indexes, query))
        own = _asks_for_own_fields(asked)
        return Listing(
            "student",
            indexes,
            lambda i: (
                json.loads(rows.student(i, wanted)) | _own_fields(rows, i, own)
                if own
                else rows.student(i, wanted)
            ),
            EXPANSIONS["student"],
        )

    def _page(self, asked: Asked, listing: Listing, district: District, *, empty: bool) -> Answer:
        page, size = page_of(asked, self._quirks)
        self._grants.check_resource(listing.item, *_wanted(asked, listing.item))
        head = f'"@expansions":{encode(listing.expansions)}'
        if listing.item in _EXTENDED:
            head += f',"@extensions":"studentcorefields,{EXTENSION}"'
        rows = self._restless.now(_key(asked), listing.indexes, page)
        texts = [] if empty else [text_of(listing.render(i)) for i in rows.cut((page - 1) * size, size)]
        if texts:
            head += f',"{listing.item}":{Rows(district, self._quirks).written(texts)}'
        plural = _PLURALS.get(listing.item, f"{listing.item}s")
        return Answer(200, f'{{"{plural}":{{{head}}}}}'.encode())

    def _single(self, asked: Asked, kind: str, dcid: str, district: District) -> Answer:
        rows, wanted = Rows(district, self._quirks), _wanted(asked, kind)
        self._grants.check_resource(kind, *wanted)
        row: dict[str, Any]
        own = _asks_for_own_fields(asked)
        match kind:
            case "student":
                index = _find(district, kind, dcid)
                row = json.loads(rows.student(index, wanted)) | _own_fields(rows, index, own)
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


def _wanted(asked: Asked, kind: str) -> frozenset[str]:
    names = asked.query.get("expansions")
    if not names:
        return frozenset()
    known = EXPANSIONS.get(kind, "").split(", ")
    return frozenset(name.strip() for name in names.split(",") if name.strip() in known)


def _key(asked: Asked, ending: str = "") -> str:
    """The name of a list, the same for its pages and for its count."""
    return f"{asked.path.rstrip('/').removesuffix(ending)} {asked.query.get('q', '')}"


def _asks_for_own_fields(asked: Asked) -> bool:
    return EXTENSION in [name.strip() for name in asked.query.get("extensions", "").split(",")]


def _own_fields(rows: Rows, index: int, wanted: bool) -> dict[str, Any]:
    return {"_extension_data": rows.extension(index)} if wanted else {}


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
