"""From one conflict to table rows and sentences: each field three ways, and what was chosen for it."""

from __future__ import annotations

from datetime import datetime

from siscon.domain.conflicts import Conflict, ConflictKind
from siscon.tui.conflict_wishes import choice_words, chosen_value
from siscon.tui.present import Cell, Look, clock_text, foreign, of, shown
from siscon.tui.widgets.columns import Column
from siscon.tui.widgets.rows import Line

SIDES = (
    Column("Field", 11, flex=1, most=18),
    Column("Last agreed", 15, flex=3),
    Column("SIS", 15, flex=3),
    Column("Local", 15, flex=3),
    Column("Holds", 7),
)

QUESTIONS = {
    ConflictKind.FIELDS: "Both sides changed",
    ConflictKind.IDENTITY: "This id came back as somebody else:",
    ConflictKind.DUPLICATE: "One under two ids?",
}


def side_line(conflict: Conflict, name: str, choice: str | None, look: Look) -> Line:
    """One field in its three versions; what holds by the choice is loud."""
    base, sis, local = (
        foreign(shown(side.get(name), look)) for side in (conflict.base, conflict.sis, conflict.local)
    )
    if choice == "sis":
        sis = Cell(sis.text, "good")
    elif choice == "local":
        local = Cell(local.text, "good")
    holds = Cell(choice_words(choice), "good") if choice else Cell("?", "warn")
    return Line(name, (foreign(name, "strong"), Cell(base.text, "dim"), sis, local, holds), name)


def title_sentences(conflict: Conflict, called: str, look: Look, now_ms: int) -> list[Cell]:
    """Which record, since when, what each side says of its moment, and how it ended."""
    lines = [
        foreign(
            f"{conflict.entity} {conflict.external_id} of {conflict.integration}"
            + (f": {called}" if called else f", internal id {conflict.internal_id}"),
            "strong",
        )
    ]
    if conflict.other_external_id:
        lines.append(foreign(f"and {conflict.entity} {conflict.other_external_id}", "strong"))
    opened = clock_text(conflict.opened_at_ms, look, now_ms)
    if conflict.kind is ConflictKind.FIELDS:
        lines.append(Cell(f"Both sides changed {of(len(conflict.sis), 'field')}; found {opened}.", "warn"))
    else:
        lines.append(Cell(f"{QUESTIONS[conflict.kind]} found {opened}.", "warn"))
    if conflict.why:
        lines.append(foreign(conflict.why, "warn", limit=300))
    theirs = _told_time(conflict.sis_modified_at, look, now_ms) or "at a time it does not tell"
    edited = conflict.local_edited_at_ms
    ours = "at a time nobody noted" if edited is None else clock_text(edited, look, now_ms)
    lines.append(foreign(f"The SIS changed it {theirs}; here it was changed {ours}.", "dim"))
    if conflict.status != "open":
        lines.append(foreign(_end(conflict, look, now_ms), "good"))
    return lines


def _told_time(text: str, look: Look, now_ms: int) -> str:
    """A time as the SIS wrote it, in our words where it can be read."""
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        return text
    return text if told.tzinfo is None else clock_text(int(told.timestamp() * 1000), look, now_ms)


def _end(conflict: Conflict, look: Look, now_ms: int) -> str:
    if conflict.settled_by is None:
        return "It is gone: both sides agree again."
    at = clock_text(conflict.settled_at_ms, look, now_ms)
    told = [f"{name}: {shown(value, look)}" for name, value in conflict.decision.items()]
    return f"Decided by {conflict.settled_by} {at}: {', '.join(told)}"


def field_sentences(conflict: Conflict, name: str, choice: str | None, look: Look) -> list[Cell]:
    """One field with whole values, one below the other."""
    lines = [foreign(name, "strong")]
    for side, version in (("last agreed", conflict.base), ("SIS", conflict.sis), ("local", conflict.local)):
        lines.append(foreign(f"{side:<12} {shown(version.get(name), look)}"))
    if choice:
        lines.append(foreign(f"{'holds':<12} {shown(chosen_value(conflict, name, choice), look)}", "good"))
    return lines
