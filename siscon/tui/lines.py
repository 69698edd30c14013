"""From view to table row, pane by pane: columns and cells, decided without a screen."""

from __future__ import annotations

from dataclasses import replace

from siscon.domain.conflicts import Conflict, ConflictKind
from siscon.domain.dead_records import DeadGroup, DeadRecord
from siscon.domain.events import Event, Level
from siscon.domain.filters import Kind
from siscon.domain.mappings import Mapping, SyncStatus
from siscon.domain.tokens import TokenHealth
from siscon.ops.views import TokenView
from siscon.tui.present import (
    TOKEN_WORDS,
    Cell,
    Cells,
    Look,
    Tone,
    age,
    ahead,
    count,
    foreign,
    mark,
    moment,
    number,
    shown,
    span,
)
from siscon.tui.widgets.columns import Column
from siscon.tui.widgets.rows import Line

TOKENS = (
    Column("Integration", 15, flex=2, most=24),
    Column("System", 15, flex=1, most=24, from_width=88),
    Column("State", 16, kind=Kind.WORD),
    Column("Ends", 12, kind=Kind.AHEAD),
    Column("Renewal", 12, from_width=71, kind=Kind.AHEAD),
    Column("Failures", 8, align="right"),
    Column("Last trouble", 16, flex=4, from_width=106),
)

GROUPS = (
    Column("Records", 7, align="right"),
    Column("Integration", 15, flex=1, most=24, kind=Kind.WORD),
    Column("Entity", 10, kind=Kind.WORD),
    Column("Cause", 16, flex=1, most=32, kind=Kind.WORD),
    Column("Field", 12, flex=3, most=24, from_width=68),
    Column("Last seen", 12, from_width=82, name="seen", kind=Kind.PAST),
    Column("Reason", 24, flex=4, from_width=110),
)

DEAD = (
    Column("External id", 16, flex=2, most=36, name="id"),
    Column("Field", 12),
    Column("Reason", 20, flex=3),
    Column("Tries", 5, align="right", from_width=61, name="attempts"),
    Column("Last seen", 12, from_width=75, name="seen"),
    Column("First seen", 12, from_width=106, name="age"),
)

CONFLICTS = (
    Column("Integration", 15, flex=1, most=24),
    Column("Entity", 10),
    Column("External id", 12, flex=1, most=36, name="id"),
    Column("Fields in dispute", 14, flex=4, most=40, name="fields"),
    Column("Waiting for", 12, from_width=71, name="age"),
    Column("Run", 6, align="right", from_width=96),
)

MAPPINGS = (
    Column("External id", 15, flex=5, most=36, name="id"),
    Column("Name", 17, flex=3),
    Column("Internal", 9, align="right", from_width=68),
    Column("Entity", 10),
    Column("State", 9, name="status"),
    Column("Last synced", 12, from_width=84, name="synced"),
    Column("At the source", 13, from_width=125, name="missing"),
    Column("Message", 16, flex=2, from_width=145),
)

EVENTS = (Column("When", 12), Column("What happened", 30, flex=1))

SYNC_WORDS: dict[SyncStatus, tuple[str, Tone]] = {
    SyncStatus.PENDING: ("pending", "dim"),
    SyncStatus.SYNCED: ("synced", "good"),
    SyncStatus.ERROR: ("ERROR", "bad"),
}


def token_line(view: TokenView, look: Look, now_ms: int) -> Line:
    """One login: how its token is and when a new one comes."""
    state = view.state
    if state is None or state.health is TokenHealth.NONE:
        cells: Cells = (
            foreign(view.integration, "strong"),
            foreign(view.title, "dim"),
            mark("none yet", "dim", look),
            Cell("-", "dim"),
            Cell("first use", "dim"),
            count(0, look),
            Cell(""),
        )
        return Line(view.integration, cells, view)
    word, tone = TOKEN_WORDS[state.health]
    ends = "not told" if state.expires_at_ms is None else ahead(state.expires_at_ms, now_ms, look)
    if state.expires_at_ms is not None and state.expires_at_ms <= now_ms:
        ends = age(state.expires_at_ms, now_ms, look)
    waits = state.refresh_at_ms is None or state.health in (TokenHealth.NEEDS_PERSON, TokenHealth.REVOKED)
    renewal = "by hand" if waits else ahead(state.refresh_at_ms or now_ms, now_ms, look)
    cells = (
        foreign(view.integration, "strong"),
        foreign(view.title, "dim"),
        mark(word, tone, look),
        Cell(ends, "", state.expires_at_ms),
        Cell(renewal, "", None if waits else state.refresh_at_ms),
        count(state.failures, look, "bad"),
        foreign(state.last_error, "bad"),
    )
    return Line(view.integration, cells, view)


