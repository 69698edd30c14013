"""From rows of OneRoster CSV to records: the cells are put as OneRoster's JSON has them, so that its rules serve both.

Facts: 1EdTech OneRoster CSV binding 1.1 and 1.2; see docs/providers.md.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from siscon.domain.errors import ProviderError, RecordError
from siscon.domain.records import Entity, Part, Record, custom_text
from siscon.providers.contract import Page, Rejected
from siscon.providers.kit.coerce import as_id, as_ref, check_texts
from siscon.providers.kit.decode import raw_text
from siscon.providers.kit.moments import as_moment, later
from siscon.providers.oneroster import wire
from siscon.providers.oneroster_csv.rows import BadRow, Row
from siscon.providers.oneroster_csv.tables import Chain, Found, is_gone

Cells = Mapping[str, str]

MOMENT = "dateLastModified"

_USER_ID = re.compile(r"\{([^:{}]*):([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Place:
    """What ``roles.csv`` says of a person in one kind of role; ``gone`` when every such role was deleted.

    ``modified`` is when the last of these roles changed, None where that is not told of each.
    """

    orgs: tuple[str, ...]
    gone: bool
    modified: str | None = None


Places = Mapping[str, Place] | None
"""The people in a kind of role by their ids; None where ``users.csv`` has a role of its own (1.1)."""


def places_of(chain: Chain, words: frozenset[str]) -> Iterator[dict[str, Place] | Found | None]:
    """Reads ``roles.csv`` (1.2): gives its bad rows on the way, None now and then, and the places at the end."""
    places: dict[str, Place] = {}
    shared: dict[tuple[str, ...], tuple[str, ...]] = {}
    for number, one in enumerate(chain.rows("roles")):
        if one is None or isinstance(one.what, BadRow):
            yield one
            continue
        if number % 500 == 0:
            yield None
        cells = one.what.cells
        if cells["role"].strip().lower() not in words:
            continue
        person, org = cells["userSourcedId"].strip(), cells.get("orgSourcedId", "").strip()
        known, gone = places.get(person), is_gone(one.what)
        modified = as_moment(cells.get(MOMENT, "").strip())
        if known is not None:
            modified = later(known.modified, modified)
        if known is not None and gone and not known.gone:
            if modified != known.modified:
                places[person] = replace(known, modified=modified)
            continue
        before = known.orgs if known is not None and known.gone == gone else ()
        is_first = cells.get("roleType", "").strip().lower() == "primary"
        orgs = tuple(dict.fromkeys(one for one in ((org, *before) if is_first else (*before, org)) if one))
        places[person] = Place(shared.setdefault(orgs, orgs), gone, modified)
    yield places


def _listed(cell: str) -> list[str]:
    return [one.strip() for one in cell.split(",") if one.strip()]


def _ref(cells: Cells, column: str) -> Any:
    found = as_ref(cells.get(column, "").strip(), column)
    return {"sourcedId": found} if found else None


def _refs(cells: Cells, column: str) -> Any:
    return [{"sourcedId": as_id(one, column)} for one in _listed(cells.get(column, ""))]


def _plain(cells: Cells, *columns: str) -> dict[str, Any]:
    """Cells that keep their names, with id and status."""
    row: dict[str, Any] = {name: cells.get(name) or None for name in columns}
    row["sourcedId"] = as_id(cells["sourcedId"], "sourcedId")
    row["status"] = cells.get("status", "").strip() or None
    return row


def _user(cells: Cells, place: Place | None) -> Any:
    row = _plain(cells, "givenName", "middleName", "familyName", "username", "identifier", "email")
    row["grades"] = _listed(cells.get("grades", ""))
    row["userIds"] = [
        {"type": kind.strip(), "identifier": known.strip()}
        for kind, known in _USER_ID.findall(cells.get("userIds", ""))
    ]
    row["primaryOrg"] = _ref(cells, "primaryOrgSourcedId")
    if place is None:
        row["orgs"] = _refs(cells, "orgSourcedIds")
    else:
        row["orgs"] = [{"sourcedId": as_id(one, "orgSourcedId")} for one in place.orgs]
        if place.gone:
            row["status"] = "tobedeleted"
    return row


def _student(cells: Cells, place: Place | None) -> Record:
    return wire.student(_user(cells, place))


def _staff(cells: Cells, place: Place | None) -> Record:
    return wire.staff(_user(cells, place))


def _school(cells: Cells, _place: Place | None) -> Record | None:
    return wire.school(_plain(cells, "name", "type", "identifier"))  # type: ignore[arg-type] # its keys are those


def _term(cells: Cells, _place: Place | None) -> Record:
    return wire.term(_plain(cells, "title", "startDate", "endDate", "schoolYear"))  # type: ignore[arg-type] # as above


def _course(cells: Cells, _place: Place | None) -> Record:
    row: Any = _plain(cells, "title", "courseCode")
    row["org"] = _ref(cells, "orgSourcedId")
    return wire.course(row)


def _section(cells: Cells, _place: Place | None) -> Record:
    row: Any = _plain(cells, "title", "classCode", "periods")
    row["course"], row["school"] = _ref(cells, "courseSourcedId"), _ref(cells, "schoolSourcedId")
    row["terms"] = _refs(cells, "termSourcedIds")
    return wire.section(row)


def _enrollment_row(cells: Cells) -> Any:
    row = _plain(cells, "role", "primary", "beginDate", "endDate")
    row["role"] = (row["role"] or "").strip()
    row["user"], row["class"] = _ref(cells, "userSourcedId"), _ref(cells, "classSourcedId")
    return row


def _enrollment(cells: Cells, _place: Place | None) -> Record | None:
    return wire.enrollment(_enrollment_row(cells)) if _role(cells) == "student" else None


def _teaching(cells: Cells, _place: Place | None) -> Part | None:
    return wire.teaching(_enrollment_row(cells)) if _role(cells) == "teacher" else None


def _demographics(cells: Cells, _place: Place | None) -> Part:
    return wire.demographics(_plain(cells, "birthDate", "sex"))  # type: ignore[arg-type] # its keys are those


def _role(cells: Cells) -> str:
    return cells.get("role", "").strip().lower()


ToRecord = Callable[[Cells, Place | None], Record | Part | None]


@dataclass(frozen=True, slots=True)
class Piece:
    """A table that holds records of an entity, or parts of them, and the column that names those records."""

    table: str
    to_record: ToRecord
    key: str = "sourcedId"
    optional: bool = False


PIECES: Mapping[Entity, tuple[Piece, ...]] = {
    Entity.SCHOOL: (Piece("orgs", _school),),
    Entity.TERM: (Piece("academicSessions", _term),),
    Entity.STAFF: (Piece("users", _staff),),
    Entity.STUDENT: (Piece("users", _student), Piece("demographics", _demographics, optional=True)),
    Entity.COURSE: (Piece("courses", _course),),
    Entity.SECTION: (Piece("classes", _section), Piece("enrollments", _teaching, key="classSourcedId")),
    Entity.ENROLLMENT: (Piece("enrollments", _enrollment),),
}


def record_of(
    found: Found, piece: Piece, places: Places, words: frozenset[str], custom: tuple[str, ...]
) -> Record | Part | Rejected | None:
    """What a row is, or why it is none; None for a row that belongs to another entity."""
    row = found.what
    if isinstance(row, BadRow):
        raw = raw_text({"text": row.text.encode("utf-8", "replace").decode()})
        known = row.external_id if piece.key == "sourcedId" else None
        return Rejected(known, row.code, row.sentence, None, raw)
    place: Place | None = None
    if words:
        if places is None:
            if "role" not in row.cells:
                raise ProviderError(
                    f"{found.file} has no column role, as 1.1 wants it. Check the setting version.",
                    code="bad_header",
                )
            if _role(row.cells) not in words:
                return None
        else:
            place = places.get(row.cells["sourcedId"].strip())
            if place is None:
                return None
    return _made(row.cells, piece, place, custom, where=f"{found.file} line {row.line}: ")


def _made(
    cells: Cells, piece: Piece, place: Place | None, custom: tuple[str, ...], *, where: str = ""
) -> Record | Part | Rejected | None:
    """``where`` a row stands is told in the sentence alone: a row above it changes that, and it is the same row."""
    try:
        check_texts(cells)
        record = piece.to_record(cells, place)
        if custom and record is not None and not isinstance(record, Part):
            values = {name: cells.get(f"metadata.{name.lower()}") for name in custom}
            record = replace(record, custom=custom_text(values))
    except RecordError as error:
        return Rejected(
            _id(cells, piece), error.code, where + error.sentence, error.field, raw_text(dict(cells))
        )
    return record


def read_row(entity: Entity, raw: str, custom: tuple[str, ...]) -> Page | None:
    """A row of the main table of an entity that a person has mended.

    None for people of 1.2: what they are stands in another file.
    """
    piece = PIECES[entity][0]
    told = json.loads(raw)
    cells = defaultdict(str, {name: str(value or "") for name, value in told.items()})
    if piece.table == "users" and "role" not in cells:
        return None
    found = _made(cells, piece, None, custom)
    if isinstance(found, Rejected):
        return Page([], None, [found])
    return Page([] if found is None else [found], None)


def modified_at(found: Found, piece: Piece, places: Places) -> str | None:
    """When a row last changed, roles counted in; None where a file does not tell (bulk files leave it blank)."""
    assert isinstance(found.what, Row)
    told = as_moment(found.what.cells.get(MOMENT, "").strip())
    if piece.table != "users" or places is None:
        return told
    place = places.get(found.what.cells["sourcedId"].strip())
    return later(told, place.modified if place is not None else None)


def _id(cells: Cells, piece: Piece) -> str | None:
    """Whose record it would have been; a teacher's enrollment names none that can be buried."""
    if piece.key != "sourcedId":
        return None
    try:
        return as_id(cells["sourcedId"], "sourcedId")
    except RecordError:
        return None
