"""The lines of one CSV file: each becomes a row, or a complaint that names its line; none is swallowed.

Facts: RFC 4180; 1EdTech OneRoster CSV binding 1.1 and 1.2; see docs/providers.md.
"""

from __future__ import annotations

import csv
import difflib
import itertools
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from siscon.domain.errors import ProviderError
from siscon.domain.text import plain

MAX_LINE = 256 * 1024
"""Bytes of one line; a longer one is reported and left out."""
MAX_COLUMNS = 500
MAX_ROWS = 50_000_000
MAX_BREAKS = 20
"""Lines that one row may take up, where a cell holds line breaks."""
MAX_NOTES = 6
NEAR = 0.8
"""How alike a misspelt header must be to the one that is meant (0 to 1)."""

_MEND = "Correct the export; the next one applies it."
_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the number of its first line (the header is line 1) and its cells by the header's names."""

    line: int
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A line that is no row. ``external_id`` is None where the id cannot be trusted."""

    line: int
    code: str
    sentence: str
    text: str
    external_id: str | None = None


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a table: all that the standard knows, and those without which it is useless."""

    known: tuple[str, ...]
    needed: tuple[str, ...]


def split_lines(chunks: Iterable[bytes]) -> Iterator[tuple[int, bytes | None]]:
    """Numbered lines without their ends; None in place of one that is too long, which is never held whole."""
    rest, number, too_long = b"", 0, False
    for chunk in chunks:
        lines = (rest + chunk).split(b"\n")
        rest = lines.pop()
        for line in lines:
            number += 1
            yield number, None if too_long or len(line) > MAX_LINE else line.removesuffix(b"\r")
            too_long = False
        if len(rest) > MAX_LINE:
            rest, too_long = b"", True
    if rest or too_long:
        yield number + 1, None if too_long else rest.removesuffix(b"\r")


def cells_of(text: str) -> list[str] | None:
    """The cells of one row; None where a quote is opened and not closed. Raises ``csv.Error`` for other faults."""
    if '"' not in text:
        return text.split(",")
    try:
        rows = list(csv.reader([text], strict=True))
    except csv.Error as error:
        if "unexpected end" in str(error):
            return None
        raise
    return rows[0] if len(rows) == 1 else None


