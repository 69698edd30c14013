"""OneRoster's lists: which records stand behind each path, and their filter, sort and fields parameters."""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from siscon.sandbox.district import District
from siscon.sandbox.oneroster_rows import Rows
from siscon.sandbox.wire import Joined, Without, encode

SORT_AT_MOST, SORT_BY_ID_AT_MOST = 200_000, 1_000_000
_HEAD = ("sourcedId", "status", "dateLastModified")
_USER = (
    "enabledUser", "username", "givenName", "middleName", "familyName", "identifier", "email", "grades",
    "userIds", "agents", "role", "roles", "orgs", "primaryOrg",
)  # fmt: skip
_PLACE = ("role", "primary", "user", "class", "school", "beginDate", "endDate")
FIELDS = {
    "academicSessions": (*_HEAD, "title", "startDate", "endDate", "type", "parent", "schoolYear"),
    "orgs": (*_HEAD, "name", "type", "identifier", "parent"),
    "courses": (*_HEAD, "title", "courseCode", "schoolYear", "org"),
    "classes": (
        *_HEAD,
        "title",
        "classCode",
        "classType",
        "location",
        "course",
        "school",
        "terms",
        "periods",
    ),
    "users": (*_HEAD, *_USER),
    "demographics": (*_HEAD, "birthDate", "sex", "publicSchoolResidenceStatus"),
    "enrollments": (*_HEAD, *_PLACE),
}
SINGULAR = {
    "academicSessions": "academicSession", "orgs": "org", "courses": "course", "classes": "class",
    "users": "user", "demographics": "demographics", "enrollments": "enrollment",
}  # fmt: skip
_CLAUSE = re.compile(r"\s*([A-Za-z_.]+)\s*(!=|>=|<=|=|>|<|~)\s*'((?:[^'\\]|\\.)*)'\s*", re.DOTALL)
_JOINT = re.compile(r"\s(AND|OR)\s")


class Trouble(Exception):
    """The request is refused with a OneRoster error."""

    def __init__(self, status: int, minor: str, description: str) -> None:
        super().__init__(description)
        self.status, self.minor, self.description = status, minor, description


@dataclass(frozen=True, slots=True)
class Listing:
    """A list: its name on the wire, the kind of its records, and which they are."""

    collection: str
    kind: str
    indexes: Joined | Without
    write: Callable[[int], dict[str, Any] | str]
    whole: bool = True

    def text(self, index: int) -> str:
        """One record as JSON."""
        row = self.write(index)
        return row if isinstance(row, str) else encode(row)

    def render(self, index: int) -> dict[str, Any]:
        """One record, to look into."""
        row = self.write(index)
        return dict(json.loads(row)) if isinstance(row, str) else row


@dataclass(frozen=True, slots=True)
class Clause:
    field: str
    operator: str
    value: str


def listing_of(district: District, rows: Rows, kind: str, indexes: Sequence[int] | None = None) -> Listing:
    """All the records of a kind, or those with the given indexes."""
    kinds: dict[str, tuple[str, Callable[[int], dict[str, Any] | str], int]] = {
        "session": ("academicSessions", rows.session, district.terms),
        "org": ("orgs", rows.org, district.schools + 1),
        "school": ("orgs", rows.school, district.schools),
        "course": ("courses", rows.course, district.courses),
        "section": ("classes", rows.section, district.sections),
        "user": ("users", rows.user, district.staff_members + district.students),
        "student": ("users", rows.student, district.students),
        "staff": ("users", rows.staff, district.staff_members),
        "demographics": ("demographics", rows.demographics, district.students),
        "enrollment": ("enrollments", rows.enrollment, district.enrollments),
        "teaching": ("enrollments", rows.teaching, district.teachings),
        "place": ("enrollments", rows.place, district.enrollments + district.teachings),
    }
    collection, write, total = kinds[kind]
    if indexes is None:
        return Listing(collection, kind, Joined(range(total)), write)
    return Listing(collection, kind, Joined(indexes), write, whole=False)


def parse_filter(text: str, collection: str, most: int) -> tuple[list[Clause], str]:
    """The clauses of a filter, ``most`` of them allowed, and how they are joined."""
    words = _JOINT.split(text)
    if len(words) > max(0, 2 * most - 1):
        raise Trouble(400, "invalid_filter_field", f"a filter has at most {most} clauses here")
    if len(set(words[1::2])) > 1:
        raise Trouble(400, "invalid_filter_field", "AND and OR do not go together in one filter")
    clauses = []
    for word in words[::2]:
        parts = _CLAUSE.fullmatch(word)
        if parts is None:
            raise Trouble(400, "invalid_filter_field", "a filter clause looks like field='value'")
        if parts[1].partition(".")[0] not in FIELDS[collection]:
            raise Trouble(400, "invalid_filter_field", f"{parts[1]} is not a field of {collection}")
        value = re.sub(r"\\(.)", r"\1", parts[3])
        clauses.append(Clause(parts[1], parts[2], _moment(value) if _is_moment(parts[1]) else value))
    return clauses, words[1] if len(words) > 1 else "AND"


def _is_moment(field: str) -> bool:
    return field == "dateLastModified"


