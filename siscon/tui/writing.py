"""A list written into a file: as text, or as data by the ending of its name. Only its owner may read it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from siscon.domain.errors import UsageError
from siscon.domain.text import plain
from siscon.ops.files import cell, whole_or_not
from siscon.tui.copying import row_of
from siscon.tui.exporting import Note
from siscon.tui.widgets.rows import PAGE, PagedRows
from siscon.tui.widgets.table import LineTable
from siscon.tui.words import key_of, titles_of

Row = dict[str, str]


async def rows_of(table: LineTable) -> AsyncIterator[list[Row]]:
    """All rows of a list, also those that nobody has looked at, some at a time."""
    rows = table.rows
    if not isinstance(rows, PagedRows):
        yield [row_of(table, rows.cells(at) or ()) for at in range(len(rows))]
        return
    ids = list(rows.ids)
    for start in range(0, len(ids), PAGE):
        chosen = ids[start : start + PAGE]
        found = await rows.listing.rows(chosen)
        yield [row_of(table, rows.present(found[one])) for one in chosen if one in found]


def _as_lines(rows: list[Row]) -> str:
    return "".join("; ".join(f"{key}: {text}" for key, text in row.items() if text) + "\n" for row in rows)


def _as_csv(rows: list[Row]) -> str:
    told = io.StringIO()
    writer = csv.writer(told)
    writer.writerows([cell(text) for text in row.values()] for row in rows)
    return told.getvalue()


class _Json:
    """A list of objects, one a line."""

    def __init__(self) -> None:
        self._lead = "["

    def __call__(self, rows: list[Row]) -> str:
        told = []
        for row in rows:
            told.append(f"{self._lead}\n{json.dumps(row, ensure_ascii=True)}")
            self._lead = ","
        return "".join(told)

    def end(self) -> str:
        """What closes the list."""
        return "[]\n" if self._lead == "[" else "\n]\n"


async def write_list(table: LineTable, place: str, note: Note, *, over: bool) -> tuple[Path, int]:
    """Write a list into a file; where it is now, and how many rows it holds.

    It has its name once ``note`` was told how many rows those are. A file that is there is left alone unless ``over``.
    Raises ``UsageError`` where it cannot be written, and what ``note`` raises.
    """
    if table.reading.busy:
        raise UsageError(
            "The list is still being read: a file would hold a part of it. Try again in a moment."
        )
    path = place_of(place)
    as_json = _Json()
    forms: dict[str, Callable[[list[Row]], str]] = {".json": as_json, ".csv": _as_csv}
    form = forms.get(path.suffix.lower(), _as_lines)
    count = 0
    with _told(path), whole_or_not(path, over=over) as file:
        if form is _as_csv:
            file.write(",".join(key_of(title) for title in titles_of(table.columns)) + "\r\n")
        async for rows in rows_of(table):
            count += len(rows)
            file.write(form(rows))
        if form is as_json:
            file.write(as_json.end())
        await note(count)
    return path, count


async def write_text(text: str, place: str, note: Note, *, over: bool) -> Path:
    """Write a text into a file, under the same rules as :func:`write_list`."""
    path = place_of(place)
    with _told(path), whole_or_not(path, over=over) as file:
        file.write(text + "\n")
        await note(1)
    return path


def place_of(place: str) -> Path:
    """Where a file is meant to be; raises ``UsageError`` for a folder, or for a folder that is not there."""
    path = Path(place).expanduser().absolute()
    if path.is_dir():
        raise UsageError(f"{plain(path)} is a folder: name a file in it.")
    if not path.parent.is_dir():
        raise UsageError(f"There is no folder {plain(path.parent)}.")
    return path


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Faults of the file as sentences."""
    try:
        yield
    except FileExistsError:
        raise UsageError(
            f"That file is there already; ':write! FILE' writes over it: {plain(path)}."
        ) from None
    except OSError as error:
        raise UsageError(f"{plain(path)} cannot be written: {error.strerror or 'it is no file'}.") from None
