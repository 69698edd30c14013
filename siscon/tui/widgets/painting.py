"""Painting no more than what changed: Textual paints a line from its beginning up to the end of each change in it.

On a line of a table that is ten times the bytes that a changed number needs. What is painted is the same.
"""

from __future__ import annotations

from rich.console import Console
from rich.control import Control
from textual._compositor import ChopsUpdate, Compositor
from textual.strip import Strip


class NarrowUpdate(ChopsUpdate):
    """The changed spans of lines, each painted from its own first cell to its last."""

    def render_segments(self, console: Console) -> str:
        """What goes to the terminal."""
        told: list[str] = []
        for y, x1, x2 in self.spans:
            for end, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=False):
                if strip is None or x >= x2 or end <= x1:
                    continue
                first, last = max(x, x1), min(end, x2)
                told.append(Control.move_to(first, y).segment.text)
                told.append(_cut(strip, first - x, last - x).render(console))
        return "".join(told)


def _cut(strip: Strip, first: int, last: int) -> Strip:
    return strip if first == 0 and last >= strip.cell_length else strip.crop(first, last)


class NarrowCompositor(Compositor):
    """A compositor whose partial updates are narrow."""

    def render_partial_update(self) -> ChopsUpdate | None:
        """The changed spans, or None where nothing changed."""
        update = super().render_partial_update()
        if update is None:
            return None
        return NarrowUpdate(update.chops, update.spans, update.chop_ends)
