"""Questions about open conflicts: decide one by what was chosen, or all that are alike with their exact count."""

from __future__ import annotations

from collections.abc import Mapping

from siscon.domain.commands import SettleConflict, SettleConflicts
from siscon.domain.conflicts import Conflict, ConflictKind
from siscon.domain.errors import UsageError
from siscon.ops import Database
from siscon.ops.conflicts import preview
from siscon.tui.keymap import key_of, keyed
from siscon.tui.present import Cell, Look, foreign, number, of, shown
from siscon.tui.record_wishes import called
from siscon.tui.wishes import Answer, Why, Wish

SIS, LOCAL, OWN = "sis", "local", "="
SIDES = {SIS: "the SIS", LOCAL: "the local roster"}
IDENTITY = "identity"

WORDS: Mapping[ConflictKind, tuple[tuple[str, str, str], ...]] = {
    ConflictKind.IDENTITY: (
        ("s", "same", "Yes, it is the same as before: apply what came"),
        ("a", "another", "Yes, it is another one: keep the old record apart"),
    ),
    ConflictKind.DUPLICATE: (
        ("m", "merge", "Yes, both are one: merge them"),
        ("k", "apart", "Yes, they are two: keep them apart"),
    ),
}
"""For questions of identity: the key of each answer, the word that is sent, what it means."""


def chosen_value(conflict: Conflict, name: str, choice: str) -> object:
    """What a field would become by a choice."""
    if choice == SIS:
        return conflict.sis.get(name)
    return conflict.local.get(name) if choice == LOCAL else choice.removeprefix(OWN)


def choice_words(choice: str) -> str:
    """A choice in a word."""
    return {SIS: "SIS", LOCAL: "local"}.get(choice, "by hand")


def nothing_chosen() -> str:
    """Which keys choose for a field."""
    sis, local, value = (key_of(one) for one in ("take_sis", "take_local", "take_value"))
    return f"Nothing is chosen yet: {sis} takes the SIS, {local} the local value, {value} another one."


def settle(conflict: Conflict, choices: Mapping[str, str], look: Look) -> Wish:
    """One conflict decided as chosen; raises ``UsageError`` where nothing was."""
    if conflict.kind is not ConflictKind.FIELDS:
        return of_identity(conflict)
    if not choices:
        raise UsageError(nothing_chosen())
    lines = [
        foreign(f"{name}: {shown(chosen_value(conflict, name, choice), look)} ({choice_words(choice)})")
        for name, choice in choices.items()
    ]
    rest = [name for name in conflict.sis if name not in choices]
    if rest:
        lines.append(foreign(f"Still open: {', '.join(rest)}.", "warn"))
    lines.append(
        Cell(
            keyed("siscon asks again only when the SIS changes the field. {undo} on the run takes it back."),
            "dim",
        )
    )
    return Wish(
        f"Decide {called(conflict.entity, conflict.external_id)}?",
        tuple(lines),
        f"Yes, decide {of(len(choices), 'field')}",
        SettleConflict(conflict.id, dict(choices), conflict.sis_fingerprint, conflict.local_version),
    )


def of_identity(conflict: Conflict) -> Wish:
    """Whether two are one; the engine knows what each word means, and says so where it refuses."""
    first, *rest = (
        Answer(
            key,
            words,
            SettleConflict(conflict.id, {IDENTITY: word}, conflict.sis_fingerprint, conflict.local_version),
        )
        for key, word, words in WORDS[conflict.kind]
    )
    lines = [foreign(conflict.why, "warn")] if conflict.why else []
    return Wish(
        f"Who is {called(conflict.entity, conflict.external_id)}?",
        tuple(lines),
        first.words,
        first.command,
        more=tuple(rest),
        key=first.key,
    )


async def alike(db: Database, conflict: Conflict, name: str, take: str, look: Look) -> Wish:
    """Every open conflict that is like this one in a field, decided for one side: three patterns, counted."""
    if conflict.kind is not ConflictKind.FIELDS:
        raise UsageError("Questions of identity are decided one by one.")
    where = {"entity": conflict.entity.value, "field": name}
    patterns = [("a", "", where)]
    for key, side, words in (("i", conflict.sis, "sis"), ("o", conflict.local, "local")):
        if isinstance(value := side.get(name), str) and value:
            patterns.append((key, words, {**where, words: value}))
    answers = []
    for key, side_word, pattern in patterns:
        found = await preview(db, conflict.integration, pattern)
        if not found.count:
            continue
        only = ""
        if side_word:
            value = shown(pattern[side_word], look)
            only = f" where {'the SIS' if side_word == SIS else 'the local roster'} has {foreign(value, limit=24).text}"
        answers.append(
            Answer(
                key,
                f"Yes, {number(found.count)}{only}; then say why",
                SettleConflicts(conflict.integration, pattern, take, found.count, found.up_to, ""),
            )
        )
    if not answers:
        raise UsageError("No open conflict matches any more.")
    first, *rest = answers
    return Wish(
        f"Decide all alike: {name} of {conflict.entity} records?",
        (
            foreign(f"In each of them {SIDES[take]} holds for {name}, of {conflict.integration}.", "strong"),
            Cell(
                keyed("Other fields of them stay open. It is one run: {undo} on it takes all of it back."),
                "dim",
            ),
        ),
        first.words,
        first.command,
        Why.NEEDED,
        tuple(rest),
        key=first.key,
    )
