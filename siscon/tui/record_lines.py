"""From one record to table rows and sentences: its fields on both sides, its history; what a search has found."""

from __future__ import annotations

from typing import Any

from siscon.domain.filters import Kind
from siscon.domain.records import Entity
from siscon.ops.record_views import FieldView, PastChange, RecordView
from siscon.tui.keymap import keyed
from siscon.tui.lines import SYNC_WORDS
from siscon.tui.present import (
    Cell,
    Cells,
    Look,
    Tone,
    age,
    clock_text,
    foreign,
    mark,
    moment,
    number,
    of,
    shown,
)
from siscon.tui.widgets.columns import Column
from siscon.tui.widgets.rows import Line

FIELDS = (
    Column("Field", 12, flex=1, most=18),
    Column("Here", 22, flex=3),
    Column("The SIS says", 22, flex=3),
    Column("", 8, said="Edited"),
)

HISTORY = (
    Column("When", 12),
    Column("What", 9),
    Column("Run", 6, align="right"),
    Column("By", 12, flex=1, most=22, from_width=70),
    Column("Changes", 24, flex=4),
)

FOUND = (
    Column("External id", 16, flex=2, most=36, name="id", kind=Kind.ID),
    Column("Name", 18, flex=3),
    Column("Entity", 10),
    Column("Internal", 9, align="right"),
    Column("Integration", 13, flex=1, most=24),
)

_TONES: dict[str, Tone] = {
    "created": "good",
    "edited": "warn",
    "settled": "warn",
    "withdrawn": "warn",
    "removed": "warn",
    "merged": "warn",
}


def field_line(one: FieldView, look: Look) -> Line:
    """One field: what it is here, what the SIS says, and whether it was edited here."""
    cells = (
        foreign(one.name, "strong" if one.edited else ""),
        foreign(shown(one.local, look), "" if one.local else "dim"),
        foreign(shown(one.sis, look), "warn" if one.edited else "dim"),
        Cell("EDITED", "warn") if one.edited else Cell(""),
    )
    return Line(one.name, cells, one)


def history_cells(one: PastChange, look: Look) -> Cells:
    """One change: when, by whom, what became what."""
    kind, run = one.row.change.kind, one.run
    run_word = f"#{one.row.run_id}" if one.row.run_id is not None else look.glyphs.dot
    told = "; ".join(_told(name, *versions[:2], look=look) for name, versions in one.fields.items())
    return (
        Cell(moment(one.row.at_ms, look), "dim"),
        Cell(kind, _TONES.get(kind, "")),
        Cell(run_word, "dim"),
        foreign(run.requested_by if run else look.glyphs.dot, "dim"),
        foreign(told or look.glyphs.dot),
    )


def _told(name: str, before: Any, after: Any, *, look: Look) -> str:
    if before in (None, "", [], ()):
        return f"{name}: {shown(after, look)}"
    return f"{name}: {shown(before, look)} {look.glyphs.arrow} {shown(after, look)}"


def history_sentences(one: PastChange, look: Look) -> list[Cell]:
    """One change in full: the run, the reason, each field before and after with the rule that decided."""
    run = one.run
    whose = f"run #{run.id} ({run.kind}), asked for by {run.requested_by}" if run else "a run no longer kept"
    lines = [
        foreign(f"{one.row.change.kind.capitalize()} {moment(one.row.at_ms, look)} by {whose}", "strong")
    ]
    if run is not None and run.reason:
        lines.append(foreign(f"Why: {run.reason}", "dim"))
    told = [
        _told(name, before, after, look=look) + (f" ({rule.replace('_', ' ')})" if rule else "")
        for name, (before, after, rule) in one.fields.items()
    ]
    return [*lines, foreign("; ".join(told), limit=1_500)]


def field_sentences(one: FieldView, look: Look) -> list[Cell]:
    """One field in full."""
    lines = [foreign(f"{one.name}: {shown(one.local, look)}", "strong", limit=400)]
    if one.edited:
        lines.append(foreign(f"The SIS says: {shown(one.sis, look)}", "warn", limit=400))
        lines.append(
            Cell(keyed("It stays until the SIS changes this field. {release} gives it back."), "dim")
        )
    else:
        lines.append(
            Cell(keyed("As the SIS says. {edit} changes it here; {next_pane} goes to the history."), "dim")
        )
    return lines


def record_title(view: RecordView, look: Look, now_ms: int) -> list[Cell]:
    """Who or what it is, under which names, and how it stands."""
    tie = view.tie
    name = f": {tie.called}" if tie.called else ""
    lines = [foreign(f"{tie.entity} {tie.external_id} of {view.integration}{name}", "strong")]
    word, tone = SYNC_WORDS[tie.sync_status]
    inner = "no internal id yet" if tie.internal_id is None else f"internal id {tie.internal_id}"
    state = mark(word, tone, look)
    edits = f"; {of(len(view.edited), 'field')} edited here" if view.edited else ""
    lines.append(
        Cell(f"{state.text}, {age(tie.last_synced_at_ms, now_ms, look)}; {inner}{edits}", state.tone)
    )
    if tie.error_message:
        lines.append(foreign(tie.error_message, "bad"))
    if tie.missing_since_ms is not None:
        since = clock_text(tie.missing_since_ms, look, now_ms)
        lines.append(Cell(f"The SIS has not sent it since {since}. It is marked, never deleted.", "warn"))
    if not view.fields:
        lines.append(Cell("It could never be applied, so there is no local record.", "warn"))
    return lines


def found_line(row: dict[str, Any]) -> Line:
    """One record that a search has found."""
    cells = (
        foreign(row["external_id"], "strong"),
        foreign(row["name"]),
        Cell(row["entity"]),
        Cell(number(row["internal_id"]).replace(",", ""), "dim"),
        foreign(row["integration"], "dim"),
    )
    return Line((row["integration"], Entity(row["entity"]), row["external_id"]), cells, row)
