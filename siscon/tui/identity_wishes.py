"""Who is who, asked of several at once: only the answers that change nobody, for one kind of question at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from siscon.domain.commands import SettleConflict
from siscon.domain.conflicts import Conflict, ConflictKind
from siscon.domain.errors import UsageError
from siscon.domain.identity import APART, SAME
from siscon.domain.weight import MANY
from siscon.tui.bulk_wishes import sample
from siscon.tui.keymap import key_of, keyed
from siscon.tui.present import Cell, foreign, number, of
from siscon.tui.wishes import Why, Wish

MOST = MANY
"""Each is a decision of its own in the audit; nobody has looked at more than these."""

ASKS = {
    ConflictKind.IDENTITY: "ask whether an id still is the same person",
    ConflictKind.DUPLICATE: "ask whether two records are one person",
}
_ANSWERS = {
    ConflictKind.IDENTITY: ("s", SAME, "Yes, each of these {} is the same person as before; then say why"),
    ConflictKind.DUPLICATE: ("k", APART, "Yes, keep each of these {} pairs apart; then say why"),
}
_ELSE = {
    ConflictKind.IDENTITY: "Who is another person is decided one by one: {open} opens a question.",
    ConflictKind.DUPLICATE: "Who is merged is decided one by one: {open} opens a question.",
}


def on_questions(found: Sequence[Conflict]) -> Wish:
    """Marked questions of one kind, a command for each; raises ``UsageError`` where they are of several."""
    kinds = Counter(one.kind for one in found if one.status == "open")
    if not kinds:
        raise UsageError("None of the marked conflicts is open any more.")
    if len(kinds) > 1:
        told = " and ".join(f"{number(n)} {ASKS[kind]}" for kind, n in kinds.items())
        example = f"{key_of('filter')} kind=duplicate"
        raise UsageError(f"Of those marked {told}: decide one kind at a time, as with {example}.")
    ((kind, n),) = kinds.items()
    key, word, words = _ANSWERS[kind]
    first, *rest = (
        SettleConflict(one.id, {"identity": word}, one.sis_fingerprint, one.local_version)
        for one in found
        if one.status == "open"
    )
    whose = Counter(one.integration for one in found)
    return Wish(
        f"Decide {of(n, 'question')} of who is who?",
        (
            Cell(f"{number(n)} {ASKS[kind]}.", "strong"),
            *(foreign(f"{name}: {number(count)}") for name, count in whose.items()),
            sample([_names(one) for one in found]),
            Cell(keyed(_ELSE[kind])),
            Cell(keyed("Each is a run of its own: {undo} on it takes it back."), "dim"),
        ),
        words.format(number(n)),
        first,
        Why.NEEDED,
        key=key,
        also=tuple(rest),
    )


def _names(one: Conflict) -> str:
    return f"{one.external_id} and {one.other_external_id}" if one.other_external_id else one.external_id
