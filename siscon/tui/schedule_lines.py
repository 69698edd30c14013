"""Schedules as rows and sentences: when they come, what came of the last time, the next five times."""

from __future__ import annotations

from collections.abc import Mapping

from siscon.domain import filters
from siscon.domain.errors import UsageError
from siscon.domain.timetables import Busy, Missed, Schedule
from siscon.ops.schedules import Kind, ScheduleView, State, preview
from siscon.tui.keymap import keyed
from siscon.tui.present import (
    RUN_WORDS,
    Cell,
    Look,
    Tone,
    age,
    ahead,
    count,
    foreign,
    mark,
    moment,
    narrow,
    of,
)
from siscon.tui.widgets.columns import Column
from siscon.tui.widgets.rows import Line

SCHEDULES = (
    Column("Integration", 12, flex=1, most=24),
    Column("Name", 8, most=16, from_width=88),
    Column("Starts", 7, from_width=64),
    Column("State", 8, kind=filters.Kind.WORD),
    Column("Next", 11, kind=filters.Kind.AHEAD),
    Column("When", 18, flex=3, most=48),
    Column("Last end", 15, from_width=92),
    Column("Last time", 12, from_width=106, kind=filters.Kind.PAST),
    Column("Missed", 6, align="right", from_width=114),
)
STATES: Mapping[State, tuple[str, Tone]] = {
    State.ON: ("on", "good"),
    State.LATE: ("LATE", "warn"),
    State.HELD_BACK: ("held", "warn"),
    State.PAUSED: ("paused", "dim"),
    State.OFF: ("off", "dim"),
}
STARTS: Mapping[Kind, str] = {
    Kind.IMPORT: "an import",
    Kind.CHANGES: "an import of what changed",
    Kind.FULL: "a comparison of everything",
}


def schedule_line(view: ScheduleView, look: Look, now_ms: int) -> Line:
    """One line of one integration."""
    word, tone = STATES[view.state]
    due = look.glyphs.dot
    if view.next_at_ms is not None:
        due = narrow(ahead(view.next_at_ms, now_ms, look), view.next_at_ms, now_ms, look)
    last = view.last
    end = (
        mark(RUN_WORDS[last.status][0][:13], RUN_WORDS[last.status][1], look)
        if last
        else Cell("never", "dim")
    )
    cells = (
        foreign(view.integration.name, "strong"),
        Cell(view.schedule.name),
        Cell(view.kind.value),
        mark(word, tone, look),
        Cell(due, "dim" if view.next_at_ms is None else ""),
        foreign(view.words or view.line),
        end,
        Cell(
            age(last.due_at_ms, now_ms, look) if last else look.glyphs.dot,
            "" if last else "dim",
            last.due_at_ms if last else None,
        ),
        count(view.missed, look, "warn"),
    )
    return Line((view.integration.name, view.schedule.name), cells, view)


def schedule_sentences(view: ScheduleView, look: Look, now_ms: int) -> list[Cell]:
    """One schedule in full, with its next five times."""
    one = view.integration
    of_what = f" of {', '.join(view.schedule.entities)}" if view.schedule.entities else ""
    lines = [foreign(f"{one.name} ({one.title}) starts {STARTS[view.kind]}{of_what}", "strong")]
    lines.append(foreign(f"{view.words or 'It cannot be read here'}  ({view.line}; {view.schedule.zone})"))
    if view.state is State.OFF:
        lines.append(
            Cell("It is switched off in the configuration: none of these times starts a run.", "warn")
        )
    elif view.state is State.PAUSED:
        until = "it is resumed ({pause})"
        if one.paused_until_ms is not None:
            until = f"{moment(one.paused_until_ms, look)} ({{pause}} resumes it now)"
        lines.append(Cell(keyed(f"It is paused: none of these times starts a run until {until}."), "warn"))
    elif view.held is not None:
        until = moment(view.held.end_ms, look)
        lines.append(foreign(f"Held back by the window {view.held.blackout.name} until {until}.", "warn"))
    elif view.state is State.LATE:
        lines.append(Cell("It is due and has not started: no clock runs, or a run is under way.", "warn"))
    lines += time_lines(view, now_ms)
    lines += _behind(view, look, now_ms)
    lines.append(Cell(_policies(view.schedule), "dim"))
    return lines


def _policies(schedule: Schedule) -> str:
    """What becomes of its times when no engine runs, and when a run is under way."""
    missed = {Missed.SKIP: "left out", Missed.ONCE: "made up for once", Missed.EACH: "made up for one by one"}
    busy = {Busy.WAIT: "waits for its turn", Busy.SKIP: "is left out"}
    jitter = f"; up to {schedule.jitter_s} s later" if schedule.jitter_s else ""
    return (
        f"Schedule {schedule.name}: what was missed is {missed[schedule.missed]}, what finds a run under way "
        f"{busy[schedule.busy]}{jitter}."
    )


def time_lines(view: ScheduleView, now_ms: int) -> list[Cell]:
    """The next five times, where the clocks change between them, and what jitter and windows do to them."""
    try:
        found = preview(view.schedule, view.integration.name, view.windows, now_ms=now_ms)
    except UsageError as error:
        return [foreign(error.sentence, "bad", limit=300)]
    if not found:
        return [Cell("It comes never again in the years ahead.", "warn")]
    lines = []
    for one in found:
        more = f"   the clocks change from {one.before}" if one.before else ""
        if one.starts_at is None:
            more += f"   left out: window {one.held_by}"
        elif one.held_by:
            more += f"   starts {one.starts_at:%a %b %d %H:%M}: window {one.held_by}"
        elif one.starts_at != one.at:
            more += f"   starts {one.starts_at:%H:%M:%S}"
        is_odd = bool(one.before or one.held_by)
        lines.append(foreign(f"  {one.at:%a %b %d  %H:%M}  {one.offset}{more}", "warn" if is_odd else ""))
    return lines


def _behind(view: ScheduleView, look: Look, now_ms: int) -> list[Cell]:
    lines = []
    if view.last is not None:
        word, tone = RUN_WORDS[view.last.status]
        lines.append(
            Cell(f"Last: run #{view.last.id}, {word}, {age(view.last.due_at_ms, now_ms, look)}.", tone)
        )
    if view.missed:
        told = f"Missed {of(view.missed, 'time')} in 30 days, the last: {view.missed_text}"
        lines.append(foreign(told, "warn", limit=400))
    return lines
