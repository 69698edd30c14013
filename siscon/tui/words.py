"""What a screen says, as words: its bars, panels and lists in the order in which they stand, each row a sentence.

Made from the widgets that are painted, so that a new screen has it for nothing. A widget of another kind says what it
shows in a method ``as_text`` that gives its lines.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from textual.screen import Screen
from textual.widget import Widget

from siscon.domain.text import plain
from siscon.tui.present import Cells, Glyphs
from siscon.tui.screens.pane import Pane
from siscon.tui.widgets.columns import Column
from siscon.tui.widgets.panel import Panel
from siscon.tui.widgets.rows import PAGE, PagedRows
from siscon.tui.widgets.status_bar import Bar
from siscon.tui.widgets.table import LineTable

WORDS = replace(
    Glyphs(),
    good="",
    busy="",
    warn="",
    bad="",
    dim="",
    full=" ",
    void=" ",
    more="...",
    line="",
    dot="none",
    arrow="to",
    at_least="at least",
    up="up",
    down="down",
)
"""Signs for ears: a state is its word alone, nothing is said as nothing."""
LONGEST = 4_000
BARS = ("context", "status")
"""The bars that are read; of the line of keys the commands are told instead (see :mod:`siscon.tui.telling`)."""


@dataclass(frozen=True, slots=True)
class Said:
    """What one part of a screen says: sentences, or ``rows`` under ``titles``; of the rows there are ``total``.

    ``keys`` are the numbers of the rows, where a row of the list is opened by its number.
    """

    part: str
    sentences: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    total: int | None = None
    keys: tuple[int, ...] = ()


def said_plain(text: str) -> str:
    """Text of a cell as it is read aloud: safe, and without the spaces that only align."""
    return " ".join(plain(text, limit=LONGEST).split())


async def settle(screen: Screen[Any]) -> None:
    """Wait until a screen has read what it wanted, and all its parts have heard of it."""
    while True:
        was_read = not isinstance(screen, Pane) or screen.is_read
        fetched = [await _fetch_first(table) for table in screen.query(LineTable)]
        for table in screen.query(LineTable):
            for node in (table, *table.ancestors):
                if isinstance(node, Widget):
                    await _heard(node)
        await _heard(screen)
        if was_read and not any(fetched) and (not isinstance(screen, Pane) or screen.is_read):
            return
        await asyncio.sleep(0.002)


async def _fetch_first(table: LineTable) -> bool:
    """Bring the row under the cursor of a list, of which panels tell; whether it was not there."""
    rows = table.rows
    if not isinstance(rows, PagedRows) or not len(rows) or table.value is not None:
        return False
    await rows.fetch(table.cursor // PAGE)
    table.post_message(LineTable.Pointed(table))
    return table.value is not None


async def _heard(node: Widget) -> None:
    """Wait until a widget has worked off the messages that wait for it now."""
    done = asyncio.Event()
    node.call_later(done.set)
    await done.wait()


async def say(screen: Screen[Any], *, limit: int, numbered: bool = False) -> list[Said]:
    """What a screen says, part by part; of each list at most ``limit`` rows."""
    found = []
    for widget in screen.walk_children(Widget):
        if not widget.display or any(not one.display for one in widget.ancestors if isinstance(one, Widget)):
            continue
        if isinstance(widget, LineTable):
            found.append(await _table(widget, limit, numbered=numbered))
        else:
            found += [one for one in _of_widget(widget) if one.sentences or one.rows]
    return found


def _of_widget(widget: Widget) -> Iterator[Said]:
    part = widget.id or type(widget).__name__.lower()
    if isinstance(widget, Bar):
        if part in BARS:
            yield Said(part, _sentences(widget, part))
    elif isinstance(widget, Panel):
        yield Said(part, tuple(filter(None, (said_plain(cell.text) for cell in widget.lines))))
        if widget.table:
            head, *rows = widget.table
            yield Said(
                f"{part}_list", titles=_titles(head), rows=tuple(_row(row) for row in rows), total=len(rows)
            )
    elif (as_text := getattr(widget, "as_text", None)) is not None:
        yield Said(part, tuple(filter(None, map(said_plain, as_text()))))


def _sentences(bar: Bar, part: str) -> tuple[str, ...]:
    parts = bar.right if part == "context" else (*bar.left, *bar.right)
    told = "; ".join(filter(None, (said_plain(one.text).rstrip(".;") for one in parts)))
    return (told,) if told else ()


def _titles(head: Cells) -> tuple[str, ...]:
    return tuple(said_plain(cell.text) for cell in head)


def _row(cells: Cells) -> tuple[str, ...]:
    return tuple(said_plain(cell.text) for cell in cells)


async def _table(table: LineTable, limit: int, *, numbered: bool) -> Said:
    part, titles = table.id or "list", titles_of(table.columns)
    rows = table.rows
    if not len(rows):
        return Said(part, tuple(filter(None, (said_plain(cell.text) for cell in table.note))), total=0)
    if not isinstance(rows, PagedRows):
        shown = [rows.cells(at) or () for at in range(min(limit, len(rows)))]
        return Said(part, titles=titles, rows=tuple(_row(one) for one in shown), total=len(rows))
    ids = list(rows.ids[:limit])
    told: list[tuple[int, Cells]] = []
    for start in range(0, len(ids), PAGE):
        chosen = ids[start : start + PAGE]
        found = await rows.listing.rows(chosen)
        told += [(one, rows.present(found[one])) for one in chosen if one in found]
    return Said(
        part,
        titles=titles,
        rows=tuple(_row(cells) for _, cells in told),
        total=len(rows),
        keys=tuple(one for one, _ in told) if numbered else (),
    )


def titles_of(columns: Sequence[Column]) -> tuple[str, ...]:
    """What columns are called in words; one without a title or a name for the ear goes by its place."""
    return tuple(one.title or one.said or f"column {at}" for at, one in enumerate(columns, 1))


def key_of(title: str) -> str:
    """The key of a column in JSON: its title in small letters, with underscores."""
    return re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_") or "column"


def objects(said: Sequence[Said], screen: str) -> Iterator[dict[str, Any]]:
    """What a screen says as objects: one for each row, one for each sentence."""
    for one in said:
        head = {"screen": screen, "part": one.part}
        for sentence in one.sentences:
            yield {**head, "says": sentence}
        for at, row in enumerate(one.rows):
            number = {"id": one.keys[at]} if one.keys else {}
            yield {**head, **number, **dict(zip(map(key_of, one.titles), row, strict=False))}


def lines(said: Sequence[Said], name: str) -> Iterator[str]:
    """What a screen says as lines, its name first: one sentence a line, one row a line."""
    yield f"{name}."
    for one in said:
        yield from one.sentences
        if one.rows:
            yield _heading(one)
        for at, row in enumerate(one.rows):
            number = [f"Id: {one.keys[at]}"] if one.keys else []
            yield "; ".join(
                number + [f"{title}: {text}" for title, text in zip(one.titles, row, strict=False) if text]
            )


def _heading(one: Said) -> str:
    word = one.part.replace("_", " ").capitalize()
    total = one.total or 0
    many = f"{total:,} row" if total == 1 else f"{total:,} rows"
    if total > len(one.rows):
        return f"{word}: {len(one.rows):,} of {many}; --limit shows more."
    return f"{word}: {many}."
