"""OneRoster as Infinite Campus (1.2) and Skyward (1.1) serve it: paths, pages, links and errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

from siscon.sandbox.district import District
from siscon.sandbox.oneroster_lists import (
    FIELDS,
    SINGULAR,
    Listing,
    Trouble,
    filtered,
    listing_of,
    ordered,
    without_tombstones,
)
from siscon.sandbox.oneroster_rows import Rows
from siscon.sandbox.quirks import Quirks
from siscon.sandbox.wire import Answer, Asked, answer_json, encode

DEFAULT_LIMIT = 100
_TOP = {
    "academicSessions": "session", "orgs": "org", "schools": "school", "courses": "course",
    "classes": "section", "users": "user", "students": "student", "teachers": "staff",
    "enrollments": "place", "demographics": "demographics",
}  # fmt: skip


class OneRoster:
    """Answers requests that have passed the token and the rate limit; ``base`` is the path of the API."""

    def __init__(self, version: str, base: str, quirks: Quirks) -> None:
        self.version, self.base = version, base
        self._quirks = quirks
        self._found: dict[tuple[object, ...], Listing] = {}

    def answer(
        self, asked: Asked, district: District, scopes: frozenset[str], *, empty: bool = False
    ) -> Answer:
        """Answer one request over the district of today."""
        try:
            path = self._path_of(asked)
            self._check_scope(path, scopes)
            rows = Rows(district, self.version, asked.origin + self.base, hrefs=self._quirks.hrefs)
            if len(path) == 2:
                return self._single(path[0], path[1], district, rows, asked)
            listing = self._listing(path, district, rows)
            return self._page(asked, self._shaped(asked, listing, district, rows), empty=empty)
        except Trouble as trouble:
            return self.refusal(trouble.status, trouble.minor, trouble.description)

    def refusal(self, status: int, minor: str, description: str) -> Answer:
        """An error in the dialect that this server speaks."""
        info: dict[str, Any] = {
            "imsx_codeMajor": "failure",
            "imsx_severity": "error",
            "imsx_description": description,
        }
        field = {"imsx_codeMinorFieldName": "TargetEndSystem", "imsx_codeMinorFieldValue": minor}
        match self._quirks.error_dialect:
            case "set":
                return answer_json({"statusInfoSet": [{**info, "imsx_codeMinor": minor}]}, status)
            case "wrapped":
                info["imsx_CodeMinor"] = {"imsx_codeMinorField": [field]}
                return answer_json({"imsx_statusInfo": info}, status)
            case "html":
                page = f"<html><body><h1>Error {status}</h1></body></html>".encode()
                return Answer(status, page, content_type="text/html;charset=UTF-8")
        info["imsx_CodeMinor"] = {"imsx_codeMinorField": [field]}
        return answer_json(info, status)

    def _path_of(self, asked: Asked) -> list[str]:
        if not asked.path.startswith(self.base + "/"):
            raise Trouble(404, "unknownobject", "there is no OneRoster service at this path")
        if asked.method != "GET":
            raise Trouble(405, "unsupported", "this service is for reading only")
        return asked.path[len(self.base) + 1 :].rstrip("/").split("/")

    @staticmethod
    def _check_scope(path: list[str], scopes: frozenset[str]) -> None:
        if path[0] == "demographics":
            allowed = "roster-demographics.readonly" in scopes
        elif len(path) > 2:
            allowed = "roster.readonly" in scopes
        else:
            allowed = bool(scopes & {"roster.readonly", "roster-core.readonly"})
        if not allowed:
            raise Trouble(403, "forbidden", "the token's scopes do not cover this endpoint")

    # which records

    def _listing(self, path: list[str], district: District, rows: Rows) -> Listing:
        match path:
            case ["terms"]:
                return listing_of(district, rows, "session", [1, 2])
            case ["gradingPeriods"]:
                return listing_of(district, rows, "session", [3, 4, 5, 6])
            case [collection] if collection in _TOP:
                return listing_of(district, rows, _TOP[collection])
            case ["schools", school, "classes", section, what]:
                at = _find(district, "section", section)
                if district.section(at).school != _find(district, "school", school):
                    raise _unknown()
                return self._of_class(district, rows, at, what)
            case ["schools", school, what]:
                return self._of_school(district, rows, _find(district, "school", school), what)
            case ["classes", section, what] if what != "enrollments":
                return self._of_class(district, rows, _find(district, "section", section), what)
            case ["courses", course, "classes"]:
                found = district.sections_of_course(_find(district, "course", course))
                return listing_of(district, rows, "section", found)
            case ["terms", term, "classes"]:
                at = _find(district, "term", term)
                found = [k for k in range(district.sections) if at in district.section(k).terms]
                return listing_of(district, rows, "section", found)
            case ["terms", term, "gradingPeriods"]:
                at = _find(district, "term", term)
                found = [k for k in range(district.terms) if district.term(k).parent == at and k > 2]
                return listing_of(district, rows, "session", found)
            case ["students" | "teachers" | "users" as who, user, "classes"]:
                return self._classes_of(district, rows, who, user)
        raise _unknown()

    def _of_school(self, district: District, rows: Rows, school: int, what: str) -> Listing:
        match what:
            case "courses":
                return listing_of(district, rows, "course", district.courses_of_school(school))
            case "classes":
                return listing_of(district, rows, "section", district.sections_of_school(school))
            case "students":
                first, joined = district.students_of_school(school)
                return listing_of(district, rows, "student", [*first, *joined])
            case "teachers":
                return listing_of(district, rows, "staff", district.staff_of_school(school))
            case "terms":
                return listing_of(district, rows, "session", [1, 2])
            case "enrollments":
                return listing_of(district, rows, "place", district.places_of_school(school))
        raise _unknown()

    def _of_class(self, district: District, rows: Rows, section: int, what: str) -> Listing:
        students = [district.enrollment(e) for e in district.enrollments_of_section(section)]
        teachers = [district.teaching(t) for t in district.teachings_of_section(section)]
        places = district.places
        match what:
            case "students":
                now = {one.student for one in students if not one.dropped}
                return listing_of(district, rows, "student", sorted(now))
            case "teachers":
                return listing_of(
                    district, rows, "staff", sorted({t.staff for t in teachers if not t.ends_on})
                )
            case "enrollments":
                found = [places.place_of("teaching", one.index) for one in teachers]
                found += [places.place_of("enrollment", one.index) for one in students]
                return listing_of(district, rows, "place", found)
        raise _unknown()

    def _classes_of(self, district: District, rows: Rows, who: str, user: str) -> Listing:
        student = district.ids.index("student", user) if who != "teachers" else None
        if student is not None and student < district.students:
            places = [district.enrollment(e) for e in district.enrollments_of_student(student)]
            found = {one.section for one in places if one.section is not None and not one.dropped}
            return listing_of(district, rows, "section", sorted(found))
        staff = district.ids.index("staff", user) if who != "students" else None
        if staff is None or staff >= district.staff_members:
            raise _unknown()
        taught = []
        for school in district.staff(staff).schools:
            for section in district.sections_of_school(school):
                teachings = [district.teaching(t) for t in district.teachings_of_section(section)]
                if any(one.staff == staff and not one.ends_on for one in teachings):
                    taught.append(section)
        return listing_of(district, rows, "section", taught)

    def _single(
        self, collection: str, sourced_id: str, district: District, rows: Rows, asked: Asked
    ) -> Answer:
        kind = {"terms": "session", "gradingPeriods": "session"}.get(collection) or _TOP.get(collection)
        if kind is None:
            raise _unknown()
        listing, index = listing_of(district, rows, kind), None
        for id_kind, render in _readers(kind, rows):
            at = district.ids.index(id_kind, sourced_id)
            if at is not None and at < _totals(district)[id_kind]:
                index, listing = at, Listing(listing.collection, kind, listing.indexes, render)
                break
        if index is None:
            raise _unknown()
        row, warning = self._selected(asked, listing.collection, listing.render(index))
        return answer_json({SINGULAR[listing.collection]: row, **warning})

    # how they are shown

    def _shaped(self, asked: Asked, listing: Listing, district: District, rows: Rows) -> Listing:
        text, sort = asked.query.get("filter", ""), asked.query.get("sort", "")
        key = (asked.path, text, sort, asked.query.get("orderBy"), district.day, asked.origin)
        if key in self._found:
            return self._found[key]
        known = sort in FIELDS[listing.collection]
        if sort and not known and self._quirks.unknown_field == "error":
            raise Trouble(400, "invalid_sort_field", f"{sort} is not a field of {listing.collection}")
        shaped = listing if self._quirks.tombstones else without_tombstones(district, listing)
        if text:
            if not self._quirks.tombstones:
                shaped = Listing(shaped.collection, shaped.kind, shaped.indexes, shaped.write, whole=False)
            shaped = filtered(district, rows, shaped, text)
        if sort and known:
            shaped = ordered(shaped, sort, descending=asked.query.get("orderBy", "asc").lower() == "desc")
        if text or sort:
            if len(self._found) >= 8:
                self._found.clear()
            self._found[key] = shaped
        return shaped

    def _page(self, asked: Asked, listing: Listing, *, empty: bool) -> Answer:
        limit, offset = _number(asked, "limit", DEFAULT_LIMIT, 1), _number(asked, "offset", 0, 0)
        if limit > self._quirks.max_page_size:
            if self._quirks.over_cap == "error":
                raise Trouble(400, "invaliddata", f"limit must not exceed {self._quirks.max_page_size}")
            limit = self._quirks.max_page_size
        total = 0 if empty else len(listing.indexes)
        write: Callable[[int], str] = listing.text
        tail = ""
        if "fields" in asked.query:
            names, warning = self._fields(asked, listing.collection)
            write = _only(listing.render, names) if names else write
            tail = f",{encode(warning)[1:-1]}" if warning else ""
        texts = [] if empty else [write(index) for index in listing.indexes.cut(offset, limit)]
        answer = Answer(200, f'{{"{listing.collection}":[{",".join(texts)}]{tail}}}'.encode())
        if self._quirks.total_count != "off":
            wrong = self._quirks.total_count == "wrong"
            answer.headers["X-Total-Count"] = str(total + 7 if wrong else total)
        if self._quirks.link_header:
            answer.headers["Link"] = _links(asked, offset, limit, total)
        return answer

    def _fields(self, asked: Asked, collection: str) -> tuple[list[str], dict[str, Any]]:
        names = [name.strip() for name in asked.query["fields"].split(",")]
        if names == [""]:
            raise Trouble(400, "invalid_selection_field", "fields must not be blank")
        unknown = [name for name in names if name.partition(".")[0] not in FIELDS[collection]]
        if not unknown:
            return names, {}
        text = f"not fields of {collection}: {', '.join(unknown)}"
        if self._quirks.unknown_field == "error":
            raise Trouble(400, "invalid_selection_field", text)
        info = {"imsx_codeMajor": "success", "imsx_severity": "warning", "imsx_description": text}
        return [], {"statusInfoSet": [{**info, "imsx_codeMinor": "invalid_selection_field"}]}

    def _selected(
        self, asked: Asked, collection: str, row: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        if "fields" not in asked.query:
            return row, {}
        names, warning = self._fields(asked, collection)
        return ({name: row[name] for name in names if name in row} if names else row), warning


def _only(render: Callable[[int], dict[str, Any]], names: list[str]) -> Callable[[int], str]:
    def narrowed(index: int) -> str:
        row = render(index)
        return encode({name: row[name] for name in names if name in row})

    return narrowed


def _unknown() -> Trouble:
    return Trouble(404, "unknownobject", "there is no such object")


def _totals(district: District) -> dict[str, int]:
    return {
        "district": 1, "school": district.schools, "term": district.terms, "course": district.courses,
        "section": district.sections, "student": district.students, "staff": district.staff_members,
        "enrollment": district.enrollments, "teaching": district.teachings,
    }  # fmt: skip


def _readers(kind: str, rows: Rows) -> list[tuple[str, Callable[[int], dict[str, Any] | str]]]:
    readers: dict[str, list[tuple[str, Callable[[int], dict[str, Any] | str]]]] = {
        "session": [("term", rows.session)],
        "org": [("school", rows.school), ("district", rows.org)],
        "school": [("school", rows.school)],
        "course": [("course", rows.course)],
        "section": [("section", rows.section)],
        "user": [("student", rows.student), ("staff", rows.staff)],
        "student": [("student", rows.student)],
        "staff": [("staff", rows.staff)],
        "demographics": [("student", rows.demographics)],
        "place": [("enrollment", rows.enrollment), ("teaching", rows.teaching)],
    }
    return readers[kind]


def _find(district: District, kind: str, sourced_id: str) -> int:
    index = district.ids.index(kind, sourced_id)
    if index is None or index >= _totals(district)[kind]:
        raise _unknown()
    return index


def _number(asked: Asked, name: str, default: int, least: int) -> int:
    text = asked.query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()) or len(text) > 9 or int(text) < least:
        raise Trouble(400, "invaliddata", f"{name} must be a whole number of {least} or more")
    return int(text)


def _links(asked: Asked, offset: int, limit: int, total: int) -> str:
    last = max(0, (total - 1) // limit * limit)
    targets = [("first", 0), ("last", last)]
    if offset + limit < total:
        targets.insert(0, ("next", offset + limit))
    if offset > 0:
        targets.append(("prev", max(0, offset - limit)))
    links = []
    for word, at in targets:
        query = urlencode({**asked.query, "limit": limit, "offset": at}, quote_via=quote)
        links.append(f'<{asked.origin}{asked.path}?{query}>; rel="{word}"')
    return ", ".join(links)
