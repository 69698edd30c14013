"""Five seconds' grace: what was asked for last, how long it can still be taken back, and the key that does so."""

from __future__ import annotations

from dataclasses import dataclass

from siscon.domain.commands import CommandRow, DiscardDead
from siscon.domain.errors import SisconError
from siscon.ops import Database
from siscon.tui.options import ConsoleOptions
from siscon.tui.present import of

UNDO_WITHIN_MS = 5_000
"""So long z means what was decided last, where nothing lies in the inbox."""


@dataclass(slots=True)
class Grace:
    """What this console asked for last."""

    ids: tuple[int, ...] = ()
    """Requests that lie in the inbox."""
    until_ms: int = 0
    decided: CommandRow | None = None
    """What was carried out at once, and when."""
    decided_at_ms: int = 0

    def lies(self, ids: tuple[int, ...], *, until_ms: int) -> None:
        """Requests were left that nobody carries out before a moment."""
        self.ids, self.until_ms, self.decided = ids, until_ms, None

    def done(self, row: CommandRow, *, now_ms: int) -> None:
        """Something was carried out."""
        self.ids, self.decided, self.decided_at_ms = (), row, now_ms

    def left_s(self, now_ms: int) -> int:
        """Whole seconds until it is too late, counted down to 1; 0: nothing lies."""
        return max(0, -(-(self.until_ms - now_ms) // 1000)) if self.ids else 0

    def countdown(self, now_ms: int) -> str:
        """What the status line says while something lies; empty when nothing does."""
        left = self.left_s(now_ms)
        return f" begins in {left} s, z takes it back " if left else ""

    def decided_lately(self, now_ms: int) -> CommandRow | None:
        """What was carried out a moment ago."""
        return self.decided if now_ms - self.decided_at_ms <= UNDO_WITHIN_MS else None


async def take_back(db: Database, grace: Grace, options: ConsoleOptions) -> str:
    """Take back what lies; a sentence. What an engine took in the same moment is told as it was answered."""
    from siscon.ops import commands

    ids, grace.ids = grace.ids, ()
    taken, late = 0, ""
    for id_ in ids:
        try:
            await commands.take_back(
                db,
                id_,
                actor=options.actor,
                role=options.role,
                read_only=options.read_only,
                now_ms=options.now_ms(),
            )
            taken += 1
        except SisconError as error:
            late = f" {error.sentence}"
    return f"Taken back: {of(taken, 'request')}; nothing of it was done.{late}" if taken else late.strip()


def why_not_undone(row: CommandRow) -> str:
    """Why no run brings back what was decided a moment ago; empty when one does."""
    if isinstance(row.command, DiscardDead):
        return "Giving up has no undo. F on a record fetches it all the same."
    if row.run_id is None:
        return "No undo belongs to what was done last."
    return ""