def _moment(value: str) -> str:
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise Trouble(400, "invalid_filter_field", "dateLastModified takes an ISO 8601 moment") from None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def filtered(district: District, rows: Rows, listing: Listing, text: str, most: int) -> Listing:
    """The part of a list that a filter leaves; common filters do not look at every record."""
    clauses, joint = parse_filter(text, listing.collection, most)
    if joint == "AND" and listing.whole:
        listing = _by_role(district, rows, listing, clauses)
        clauses = [clause for clause in clauses if not _always(district, clause)]
        if not clauses:
            return listing
        newest = [c for c in clauses if _is_moment(c.field) and c.operator in (">", ">=")]
        if newest:
            changed = _changed(district, listing.kind, newest[0])
            listing = replace(listing, indexes=Joined(changed))
            if len(clauses) == 1:
                return listing
        elif len(clauses) == 1 and (quick := _by_status(district, listing, clauses[0])) is not None:
            return replace(listing, indexes=quick)
    every = all if joint == "AND" else any
    found = array(
        "I",
        (
            index
            for index in listing.indexes.cut(0, len(listing.indexes))
            if _passes(listing.render(index), clauses, every)
        ),
    )
    return replace(listing, indexes=Joined(found))


def _passes(row: dict[str, Any], clauses: list[Clause], every: Callable[[list[bool]], bool]) -> bool:
    return every([_holds(row, clause) for clause in clauses])


def _by_role(district: District, rows: Rows, listing: Listing, clauses: list[Clause]) -> Listing:
    narrower = {
        ("place", "student"): "enrollment", ("place", "teacher"): "teaching",
        ("user", "student"): "student", ("user", "teacher"): "staff",
    }  # fmt: skip
    for clause in list(clauses):
        if clause.field in ("role", "roles.role") and clause.operator == "=":
            kind = narrower.get((listing.kind, clause.value))
            if kind is not None:
                clauses.remove(clause)
                listing = listing_of(district, rows, kind)
    return listing


def _always(district: District, clause: Clause) -> bool:
    """Whether a clause holds for every record: it asks for changes since before day 0."""
    before = clause.value < district.moments[0] or (
        clause.operator == ">=" and clause.value == district.moments[0]
    )
    return _is_moment(clause.field) and clause.operator in (">", ">=") and before


def _changed(district: District, kind: str, clause: Clause) -> list[int]:
    days = (day for day in range(1, district.day + 1) if _compare(district.moments[day], clause))
    since = next(days, None)
    if since is None:
        return []
    changed = district.days.changed_since(since)
    if kind == "user":
        return [*changed["staff"], *(district.staff_members + s for s in changed["student"])]
    if kind == "place":
        places = [
            district.places.place_of(word, i) for word in ("teaching", "enrollment") for i in changed[word]
        ]
        return sorted(places)
    return changed.get("student" if kind == "demographics" else kind, [])


def _by_status(district: District, listing: Listing, clause: Clause) -> Joined | Without | None:
    if clause.field != "status" or clause.operator != "=" or clause.value not in ("active", "tobedeleted"):
        return None
    gone = district.places.gone(listing.kind, district.staff_members)
    return Joined(gone) if clause.value == "tobedeleted" else Without(listing.indexes, gone)


def without_tombstones(district: District, listing: Listing) -> Listing:
    """The list as a server gives it that keeps no deleted records."""
    if listing.whole:
        return replace(
            listing,
            indexes=Without(listing.indexes, district.places.gone(listing.kind, district.staff_members)),
        )
    active = Clause("status", "=", "active")
    kept = [i for i in listing.indexes.cut(0, len(listing.indexes)) if _holds(listing.render(i), active)]
    return replace(listing, indexes=Joined(kept))


def _values(row: Any, path: list[str]) -> list[Any]:
    for number, name in enumerate(path):
        if isinstance(row, list):
            return [value for one in row for value in _values(one, path[number:])]
        row = row.get(name) if isinstance(row, dict) else None
    return row if isinstance(row, list) else [row]


def _holds(row: dict[str, Any], clause: Clause) -> bool:
    values = _values(row, clause.field.split("."))
    texts = [
        str(value).lower() if isinstance(value, bool) else str(value) for value in values if value is not None
    ]
    if clause.operator == "!=":
        return clause.value not in texts
    return any(_compare(text, clause) for text in texts)


def _compare(text: str, clause: Clause) -> bool:
    match clause.operator:
        case "=":
            return text == clause.value
        case "~":
            return clause.value.lower() in text.lower()
        case ">":
            return text > clause.value
        case ">=":
            return text >= clause.value
        case "<":
            return text < clause.value
    return text <= clause.value


def ordered(district: District, listing: Listing, field: str, *, descending: bool) -> Listing:
    """The list in the order of one field; very long ones are refused. By id, no record need be written for it."""
    by_id = field == "sourcedId"
    most = SORT_BY_ID_AT_MOST if by_id else SORT_AT_MOST
    if len(listing.indexes) > most:
        raise Trouble(422, "invaliddata", f"lists of more than {most} records cannot be sorted here")
    key = _name_of(district, listing.kind) if by_id else lambda i: str(listing.render(i).get(field, ""))
    found = sorted(listing.indexes.cut(0, len(listing.indexes)), key=key, reverse=descending)
    return replace(listing, indexes=Joined(array("I", found)))


def _name_of(district: District, kind: str) -> Callable[[int], str]:
    """How a record's sourcedId follows from its position in a list of this kind."""
    text, staff = district.ids.text, district.staff_members
    match kind:
        case "org":
            return lambda at: text("school", at - 1) if at else text("district", 0)
        case "user":
            return lambda at: text("staff", at) if at < staff else text("student", at - staff)
        case "place":
            return lambda at: text(*district.places.place_at(at))
    own = {"session": "term", "demographics": "student"}.get(kind, kind)
    return lambda at: text(own, at)
