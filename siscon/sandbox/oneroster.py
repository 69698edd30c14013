"""OneRoster as Infinite Campus (1.2) and Skyward (1.1) serve it: paths, pages, links and errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from siscon.sandbox.district import District
from siscon.sandbox.oneroster_errors import refusal
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
from siscon.sandbox.oneroster_pages import links, page_at, told_total
from siscon.sandbox.oneroster_paths import TOP, listing_at, totals, unknown
from siscon.sandbox.oneroster_rows import Rows
from siscon.sandbox.quirks import Quirks
from siscon.sandbox.restless import Restless
from siscon.sandbox.wire import Answer, Asked, answer_json, encode

DEFAULT_LIMIT = 100


class OneRoster:
    """Answers requests that have passed the token and the rate limit; ``base`` is the path of the API."""

    def __init__(self, version: str, base: str, quirks: Quirks) -> None:
        self.version, self.base = version, base
        self._quirks = quirks
        self._restless = Restless(quirks)
        self._found: dict[tuple[object, ...], Listing] = {}

    def answer(
        self, asked: Asked, district: District, scopes: frozenset[str], *, empty: bool = False
    ) -> Answer:
        """Answer one request over the district of today."""
        try:
            path = self._path_of(asked)
            self._check_scope(path, scopes)
            hrefs = self._quirks.hrefs
            base = asked.origin + self.base if hrefs == "absolute" else self.base
            rows = Rows(district, self.version, base, hrefs=hrefs, booleans=self._quirks.booleans)
            if len(path) == 2:
                return self._single(path[0], path[1], district, rows, asked)
            listing = listing_at(path, district, rows)
            return self._page(asked, self._shaped(asked, listing, district, rows), empty=empty)
        except Trouble as trouble:
            return self.refusal(trouble.status, trouble.minor, trouble.description)

    def refusal(self, status: int, minor: str, description: str) -> Answer:
        """An error in the dialect that this server speaks."""
        return refusal(self._quirks.error_dialect, status, minor, description)

    def _path_of(self, asked: Asked) -> list[str]:
        if not asked.path.startswith(self.base + "/"):
            raise Trouble(404, "unknownobject", "there is no OneRoster service at this path")
        if asked.method != "GET":
            raise Trouble(405, "unsupported", "this service is for reading only")
        path = asked.path[len(self.base) + 1 :].rstrip("/").split("/")
        if len(path) > 2 and not self._quirks.nested_paths:
            raise unknown()
        return path

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

    def _single(
        self, collection: str, sourced_id: str, district: District, rows: Rows, asked: Asked
    ) -> Answer:
        kind = {"terms": "session", "gradingPeriods": "session"}.get(collection) or TOP.get(collection)
        if kind is None:
            raise unknown()
        listing, index = listing_of(district, rows, kind), None
        for id_kind, render in _readers(kind, rows):
            at = district.ids.index(id_kind, sourced_id)
            if at is not None and at < totals(district)[id_kind]:
                index, listing = at, Listing(listing.collection, kind, listing.indexes, render)
                break
        if index is None:
            raise unknown()
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
            shaped = filtered(district, rows, shaped, text, self._quirks.filter_clauses)
        if sort and known:
            down = asked.query.get("orderBy", "asc").lower() == "desc"
            shaped = ordered(district, shaped, sort, descending=down)
        if text or sort:
            if len(self._found) >= 16:
                self._found.clear()
            self._found[key] = shaped
        return shaped

    def _page(self, asked: Asked, listing: Listing, *, empty: bool) -> Answer:
        limit, offset = _number(asked, "limit", DEFAULT_LIMIT, 1), _number(asked, "offset", 0, 0)
        if limit > self._quirks.max_page_size:
            if self._quirks.over_cap == "error":
                raise Trouble(400, "invaliddata", f"limit must not exceed {self._quirks.max_page_size}")
            limit = self._quirks.max_page_size
        rows = self._restless.now(_list_of(asked), listing.indexes, 1 + offset // limit)
        total = 0 if empty else len(rows)
        page = page_at(self._quirks, asked.path, offset, limit, total)
        write: Callable[[int], str] = listing.text
        tail = ""
        if "fields" in asked.query:
            names, warning = self._fields(asked, listing.collection)
            write = _only(listing.render, names) if names else write
            tail = f",{encode(warning)[1:-1]}" if warning else ""
        texts = [] if empty else [write(index) for index in rows.cut(page.start, page.size)]
        answer = Answer(200, f'{{"{listing.collection}":[{",".join(texts)}]{tail}}}'.encode())
        told = told_total(self._quirks, total, offset // limit)
        if told is not None:
            answer.headers["X-Total-Count"] = told
        if self._quirks.link_header:
            answer.headers["Link"] = links(asked, self._quirks, page, limit, total)
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


def _list_of(asked: Asked) -> str:
    """The list that is walked, whatever the page."""
    return " ".join((asked.path, *(asked.query.get(name, "") for name in ("filter", "sort", "orderBy"))))


def _number(asked: Asked, name: str, default: int, least: int) -> int:
    text = asked.query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()) or len(text) > 9 or int(text) < least:
        raise Trouble(400, "invaliddata", f"{name} must be a whole number of {least} or more")
    return int(text)