class Sheet:
    """One CSV file, read once from its first line to its last."""

    def __init__(self, name: str, chunks: Iterable[bytes], columns: Columns, *, encoding: str) -> None:
        self.name = name
        self.notes: list[str] = []
        self._encoding = "utf-8" if encoding == "auto" else encoding
        self._numbered = split_lines(chunks)
        self._waiting: deque[tuple[int, bytes | None]] = deque()
        self._columns = columns
        self.header = self._read_header()

    def rows(self) -> Iterator[Row | BadRow]:
        """What follows the header, line after line; lines without any text are left out."""
        for number in itertools.count(1):
            here = self._next()
            if here is None:
                return
            if number > MAX_ROWS:
                raise self._useless(f"has more than {MAX_ROWS} rows", "too_large")
            line, raw = here
            if raw is not None and not raw.strip(b", \t\r"):
                continue
            yield self._row(line, raw)

    def note(self, text: str) -> None:
        """Tell of something odd, a few times at most."""
        if len(self.notes) < MAX_NOTES:
            self.notes.append(f"{self.name}: {text}")

    def _next(self) -> tuple[int, bytes | None] | None:
        return self._waiting.popleft() if self._waiting else next(self._numbered, None)

    def _useless(self, what: str, code: str) -> ProviderError:
        return ProviderError(f"{self.name} {what}. {_MEND} Nothing of it was applied.", code=code)

    # the header

    def _read_header(self) -> list[str | None]:
        first = self._next()
        if first is None or (first[1] is not None and not first[1].removeprefix(_BOM).strip()):
            raise self._useless("is empty, which does not say that everyone has left", "empty_file")
        raw = first[1]
        if raw is None or b"\r" in raw:
            raise self._useless("has no line ends that siscon knows (LF or CR LF)", "bad_header")
        if raw.startswith(_UTF16) or b"\0" in raw:
            raise self._useless("is written in UTF-16: export it in UTF-8", "bad_encoding")
        try:
            cells = cells_of(raw.removeprefix(_BOM).decode(self._encoding))
        except (UnicodeDecodeError, csv.Error):
            cells = None
        if cells is None or len(cells) > MAX_COLUMNS:
            raise self._useless("has a first line that is no header", "bad_header")
        while cells and not cells[-1].strip():
            cells.pop()
        return self._named([cell.strip() for cell in cells])

    def _named(self, cells: list[str]) -> list[str | None]:
        """Our names of the columns; None for those that siscon has no use for."""
        known = {_bare(one): one for one in self._columns.known}
        named: list[str | None] = [
            cell.lower() if cell.lower().startswith("metadata.") else known.get(_bare(cell)) for cell in cells
        ]
        free = {bare: one for bare, one in known.items() if one not in named}
        for number, cell in enumerate(cells):
            if named[number] is None:
                near = difflib.get_close_matches(_bare(cell), free, n=1, cutoff=NEAR)
                named[number] = free.pop(near[0]) if near else None
                meant = f"read as {named[number]}" if near else "not used"
                self.note(f"the column {plain(cell, limit=40) or '(without a name)'} is {meant}.")
        twice = [one for one in named if one is not None and named.count(one) > 1]
        if twice:
            raise self._useless(f"has the column {plain(twice[0], limit=40)} twice", "bad_header")
        lacking = [one for one in self._columns.needed if one not in named]
        if lacking:
            raise self._useless(f"lacks the column {', '.join(lacking)}", "bad_header")
        return named

    # rows

    def _row(self, line: int, raw: bytes | None) -> Row | BadRow:
        if raw is None:
            return self._bad(line, "too_long", f"is longer than {MAX_LINE // 1024} KiB", "")
        try:
            text = raw.decode(self._encoding)
        except UnicodeDecodeError:
            return self._undecodable(line, raw)
        try:
            cells = cells_of(text)
        except csv.Error:
            return self._bad(line, "bad_quotes", "has text after the closing quote of a cell", text)
        if cells is None:
            return self._over_lines(line, text)
        return self._fitted(line, cells, text)

    def _fitted(self, line: int, cells: list[str], text: str) -> Row | BadRow:
        width = len(self.header)
        if len(cells) > width and not any(one.strip() for one in cells[width:]):
            del cells[width:]
        if len(cells) != width:
            what = f"has {len(cells)} columns where the header has {width}"
            return self._bad(line, "column_count", what, text)
        return Row(line, {name: cell for name, cell in zip(self.header, cells, strict=True) if name})

    def _over_lines(self, line: int, text: str) -> Row | BadRow:
        """A row with line breaks in a cell, or, more often, a quote that nobody closed.

        The two look alike. It is taken for a row only if the columns are right and no cell with a break holds a comma:
        a cell that has swallowed the border of two rows holds one.
        """
        taken: list[tuple[int, bytes | None]] = []
        while len(taken) < MAX_BREAKS and (more := self._next()) is not None:
            taken.append(more)
            try:
                text = f"{text}\n{more[1].decode(self._encoding)}" if more[1] is not None else ""
                cells = cells_of(text) if text else []
            except (UnicodeDecodeError, csv.Error):
                break
            if cells is None:
                continue
            row = self._fitted(line, cells, text)
            broken = [one for one in cells if "\n" in one]
            if isinstance(row, Row) and not any("," in one for one in broken):
                self.note(f"a cell holds line breaks (lines {line} to {more[0]}).")
                return row
            break
        self._waiting.extendleft(reversed(taken))
        return self._bad(line, "open_quote", "opens a quote that is not closed", text.partition("\n")[0])

    def _undecodable(self, line: int, raw: bytes) -> BadRow:
        """The id is still good where it is whole and the columns are right."""
        text = raw.decode("utf-8", "surrogateescape")
        shown = raw.decode("ascii", "backslashreplace")
        what = f"is not written in {self._encoding}: set the encoding of the export, or the setting encoding"
        found = None
        try:
            cells = cells_of(text)
        except csv.Error:
            cells = None
        if cells is not None and isinstance(row := self._fitted(line, cells, ""), Row):
            found = row.cells.get("sourcedId", "").strip()
        is_id = found and found.isprintable() and len(found) <= 256
        return self._bad(line, "bad_encoding", what, shown, found if is_id else None)

    def _bad(self, line: int, code: str, what: str, text: str, external_id: str | None = None) -> BadRow:
        return BadRow(line, code, f"{self.name} line {line}: it {what}. {_MEND}", text[:4000], external_id)


def _bare(name: str) -> str:
    """A header without what people put differently: case, spaces, dashes."""
    return re.sub(r"[^a-z0-9.]", "", name.lower())
