"""What a copy holds: the id under the cursor, or the row as JSON; and how it comes to the terminal's clipboard."""

from __future__ import annotations

import json

from siscon.domain.text import plain
from siscon.tui.frame import Frame
from siscon.tui.present import Cells, of
from siscon.tui.widgets.panel import Panel
from siscon.tui.widgets.table import LineTable
from siscon.tui.words import key_of, said_plain, titles_of

CAP = 75_000
"""More bytes than these many terminals refuse, or take for ever to swallow over a slow line."""
_DELETE = {127: "\\u007f"}


def row_of(table: LineTable, cells: Cells) -> dict[str, str]:
    """A row as data, keyed as `siscon show --json` does; signs before a word are left out."""
    signs = table.look.glyphs
    heads = tuple(f"{one} " for one in (signs.good, signs.busy, signs.warn, signs.bad, signs.dim))
    texts = []
    for cell in cells:
        text = said_plain(cell.text)
        texts.append(text[2:] if text.startswith(heads) else "" if text == signs.dot else text)
    return dict(zip(map(key_of, titles_of(table.columns)), texts, strict=False))


def as_json(row: dict[str, str]) -> str:
    """A row in ASCII alone, so that nothing in it acts on a terminal it is pasted into."""
    return json.dumps(row, ensure_ascii=True).translate(_DELETE)


def panel_text(panels: list[Panel]) -> str:
    """What the panels of a screen say."""
    told = (plain(cell.text, limit=2_000) for panel in panels for cell in panel.lines)
    return "\n".join(one for one in told if one.strip())


def copy(app: Frame, text: str) -> None:
    """Send a text to the terminal's clipboard, and say so; never a control character, which would act when pasted."""
    safe = "\n".join(plain(line, limit=CAP) for line in text.split("\n"))
    size = len(safe.encode("utf-8"))
    if not safe.strip():
        app.notify("Nothing here has an id to copy.", severity="warning")
        return
    if size > CAP:
        told = f"{size:,} bytes are too many for a clipboard of {CAP:,}: :write FILE writes them."
        app.notify(plain(told), severity="warning")
        return
    app.copy_to_clipboard(safe)
    marked = " Hidden characters are written out in it." if safe != text else ""
    told = f"Sent to the terminal's clipboard ({of(size, 'byte')}).{marked} If it is not there: :write FILE."
    app.notify(plain(told), timeout=6)
