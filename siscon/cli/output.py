"""What every command prints: a table for people, JSON Lines for programs. No colour, no control byte."""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, Iterable, Mapping, Sequence
from typing import Any

import click

from siscon.domain.text import plain

Row = Mapping[str, Any]

LOOK_AHEAD = 200
"""Rows that a table's widths are made from; the rest is printed as it comes, so that memory stays flat."""

_CELL = 48
_WHOLE = {"file": 4096}  # a path that is cut leads nowhere
_DELETE = {127: "\\u007f"}


def to_json(value: Any) -> str:
    """JSON in ASCII alone: whatever a system sent, no byte of it acts on a terminal."""
    return json.dumps(value, ensure_ascii=True).translate(_DELETE)


def say(sentence: str) -> None:
    """One line for people on standard output, made safe."""
    click.echo(plain(sentence, limit=2000))


def note(sentence: str) -> None:
    """One line for people on standard error, made safe; programs that read standard output never see it."""
    click.echo(plain(sentence, limit=2000), err=True)


class Printer:
    """Prints rows as they come: each as JSON, or as lines of a table with ``columns``."""

    def __init__(self, columns: Sequence[str], *, as_json: bool, empty: str = "Nothing to show.") -> None:
        self._columns = columns
        self._as_json = as_json
        self._empty = empty
        self._waiting: list[list[str]] = []
        self._widths: list[int] | None = None

    def row(self, row: Row) -> None:
        """Print one row, or keep it until the widths are known."""
        if self._as_json:
            click.echo(to_json(row))
            return
        cells = [_cell(row.get(one), limit=_WHOLE.get(one, _CELL)) for one in self._columns]
        if self._widths is not None:
            click.echo(self._line(cells))
            return
        self._waiting.append(cells)
        if len(self._waiting) >= LOOK_AHEAD:
            self._begin()

    def end(self) -> None:
        """Print what is left."""
        if self._as_json or self._widths is not None:
            return
        if self._waiting:
            self._begin()
        else:
            click.echo(self._empty)

    def _begin(self) -> None:
        heads = [column.replace("_", " ").upper() for column in self._columns]
        self._widths = [max(len(cells[at]) for cells in (heads, *self._waiting)) for at in range(len(heads))]
        for cells in (heads, *self._waiting):
            click.echo(self._line(cells))
        self._waiting = []

    def _line(self, cells: Sequence[str]) -> str:
        padded = (cell.ljust(width) for cell, width in zip(cells, self._widths or (), strict=True))
        return "  ".join(padded).rstrip()


def none_of(all_there_is: str, *chosen: object) -> str:
    """What to say of an empty list: of all there is, or, where some of it was chosen, that none is like that."""
    return "Nothing is like that." if any(chosen) else all_there_is


def show(
    rows: Iterable[Row], columns: Sequence[str], *, as_json: bool, empty: str = "Nothing to show."
) -> None:
    """Print rows that are at hand."""
    printer = Printer(columns, as_json=as_json, empty=empty)
    for row in rows:
        printer.row(row)
    printer.end()


async def stream(
    rows: AsyncIterable[Row], columns: Sequence[str], *, as_json: bool, empty: str = "Nothing to show."
) -> int:
    """Print rows as they are read; how many there were."""
    printer = Printer(columns, as_json=as_json, empty=empty)
    count = 0
    async for row in rows:
        printer.row(row)
        count += 1
    printer.end()
    return count


def card(row: Row, *, as_json: bool) -> None:
    """Print one thing in full: a line for each of its fields."""
    if as_json:
        click.echo(to_json(row))
        return
    width = max(len(key) for key in row)
    for key, value in row.items():
        click.echo(f"{key.replace('_', ' '):{width}}  {_cell(value, limit=1000)}")


def _cell(value: Any, *, limit: int = _CELL) -> str:
    if value is None or value == []:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.1f}"
    if isinstance(value, (list, tuple)):
        return plain(", ".join(str(one) for one in value), limit=limit)
    return plain(value, limit=limit)
