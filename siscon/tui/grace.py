"""Five seconds' grace: what was asked for last, how long it can still be taken back, and the key that does so."""

from __future__ import annotations

from dataclasses import dataclass, field

from siscon.domain.commands import CommandRow, DiscardDead
from siscon.domain.errors import SisconError, UsageError
from siscon.ops import Database
from siscon.tui.keymap import key_of, keyed
from siscon.tui.options import ConsoleOptions
from siscon.tui.present import of

UNDO_WITHIN_MS = 5_000
"""So long z means what was decided last, where nothing lies in the inbox."""


@dataclass(frozen=True, slots=True)
class Lying:
    """Requests of one answer that lie in the inbox, and until when."""

    ids: tuple[int, ...]
    until_ms: int


@dataclass(slots=True)
class Grace:
    """What this console asked for last."""

    lying: list[Lying] = field(default_factory=list)
    """The newest last. The last one stays after its time: where no engine is alive it still waits."""
    decided: CommandRow | None = None
    """What was carried out at once, and when."""
    decided_at_ms: int = 0

    def lies(self, ids: tuple[int, ...], *, now_ms: int, until_ms: int) -> None:
        """Requests were left that nobody carries out before a moment."""
        self._let_go(now_ms)
        self.lying.append(Lying(ids, until_ms))

    def done(self, row: CommandRow, *, now_ms: int) -> None:
        """Something was carried out; what lies meanwhile can be taken back as before."""
        self._let_go(now_ms)
        self.decided, self.decided_at_ms = row, now_ms

    def _let_go(self, now_ms: int) -> None:
        self.lying = [one for one in self.lying if one.until_ms > now_ms]

    def left_s(self, now_ms: int) -> int:
        """Whole seconds until it is too late for the newest that lies, counted down to 1; 0: nothing lies."""
        return max(0, -(-(self.lying[-1].until_ms - now_ms) // 1000)) if self.lying else 0

    def countdown(self, now_ms: int) -> str:
        """What the status line says while something lies; empty when nothing does."""
        left = self.left_s(now_ms)
        return f" begins in {left} s, {key_of('take_back')} takes it back " if left else ""

    def decided_lately(self, now_ms: int) -> CommandRow | None:
        """What was carried out a moment ago."""
        return self.decided if now_ms - self.decided_at_ms <= UNDO_WITHIN_MS else None


async def take_back(db: Database, grace: Grace, options: ConsoleOptions) -> str:
    """Take back the newest that lies; a sentence. What an engine took in the same moment is told as it was answered."""
    from siscon.ops import commands

    newest = grace.lying.pop()
    taken, late, again = 0, "", []
    for id_ in newest.ids:
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
        except UsageError as error:
            late = f" {error.sentence}"
        except SisconError as error:  # nobody has answered it: z may try once more
            late = f" {error.sentence}"
            again.append(id_)
    if again:
        grace.lying.append(Lying(tuple(again), newest.until_ms))
    return f"Taken back: {of(taken, 'request')}; nothing of it was done.{late}" if taken else late.strip()


def why_not_undone(row: CommandRow) -> str:
    """Why no run brings back what was decided a moment ago; empty when one does."""
    if isinstance(row.command, DiscardDead):
        return keyed("Giving up has no undo. {fetch} on a record fetches it all the same.")
    if row.run_id is None:
        return "No undo belongs to what was done last."
    return ""
