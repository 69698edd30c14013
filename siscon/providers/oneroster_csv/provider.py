"""OneRoster CSV: zips or loose files in a folder, on an SFTP server, or at an address; bulk and delta.

Facts: 1EdTech OneRoster CSV binding 1.1 and 1.2; see docs/providers.md.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from fnmatch import fnmatch
from pathlib import Path
from typing import Literal

from pydantic import Field

from siscon.domain.errors import ProviderError
from siscon.domain.records import Entity, Part, Record
from siscon.domain.text import plain
from siscon.providers.contract import (
    Drop,
    FileProvider,
    Files,
    FileSettings,
    Page,
    ProviderSettings,
    Rejected,
)
from siscon.providers.kit.moments import latest_of
from siscon.providers.kit.paging import from_resume, to_resume
from siscon.providers.oneroster_csv.package import Package, digest_of, read_loose, read_zip
from siscon.providers.oneroster_csv.records import (
    PIECES,
    Piece,
    Places,
    modified_at,
    places_of,
    read_row,
    record_of,
)
from siscon.providers.oneroster_csv.rows import BadRow, Row
from siscon.providers.oneroster_csv.tables import Chain, Found, is_gone, mark_of, newer_than

DELIVERIES = 200
"""So many deliveries are looked through, newest first, for a bulk file of each table."""
DESCRIBED = ("birth_date", "gender")
"""What only ``demographics.csv`` tells of a student."""


class OneRosterCsvSettings(FileSettings):
    """What every integration over OneRoster files may set."""

    version: Literal["auto", "1.1", "1.2"] = "auto"
    """The OneRoster version, in quotes, where the manifest does not tell it rightly."""
    encoding: Literal["auto", "utf-8", "windows-1252", "iso-8859-1"] = "auto"
    """The encoding of the files; auto is utf-8."""
    pattern: str = "*.zip"
    """Which zips in the folder are deliveries; loose CSV files are read where none fits."""
    without_manifest: Literal["refuse", "bulk"] = "refuse"
    """bulk: take files without a manifest for whole tables."""
    demographics: bool = True
    """Also read birth dates and genders."""
    staff_roles: tuple[str, ...] = ("teacher",)
    """The roles whose people are staff."""
    custom_fields: tuple[str, ...] = ()
    """Names of ``metadata.`` columns to keep with each record."""
    page_size: int = Field(default=1000, ge=1, le=10_000)
    """Records committed at once."""


class OneRosterCsv(FileProvider):
    """OneRoster as files."""

    name, title = "oneroster_csv", "OneRoster CSV"
    entities = tuple(PIECES)
    Settings = OneRosterCsvSettings

    def __init__(self, files: Files, settings: ProviderSettings) -> None:
        super().__init__(files, settings)
        assert isinstance(settings, OneRosterCsvSettings)
        self._own = settings
        self._packages: dict[tuple[Path, ...], Package] = {}

    async def coverage(self) -> Mapping[str, str]:
        """Version and school year under way on the day of the newest delivery; nothing where no sessions lie there."""
        try:
            chain = await self._chain(Entity.TERM, None)
        except ProviderError as error:
            if error.code != "no_bulk":
                raise
            return {}
        told = {"OneRoster": chain.newest.version}
        day = datetime.fromtimestamp(chain.newest.modified_at_ms / 1000, UTC).date().isoformat()
        years = set()
        for one in chain.rows("academicSessions"):
            if one is None:
                await asyncio.sleep(0)
            elif isinstance(one.what, Row) and _is_under_way(one.what, day):
                years.add(one.what.cells.get("schoolYear", "").strip())
        named = ", ".join(sorted(years - {""}))
        return told | ({"school year": named} if named else {})

    async def pages(self, entity: Entity, *, cursor: str | None, resume: str | None) -> AsyncIterator[Page]:
        """The pages of one entity: everything, or with a cursor what deliveries after it have changed.

        A position belongs to the very files it was made over; when they are gone or others, the run must begin anew.
        """
        at = from_resume(resume)
        chain = await self._chain(entity, at.get("files"))
        words = self._words(entity)
        roles = bool(words) and chain.newest.version == "1.2"
        walk = Walk(chain, entity, self._own, words if words else frozenset(), roles)
        for page in walk.pages(cursor, _number(at, "piece"), _number(at, "seen")):
            if page is None:
                await asyncio.sleep(0)
            else:
                yield page

    def read(self, entity: Entity, raw: str, part: str) -> Page | None:
        """A row that a person has mended; None for people of 1.2, whose roles stand in another file."""
        return None if part else read_row(entity, raw, self._own.custom_fields)

    def _words(self, entity: Entity) -> frozenset[str]:
        """The roles of the people that an entity is about; empty for what are no people."""
        if entity is Entity.STUDENT:
            return frozenset({"student"})
        return (
            frozenset(one.lower() for one in self._own.staff_roles) if entity is Entity.STAFF else frozenset()
        )

    # which deliveries

    async def _chain(self, entity: Entity, made_over: object) -> Chain:
        """The deliveries from the newest back to one that holds, with those after it, every table in bulk."""
        drops = list(await self.files.listing())
        zips = [one for one in drops if fnmatch(one.name.lower(), self._own.pattern.lower())]
        zips.sort(key=lambda one: (one.modified_at_ms, one.name))
        if not zips:
            chain = Chain([await self._loose(drops)], self._own.encoding)
        elif made_over is None:
            chain = await self._newest(entity, zips)
        else:
            chain = Chain(
                [await self._zip(one) for one in zips if one.name in _names(made_over)], self._own.encoding
            )
        if made_over is not None and _files_of(chain) != made_over:
            raise ProviderError(
                "The files changed while they were read. Start the run anew: what was read of them does not fit what "
                "lies there now.",
                code="source_changed",
            )
        self._check_whole(entity, chain)
        chain.notes += [note for one in chain.packages for note in one.notes]
        return chain

    async def _newest(self, entity: Entity, zips: Sequence[Drop]) -> Chain:
        packages: list[Package] = []
        for drop in reversed(zips[-DELIVERIES:]):
            packages.insert(0, await self._zip(drop))
            chain = Chain(packages, self._own.encoding)
            if not self._lacking(entity, chain):
                break
        return Chain(packages, self._own.encoding)

    def _lacking(self, entity: Entity, chain: Chain) -> list[str]:
        tables = [piece.table for piece in PIECES[entity] if not piece.optional]
        if tables == ["users"] and chain.newest.version == "1.2":
            tables.append("roles")
        return [table for table in tables if not chain.has_bulk(table)]

    def _check_whole(self, entity: Entity, chain: Chain) -> None:
        if lacking := self._lacking(entity, chain):
            raise ProviderError(
                f"No delivery holds {', '.join(lacking)} in bulk, which {entity} records need. Upload a bulk export, "
                "or leave the entity out of the integration's entities.",
                code="no_bulk",
            )

    async def _zip(self, drop: Drop) -> Package:
        path = await self.files.fetch(drop)
        if (path,) not in self._packages:
            self._packages[path,] = await asyncio.to_thread(self._read_zip, drop, path)
        return self._packages[path,]

    def _read_zip(self, drop: Drop, path: Path) -> Package:
        return read_zip(
            drop.name,
            path,
            modified_at_ms=drop.modified_at_ms,
            digest=digest_of(path),
            without_manifest=self._own.without_manifest,
            version=self._own.version,
        )

    async def _loose(self, drops: Sequence[Drop]) -> Package:
        """The CSV files that lie in the folder themselves."""
        found = {one.name.lower(): one for one in drops if one.name.lower().endswith(".csv")}
        if not found:
            raise ProviderError(
                f"There is no file to read: none is called {plain(self._own.pattern, limit=60)}, and none is a CSV.",
                code="no_files",
            )
        paths = {name: await self.files.fetch(drop) for name, drop in sorted(found.items())}
        key = tuple(paths.values())
        if key not in self._packages:
            digests = [await asyncio.to_thread(digest_of, path) for path in key]
            self._packages[key] = read_loose(
                paths,
                name="loose files",
                modified_at_ms=max(one.modified_at_ms for one in found.values()),
                digest=hashlib.sha256("".join(digests).encode()).hexdigest(),
                without_manifest=self._own.without_manifest,
                version=self._own.version,
            )
        return self._packages[key]


def _files_of(chain: Chain) -> list[list[str]]:
    """The deliveries as a position names them."""
    return [[one.name, one.digest[:16]] for one in chain.packages]


def _is_under_way(row: Row, day: str) -> bool:
    return row.cells["startDate"].strip()[:10] <= day <= row.cells["endDate"].strip()[:10] and not is_gone(
        row
    )


def _names(made_over: object) -> set[str]:
    return {str(one[0]) for one in made_over if one} if isinstance(made_over, list) else set()


def _number(at: dict[str, object], name: str) -> int:
    value = at.get(name, 0)
    return value if isinstance(value, int) and value >= 0 else 0


class Walk:
    """One reading of an entity from a chain of deliveries."""

    def __init__(
        self, chain: Chain, entity: Entity, settings: OneRosterCsvSettings, words: frozenset[str], roles: bool
    ) -> None:
        self._chain, self._entity, self._own, self._words = chain, entity, settings, words
        self._has_roles = roles
        self._pieces = [
            one
            for one in PIECES[entity]
            if not one.optional or (settings.demographics and chain.has_bulk(one.table))
        ]
        lacks = settings.demographics and len(self._pieces) < len(PIECES[entity])
        self._absent: tuple[str, ...] = DESCRIBED if lacks else ()
        self._told = 0

    def pages(self, cursor: str | None, piece: int, seen: int) -> Iterator[Page | None]:
        """The pages from a place on; None where a long stretch brought nothing."""
        mark = mark_of(self._chain.newest)
        wanted: set[str] | None = None
        newer = None if cursor is None else newer_than(self._chain.packages, cursor)
        if newer is not None and not any(self._is_bulk(one) for one in newer):
            wanted = set()
            yield from self._find_changed(newer, wanted)
            if not wanted:
                yield self._page([], None, mark)
                return
        places: Places = None
        if self._has_roles:
            bad: list[Record | Part | Rejected] = []
            for one in places_of(self._chain, self._words):
                if isinstance(one, dict):
                    places = one
                elif one is None:
                    yield None
                elif wanted is None and (told := self._told_of(one, self._pieces[0], None)) is not None:
                    bad.append(told)
            if bad and not (piece or seen):
                yield self._page(bad, self._resume(0, 0), mark)
        while piece < len(self._pieces):
            yield from self._piece(piece, seen, places, wanted, mark)
            piece, seen = piece + 1, 0

    def _is_bulk(self, package: Package) -> bool:
        tables = [one.table for one in self._pieces] + ["roles"] * self._has_roles
        return any(package.states.get(one) == "bulk" for one in tables)

    def _piece(
        self, number: int, seen: int, places: Places, wanted: set[str] | None, mark: str
    ) -> Iterator[Page | None]:
        """One table, a page after every so many rows; the last page leads to the next table."""
        piece, kept = self._pieces[number], list[Record | Part | Rejected]()
        moments: list[tuple[str, str | None]] = []
        following = self._resume(number + 1, 0) if number + 1 < len(self._pieces) else None
        for passed, one in enumerate(self._rows(piece), 1):
            if passed <= seen or one is None or not self._is_wanted(one, piece, wanted):
                if passed % 500 == 0:
                    yield None
                continue
            told = self._told_of(one, piece, places)
            if told is not None:
                kept.append(told)
                if not isinstance(told, Rejected):
                    moments.append((told.external_id, modified_at(one, piece, places)))
            if len(kept) >= self._own.page_size:
                yield self._page(kept, self._resume(number, passed), mark, moments)
                kept, moments = [], []
            elif passed % 500 == 0:
                yield None
        yield self._page(kept, following, mark, moments)

    def _rows(self, piece: Piece) -> Iterator[Found | None]:
        """The rows of a table; one that a district may do without may also be empty."""
        try:
            yield from self._chain.rows(piece.table)
        except ProviderError as error:
            if not piece.optional or error.code != "empty_file":
                raise
            self._chain.notes.append(f"{piece.table}.csv holds no row: read without.")
            self._absent = DESCRIBED

    @staticmethod
    def _is_wanted(one: Found, piece: Piece, wanted: set[str] | None) -> bool:
        if wanted is None:
            return True
        if isinstance(one.what, BadRow):
            return one.package.states.get(piece.table) == "delta"
        return one.what.cells.get(piece.key, "").strip() in wanted

    def _told_of(self, one: Found, piece: Piece, places: Places) -> Record | Part | Rejected | None:
        words = self._words if piece.table == "users" else frozenset[str]()
        is_main = piece is self._pieces[0]
        told = record_of(one, piece, places, words, self._own.custom_fields if is_main else ())
        if isinstance(told, Rejected) and not is_main:
            return replace(told, part=piece.table, fields=DESCRIBED if piece.optional else ())
        return told

    def _resume(self, piece: int, seen: int) -> str:
        return to_resume(files=_files_of(self._chain), piece=piece, seen=seen)

    def _page(
        self,
        kept: Sequence[Record | Part | Rejected],
        resume: str | None,
        mark: str,
        moments: Sequence[tuple[str, str | None]] = (),
    ) -> Page:
        notes, self._told = self._chain.notes[self._told :], len(self._chain.notes)
        return Page(
            [one for one in kept if not isinstance(one, Rejected)],
            resume,
            [one for one in kept if isinstance(one, Rejected)],
            cursor=mark,
            note=" ".join(notes)[:1000],
            absent_fields=self._absent if resume is None else (),
            modified=latest_of(moments),
        )

    def _find_changed(self, newer: Sequence[Package], wanted: set[str]) -> Iterator[None]:
        """The ids of the records that newer deliveries touch, in whatever table."""
        columns = [(one.table, one.key) for one in self._pieces]
        if self._has_roles:
            columns.append(("roles", "userSourcedId"))
        moved: set[str] = set()
        for package in newer:
            for table, column in columns:
                if package.states.get(table) != "delta":
                    continue
                for number, one in enumerate(self._chain.raw(package, table)):
                    if number % 500 == 0:
                        yield None
                    if isinstance(one.what, BadRow):
                        continue
                    if column == "classSourcedId" and one.what.cells["role"].strip().lower() == "student":
                        continue
                    wanted.add(one.what.cells.get(column, "").strip())
                    if column != "sourcedId":
                        moved.add(one.what.cells["sourcedId"].strip())
        yield from self._add_former(columns, moved, wanted)
        wanted.discard("")

    def _add_former(
        self, columns: Sequence[tuple[str, str]], moved: set[str], wanted: set[str]
    ) -> Iterator[None]:
        """What a changed row pointed to before: a class that has lost its teacher is changed, too."""
        for table, column in columns:
            if column == "sourcedId" or not moved:
                continue
            for package in self._chain.packages[max(0, self._chain.bulk_of(table)) :]:
                if package.states.get(table) not in ("bulk", "delta"):
                    continue
                for number, one in enumerate(self._chain.raw(package, table)):
                    if number % 500 == 0:
                        yield None
                    if not isinstance(one.what, BadRow) and one.what.cells["sourcedId"].strip() in moved:
                        wanted.add(one.what.cells.get(column, "").strip())
