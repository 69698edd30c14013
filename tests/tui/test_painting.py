"""A change in a line is painted from its own first cell, not from the beginning of the line."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.segment import Segment
from textual._compositor import ChopsUpdate
from textual.strip import Strip

from siscon.tui.widgets.painting import NarrowCompositor, NarrowUpdate
from support.consoles import console

WIDTH = 30
PLAIN = Console(color_system=None, force_terminal=True, width=WIDTH)
PIECES = st.lists(st.text("abcdef ", min_size=1, max_size=9), min_size=1, max_size=6)
SPANS = st.lists(st.tuples(st.integers(0, WIDTH - 1), st.integers(1, 9)), min_size=1, max_size=4)


def painted(told: str) -> dict[int, str]:
    """The cells of the first line that a terminal would show after it."""
    cells: dict[int, str] = {}
    for column, text in re.findall(r"\x1b\[1;(\d+)H([^\x1b\n]*)", told):
        cells |= {int(column) - 1 + at: sign for at, sign in enumerate(text)}
    return cells


@given(PIECES, SPANS)
def test_the_same_cells_come_as_before_and_no_others(pieces: list[str], told: list[tuple[int, int]]) -> None:
    line = "".join(pieces)[:WIDTH].ljust(WIDTH)
    cut = WIDTH // 2
    chops = [{0: Strip([Segment(line[:cut])]), cut: Strip([Segment(line[cut:])])}]
    spans = [(0, x, min(WIDTH, x + size)) for x, size in told]
    ends = [[cut, WIDTH]]

    wide = painted(ChopsUpdate(chops, spans, ends).render_segments(PLAIN))
    narrow = painted(NarrowUpdate(chops, spans, ends).render_segments(PLAIN))
    wanted = {at for _, x1, x2 in spans for at in range(x1, x2)}
    assert narrow == {at: line[at] for at in wanted}
    assert narrow.items() <= wide.items()


def test_the_beginning_of_a_line_is_not_painted_again() -> None:
    update = NarrowUpdate([{0: Strip([Segment("records"), Segment(" 4,300")])}], [(0, 8, 13)], [[13]])

    assert update.render_segments(PLAIN) == "\x1b[1;9H4,300"


async def test_every_screen_paints_so(filled: Callable[..., Awaitable[Path]]) -> None:
    async with console(await filled()) as pilot:
        assert isinstance(pilot.app.screen._compositor, NarrowCompositor)
