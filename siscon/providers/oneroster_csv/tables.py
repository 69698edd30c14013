"""Deliveries laid over one another: the newest bulk file of each table, with the delta files that came after it.

Nothing but delta rows is held in memory; the rows of a bulk file pass through.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from siscon.domain.errors import ProviderError
from siscon.domain.text import plain
from siscon.providers.oneroster_csv.package import Package
from siscon.providers.oneroster_csv.rows import BadRow, Columns, Row, Sheet

MAX_DELTA_ROWS = 500_000
QUIET_ROWS = 500
"""After so many rows of which none is told yet, others get their turn."""

_HEAD = ("sourcedId", "status", "dateLastModified")
COLUMNS: Mapping[str, Columns] = {
    "orgs": Columns((*_HEAD, "name", "type", "identifier", "parentSourcedId"), ("sourcedId", "name")),
    "academicSessions": Columns(
        (*_HEAD, "title", "type", "startDate", "endDate", "parentSourcedId", "schoolYear"),
        ("sourcedId", "title", "startDate", "endDate"),
    ),
    "courses": Columns(
        (*_HEAD, "schoolYearSourcedId", "title", "courseCode", "grades", "orgSourcedId", "subjects",
         "subjectCodes"),
        ("sourcedId", "title"),
    ),
    "classes": Columns(
        (*_HEAD, "title", "grades", "courseSourcedId", "classCode", "classType", "location",
         "schoolSourcedId", "termSourcedIds", "subjects", "subjectCodes", "periods"),
        ("sourcedId", "courseSourcedId"),
    ),
    "users": Columns(
        (*_HEAD, "enabledUser", "orgSourcedIds", "role", "username", "userIds", "givenName", "familyName",
         "middleName", "identifier", "email", "sms", "phone", "agentSourcedIds", "grades", "password",
         "userMasterIdentifier", "preferredGivenName", "preferredMiddleName", "preferredFamilyName",
         "primaryOrgSourcedId", "pronouns"),
        ("sourcedId", "givenName", "familyName"),
    ),
    "roles": Columns(
        (*_HEAD, "userSourcedId", "roleType", "role", "beginDate", "endDate", "orgSourcedId",
         "userProfileSourcedId"),
        ("sourcedId", "userSourcedId", "role"),
    ),
    "enrollments": Columns(
        (*_HEAD, "classSourcedId", "schoolSourcedId", "userSourcedId", "role", "primary", "beginDate",
         "endDate"),
        ("sourcedId", "classSourcedId", "userSourcedId", "role"),
    ),
    "demographics": Columns(
        (*_HEAD, "birthDate", "sex", "americanIndianOrAlaskaNative", "asian", "blackOrAfricanAmerican",
         "nativeHawaiianOrOtherPacificIslander", "white", "demographicRaceTwoOrMoreRaces",
         "hispanicOrLatinoEthnicity", "countryOfBirthCode", "stateOfBirthAbbreviation", "cityOfBirth",
         "publicSchoolResidenceStatus"),
        ("sourcedId",),
    ),
}  # fmt: skip
"""The columns of 1.1 and 1.2 together; what only one version has may be absent."""


def is_gone(row: Row) -> bool:
    """True for a row that says that its record was deleted."""
    return row.cells.get("status", "").strip().lower() in ("tobedeleted", "inactive")


@dataclass(frozen=True, slots=True)
class Found:
    """One thing in a table: a row or a bad one, the file in which it stands, and the delivery of that file."""

    what: Row | BadRow
    file: str
    package: Package


@dataclass(slots=True)
class Chain:
    """The deliveries that count now, oldest first, and how to read them."""

    packages: Sequence[Package]
    encoding: str
    notes: list[str] = field(default_factory=list)

    @property
    def newest(self) -> Package:
        """The last delivery, up to which everything is read."""
        return self.packages[-1]

    def has_bulk(self, table: str) -> bool:
        """True where some delivery holds the whole table."""
        return any(one.states.get(table) == "bulk" for one in self.packages)

    def bulk_of(self, table: str) -> int:
        """The place of the delivery with the newest bulk file of a table; -1 without one."""
        places = [at for at, one in enumerate(self.packages) if one.states.get(table) == "bulk"]
        return places[-1] if places else -1

    def deltas_of(self, table: str) -> list[Package]:
        """The deliveries with changes of a table since its bulk file, oldest first."""
        later = self.packages[self.bulk_of(table) + 1 :]
        return [one for one in later if one.states.get(table) == "delta"]

    def rows(self, table: str) -> Iterator[Found | None]:
        """The newest version of each row; None now and then, where nothing was found for long.

        A deleted row of a delta file may be empty but for its id: the rest is taken from the version before.
        """
        changed: dict[str, Found] = {}
        bad: list[Found] = []
        for package in self.deltas_of(table):
            for passed, one in enumerate(self.raw(package, table), start=1):
                if passed % QUIET_ROWS == 0:
                    yield None
                if isinstance(one.what, BadRow):
                    bad.append(one)
                    continue
                key = one.what.cells["sourcedId"].strip()
                changed[key] = _completed(one, changed.get(key))
                if len(changed) + len(bad) > MAX_DELTA_ROWS:
                    raise ProviderError(
                        f"More than {MAX_DELTA_ROWS} changes of {table} have come since the last bulk file: upload a "
                        "new bulk file.",
                        code="too_large",
                    )
        whole = self.bulk_of(table)
        if whole >= 0:
            yield from self._bulk(self.packages[whole], table, changed)
        yield from bad
        yield from changed.values()

    def _bulk(self, package: Package, table: str, changed: dict[str, Found]) -> Iterator[Found | None]:
        received = 0
        for one in self.raw(package, table):
            received += 1
            if isinstance(one.what, Row):
                key = one.what.cells["sourcedId"].strip()
                newer = changed.get(key) if changed else None
                if newer is not None:
                    changed[key] = _completed(newer, one)
                    if received % QUIET_ROWS == 0:
                        yield None
                    continue
            yield one
        if received == 0:
            raise ProviderError(
                f"{table}.csv of {plain(package.name, limit=60)} is called bulk and holds no row, as if all were gone. "
                "Nothing was applied; look at the export.",
                code="empty_file",
            )

    def raw(self, package: Package, table: str) -> Iterator[Found]:
        """The rows of one file as they stand; what was odd about it is noted."""
        name = f"{table}.csv"
        if len(self.packages) > 1:
            name += f" of {plain(package.name, limit=60)}"
        sheet = Sheet(name, package.chunks(table), COLUMNS[table], encoding=self.encoding)
        for row in sheet.rows():
            yield Found(row, name, package)
        for note in sheet.notes:
            if note not in self.notes:
                self.notes.append(note)


def _completed(newer: Found, older: Found | None) -> Found:
    """A tombstone with what it left empty."""
    if older is None or not isinstance(newer.what, Row) or not isinstance(older.what, Row):
        return newer
    if not is_gone(newer.what):
        return newer
    told = {name: cell for name, cell in newer.what.cells.items() if cell.strip()}
    return Found(Row(newer.what.line, {**older.what.cells, **told}), newer.file, newer.package)


def mark_of(package: Package) -> str:
    """The watermark of a delivery: its name, digest and moment."""
    told = {"name": package.name, "digest": package.digest, "at": package.modified_at_ms}
    return json.dumps(told, separators=(",", ":"))


def newer_than(packages: Sequence[Package], mark: str) -> Sequence[Package] | None:
    """The deliveries after the marked one; None when the mark is of another kind."""
    try:
        told = json.loads(mark)
        name, digest, at = str(told["name"]), str(told["digest"]), int(told["at"])
    except (ValueError, TypeError, KeyError):
        return None
    for place, one in enumerate(packages):
        if (one.name, one.digest) == (name, digest):
            return packages[place + 1 :]
    return [one for one in packages if (one.modified_at_ms, one.name) > (at, name)]
