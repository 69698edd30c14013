"""What goes on, as rows and sentences: events, requests of people, acts of the audit; and what each is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from siscon.domain.commands import CommandStatus
from siscon.domain.events import Event, Level
from siscon.domain.records import Entity
from siscon.ops.activity import CHANGED, AuditEntry, Request
from siscon.tui.keymap import key_of
from siscon.tui.present import Cell, Cells, Look, Tone, age, clock_text, foreign, mark, moment
from siscon.tui.widgets.columns import Column

EVENTS = (
    Column("When", 12),
    Column("Level", 7),
    Column("Integration", 11, flex=1, most=24, from_width=70),
    Column("What happened", 26, flex=6),
    Column("Run", 6, align="right", from_width=100),
)
REQUESTS = (
    Column("When", 12),
    Column("Who", 14, flex=1, most=24),
    Column("What", 13, flex=1, most=24),
    Column("State", 12),
    Column("Answer", 14, flex=4, from_width=73),
)
AUDIT = (
    Column("Act", 5, align="right"),
    Column("When", 12),
    Column("Who", 14, flex=1, most=24),
    Column("What", 16, flex=1, most=28),
    Column("On what", 14, flex=2, most=36, from_width=71),
    Column("Detail", 14, flex=4, from_width=100),
)

LEVELS: Mapping[Level, tuple[str, Tone]] = {
    Level.INFO: ("info", "dim"),
    Level.WARNING: ("WARNING", "warn"),
    Level.ERROR: ("ERROR", "bad"),
}
STATES: Mapping[CommandStatus, tuple[str, Tone]] = {
    CommandStatus.PENDING: ("waits", "busy"),
    CommandStatus.DONE: ("done", "good"),
    CommandStatus.REFUSED: ("REFUSED", "warn"),
    CommandStatus.TAKEN_BACK: ("taken back", "dim"),
}


@dataclass(frozen=True, slots=True)
class About:
    """Where a row leads: a run, or a record."""

    run_id: int | None = None
    integration: str = ""
    entity: Entity | None = None
    external_id: str = ""


def event_cells(event: Event, look: Look) -> Cells:
    """One fact."""
    word, tone = LEVELS[event.level]
    return (
        Cell(moment(event.at_ms, look), "dim"),
        Cell(word, tone),
        foreign(event.integration or ""),
        foreign(event.text, "" if event.level is Level.INFO else tone),
        Cell(f"#{event.run_id}" if event.run_id is not None else "", "dim"),
    )


def event_sentences(event: Event, look: Look, now_ms: int) -> list[Cell]:
    """One fact in full."""
    word, tone = LEVELS[event.level]
    of = f" of {event.integration}" if event.integration else ""
    run = f", run #{event.run_id} ({key_of('open')} opens it)" if event.run_id is not None else ""
    return [
        foreign(event.text, tone if event.level is not Level.INFO else "strong", limit=2000),
        foreign(f"{word}: {event.kind}{of}{run}; {clock_text(event.at_ms, look, now_ms)}", "dim"),
    ]


def request_cells(request: Request, look: Look) -> Cells:
    """One request."""
    word, tone = STATES[request.status]
    return (
        Cell(moment(request.left_at_ms, look), "dim"),
        foreign(request.actor, "strong"),
        foreign(_words(request.kind)),
        mark(word, tone, look),
        foreign(request.answer, "warn" if request.status is CommandStatus.REFUSED else ""),
    )


def request_sentences(request: Request, look: Look, now_ms: int) -> list[Cell]:
    """One request in full: who asked for what, and what came of it."""
    asked = f"{request.actor} asked at {clock_text(request.left_at_ms, look, now_ms)}: {_words(request.kind)}"
    if request.status is CommandStatus.PENDING:
        answer = Cell("No engine has answered yet.", "busy")
    elif request.status is CommandStatus.TAKEN_BACK:
        answer = Cell("It was taken back before anybody carried it out.", "dim")
    else:
        tone: Tone = "warn" if request.status is CommandStatus.REFUSED else "good"
        answer = foreign(request.answer or "Done, without a word.", tone, limit=2000)
    lines = [foreign(asked, "strong", limit=400), answer]
    if told := _told(request.about):
        lines.append(foreign(told, "dim", limit=1000))
    if request.answered_at_ms is not None:
        run = (
            f" It made run #{request.run_id}: {key_of('open')} opens it."
            if request.run_id is not None
            else ""
        )
        lines.append(Cell(f"Answered {age(request.answered_at_ms, now_ms, look)}.{run}", "dim"))
    return lines


def act_cells(act: AuditEntry, look: Look) -> Cells:
    """One act of the audit."""
    return (
        Cell(str(act.seq), "dim"),
        Cell(moment(act.at_ms, look), "dim"),
        foreign(act.actor, "strong"),
        foreign(_words(act.action), "bad" if act.action == CHANGED else ""),
        foreign(act.target),
        foreign(_told(act.detail), "dim"),
    )


def act_sentences(act: AuditEntry, look: Look, now_ms: int) -> list[Cell]:
    """One act in full."""
    on = f" on {act.target}" if act.target else ""
    if act.action == CHANGED:
        told = f"Act {act.seq} is none that siscon wrote: 'siscon audit verify' says what is whole."
        return [Cell(told, "bad"), foreign(f"{act.actor}: {_told(act.detail)}{on}", limit=2000)]
    return [
        foreign(f"{act.actor}: {_words(act.action)}{on}", "strong", limit=400),
        foreign(_told(act.detail) or "Nothing more is written of it.", limit=2000),
        Cell(
            f"Act {act.seq}, {clock_text(act.at_ms, look, now_ms)}. It cannot be changed or taken out.", "dim"
        ),
    ]


def _words(kind: str) -> str:
    return kind.replace("_", " ")


def _told(detail: Mapping[str, Any]) -> str:
    """Ids, counts and names of fields, a comma between them; what is empty or not so is left out."""
    return ", ".join(
        _words(name) if value is True else f"{_words(name)} {_value(value)}"
        for name, value in detail.items()
        if value is not False and value not in (None, "", [], {}, ())
    )


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_value(inner)}" for name, inner in value.items())
    return " ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def about(row: Any) -> About | None:
    """The run or the record that a row is about; None where it is about neither."""
    if isinstance(row, Event):
        return About(row.run_id) if row.run_id is not None else None
    if isinstance(row, Request):
        return About(row.run_id) if row.run_id is not None else _named_in(row.about)
    return _named_in(row.detail) if isinstance(row, AuditEntry) else None


def _named_in(detail: Mapping[str, Any]) -> About | None:
    run_id = detail.get("run_id", detail.get("run"))
    if isinstance(run_id, int):
        return About(run_id)
    named = [detail.get(name) for name in ("integration", "entity", "external_id")]
    if all(isinstance(one, str) and one for one in named) and named[1] in set(Entity):
        return About(None, str(named[0]), Entity(named[1]), str(named[2]))
    return None