def group_line(group: DeadGroup, look: Look, now_ms: int) -> Line:
    """Dead records with one cause."""
    tone: Tone = "bad" if group.severity in ("high", "critical") else "warn"
    cells = (
        Cell(number(group.count), tone),
        foreign(group.integration, "strong"),
        Cell(group.entity.value),
        replace(foreign(group.code.replace("_", " ")), value=group.code),
        foreign(group.field or look.glyphs.dot, "" if group.field else "dim"),
        Cell(age(group.last_seen_at_ms, now_ms, look), "", group.last_seen_at_ms),
        foreign(group.reason, "dim"),
    )
    return Line((group.integration, group.entity, group.code, group.field), cells, group)


def dead_cells(dead: DeadRecord, look: Look, now_ms: int) -> Cells:
    """One record that could not be applied."""
    return (
        foreign(dead.external_id or dead.record_key, "strong"),
        foreign(dead.field or look.glyphs.dot, "" if dead.field else "dim"),
        foreign(dead.reason),
        Cell(number(dead.attempts)),
        Cell(age(dead.last_seen_at_ms, now_ms, look)),
        Cell(moment(dead.first_seen_at_ms, look), "dim"),
    )


def conflict_cells(conflict: Conflict, now_ms: int) -> Cells:
    """One record that changed on both sides."""
    return (
        foreign(conflict.integration, "strong"),
        Cell(conflict.entity.value),
        foreign(conflict.external_id),
        foreign(_in_dispute(conflict), "warn"),
        Cell(span((now_ms - conflict.opened_at_ms) / 1000)),
        Cell(f"#{conflict.run_id}", "dim"),
    )


def _in_dispute(conflict: Conflict) -> str:
    if conflict.kind is ConflictKind.IDENTITY:
        return f"somebody else? {conflict.why}"
    if conflict.kind is ConflictKind.DUPLICATE:
        return f"also {conflict.other_external_id or 'another'}? {conflict.why}"
    return ", ".join(disputed(conflict))


def disputed(conflict: Conflict) -> list[str]:
    """The fields that both sides changed, and changed differently; of people all that tells who they are."""
    base, sis, local = conflict.base, conflict.sis, conflict.local
    if conflict.kind is not ConflictKind.FIELDS:
        return list({**base, **sis, **local})
    return [
        name
        for name in {**base, **sis, **local}
        if sis.get(name) != local.get(name) and base.get(name) not in (sis.get(name), local.get(name))
    ]


def conflict_lines(conflict: Conflict, look: Look) -> list[Cells]:
    """The fields in dispute three ways, for the panel under the list."""
    agreed, theirs, ours = _sides(conflict)
    head: Cells = (Cell("Field", "dim"), Cell(agreed, "dim"), Cell(theirs, "dim"), Cell(ours, "dim"))
    rows: list[Cells] = [head]
    for name in disputed(conflict):
        versions = (conflict.base.get(name), conflict.sis.get(name), conflict.local.get(name))
        rows.append((foreign(name, "strong"), *(foreign(shown(value, look), limit=80) for value in versions)))
    return rows


def _sides(conflict: Conflict) -> tuple[str, str, str]:
    """What the three versions are called; of two people there are two."""
    if conflict.kind is ConflictKind.DUPLICATE:
        return "", "Newcomer", "Known"
    return "Last agreed", "SIS", "Local"


def mapping_cells(mapping: Mapping, look: Look, now_ms: int) -> Cells:
    """One tie between an external and an internal id."""
    word, tone = SYNC_WORDS[mapping.sync_status]
    missing = mapping.missing_since_ms
    return (
        foreign(mapping.external_id, "strong"),
        foreign(mapping.called),
        Cell("not yet" if mapping.internal_id is None else str(mapping.internal_id)),
        Cell(mapping.entity.value),
        mark(word, tone, look),
        Cell(age(mapping.last_synced_at_ms, now_ms, look)),
        Cell("there", "dim") if missing is None else Cell("MISSING", "warn"),
        foreign(mapping.error_message, "bad"),
    )


def event_cells(event: Event, look: Look) -> Cells:
    """One piece of news."""
    tone: Tone = {Level.INFO: "", Level.WARNING: "warn", Level.ERROR: "bad"}[event.level]  # type: ignore[assignment] # literals
    loud = "" if event.level is Level.INFO else f"{event.level.value.upper()}: "
    return (Cell(moment(event.at_ms, look), "dim"), foreign(loud + event.text, tone))
