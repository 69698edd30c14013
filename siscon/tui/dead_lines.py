"""Records in error as rows and sentences: a cause with examples, one record fact by fact, what to do about it."""

from __future__ import annotations

from collections.abc import Mapping

from siscon.domain.dead_records import DeadGroup, DeadRecord
from siscon.ops.retrying import NextTry
from siscon.tui.keymap import keyed
from siscon.tui.present import Cell, Look, ahead, clock_text, foreign, moment, number
from siscon.tui.widgets.columns import Column
from siscon.tui.widgets.rows import Line

FACTS = (Column("", 14, said="Fact"), Column("", 30, flex=1, said="Value"))


def group_sentences(group: DeadGroup, examples: tuple[str, ...], look: Look, now_ms: int) -> list[Cell]:
    """A cause in full: what is wrong, since when, with whom for example, what to do."""
    first = clock_text(group.first_seen_at_ms, look, now_ms)
    last = clock_text(group.last_seen_at_ms, look, now_ms)
    lines = [
        foreign(group.reason, "strong", limit=300),
        foreign(
            f"{group.category} fault, severity {group.severity}, first seen {first}, last {last}.", "dim"
        ),
    ]
    if examples:
        more = f" {look.glyphs.more}" if group.count > len(examples) else ""
        lines.append(foreign(f"For example {', '.join(examples)}{more}"))
    lines.append(
        Cell(
            keyed("Mend it in the SIS: the next run applies them. {retry_cause} tries all of them now."),
            "dim",
        )
    )
    return lines


def dead_sentences(dead: DeadRecord, look: Look, now_ms: int) -> list[Cell]:
    """One record in error in short."""
    known = dead.external_id or "not readable"
    first = clock_text(dead.first_seen_at_ms, look, now_ms)
    return [
        foreign(f"{dead.entity.value} {known}", "strong"),
        foreign(dead.reason),
        Cell(f"First seen {first} in run #{dead.run_id}, tried {_times(dead)}.", "dim"),
    ]


def _times(dead: DeadRecord) -> str:
    return "once" if dead.attempts == 1 else f"{number(dead.attempts)} times"


def fact_lines(dead: DeadRecord, again: NextTry, look: Look, now_ms: int) -> list[Line]:
    """Everything that is known of one record in error."""
    facts = (
        ("Integration", dead.integration),
        ("Record", f"{dead.entity} {dead.external_id or '(its id could not be read)'}"),
        ("Field", dead.field or look.glyphs.dot),
        ("Cause", dead.code.replace("_", " ")),
        ("Kind of fault", f"{dead.category}, severity {dead.severity}"),
        ("First seen", clock_text(dead.first_seen_at_ms, look, now_ms)),
        ("Last seen", clock_text(dead.last_seen_at_ms, look, now_ms)),
        ("Tried", _times(dead)),
        ("Last run", f"#{dead.run_id}"),
        ("Next try", _next(again, look, now_ms)),
        ("State", "waits for a better answer" if dead.status == "open" else dead.status),
    )
    return [Line(name, (Cell(name, "dim"), foreign(value)), name) for name, value in facts]


def sent_lines(places: Mapping[str, str], fault: str | None) -> list[Line]:
    """What the SIS had said, place by place with the kind of value; where the fault lies stands first."""
    if not places:
        return [_sent_line("The SIS sent", Cell("what is no longer kept", "dim"))]
    at_fault = {place for place in places if fault and f"{place}.".startswith(f"{fault}.")}
    known = sorted(places.items(), key=lambda one: one[0] not in at_fault)
    return [
        _sent_line(
            "" if at else "The SIS sent",
            foreign(f"{place}: {kind}", "bad" if place in at_fault else ""),
            at,
        )
        for at, (place, kind) in enumerate(known)
    ]


def note_line(told: str) -> Line:
    """Why there is nothing to say of what the SIS had said, or not yet."""
    return _sent_line("The SIS sent", Cell(told, "dim"))


def _sent_line(name: str, told: Cell, at: int = 0) -> Line:
    return Line(f"sent {at}", (Cell(name, "dim"), told), told.text)


def _next(again: NextTry, look: Look, now_ms: int) -> str:
    if again.at_ms is None:
        return again.why
    soon = "" if look.exact else f"{ahead(again.at_ms, now_ms, look)}, "
    return f"{soon}{moment(again.at_ms, look)}; {again.why}"


def what_to_do(dead: DeadRecord) -> list[Cell]:
    """The next step for a person."""
    if dead.status != "open":
        return [Cell("It waits no more: nothing is to be done.", "good")]
    mend = Cell(keyed("Mend it in the SIS; {retry} fetches it again now, else the next sync does."))
    give_up = Cell(
        keyed("{give_up} gives it up: syncs pass it over until the SIS says something else of it."), "dim"
    )
    by_hand = Cell(
        f"'siscon errors mend {dead.id}' puts another value into a place of what it sent; values stay sealed.",
        "dim",
    )
    if dead.external_id is None:
        return [Cell("Mend it in the SIS; the next sync fetches it again: it has no id to ask for."), give_up]
    return [mend, give_up, by_hand]
