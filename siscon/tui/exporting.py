"""Pupils' data that leave the screen for a file: only where the audit will say who took how many, and of what."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from siscon.domain.commands import NoteExport
from siscon.domain.errors import UsageError
from siscon.tui.frame import Frame
from siscon.tui.screens.pane import Pane

WITH_PUPILS = frozenset(
    {"conflicts", "conflict", "dead", "dead_record", "records", "record", "found", "plan", "plan_records"}
)
"""Screens that hold names, values or ids of pupils."""

Note = Callable[[int], Awaitable[None]]
"""Has an export of so many rows noted; raises ``SisconError`` where that cannot be, and then nothing is exported."""


def note_of(app: Frame, screen: Pane, columns: tuple[str, ...]) -> Note:
    """What notes an export from a screen; raises ``UsageError`` in a console that may only look and note nothing."""
    if screen.name_ not in WITH_PUPILS:
        return _nothing
    options, db = app.options, app.db
    if options.past is not None or options.read_only:
        raise UsageError(
            "Pupils' data are written into a file only where the audit can say so: not from a console that may only "
            "look, nor from a replay.",
            code="not_audited",
        )

    async def note(rows: int) -> None:
        from siscon.ops import commands

        if db is None:
            raise UsageError("The database is not open yet.")
        asked = NoteExport(screen.name_, rows, columns)
        await commands.submit(db, asked, actor=options.actor, role=options.role, now_ms=options.now_ms())

    return note


async def _nothing(_rows: int) -> None:
    return
