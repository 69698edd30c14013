"""Pictures made of characters, and each of them in words. Pure: numbers in, text no wider than told out.

What nobody knows is a gap, which is not zero; a state has a sign of its own, so that no picture needs its colours.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from siscon.domain.outcomes import SLOTS_A_DAY, Outcome, Slot, worst
from siscon.tui.present import Cell, Cells, Glyphs, Look, Tone, number, of

WEEK_DAYS = 7
LEAST_GAUGE = 3
"""A gauge narrower than two edges and a cell is a bar without edges."""

# What is well stays quiet: a colour costs more bytes than its sign, and loud is what needs a person.
_TONES: dict[Outcome, Tone] = {
    Outcome.NONE: "",
    Outcome.GOOD: "",
    Outcome.ERRORS: "warn",
    Outcome.FAILED: "bad",
    Outcome.HELD: "warn",
}

Value = float | None


def sparkline(values: Sequence[Value], width: int, look: Look) -> str:
    """A graph with the newest value at the right; several that share a cell show the greatest of them.

    Zero is the lowest sign, anything more at least the next one; None is a space.
    """
    shown = merged(values, width)
    levels, gap = look.glyphs.levels, " "
    most = max((one for one in shown if one is not None), default=0)
    return "".join(gap if one is None else levels[_level(one, most, len(levels))] for one in shown)


def merged(values: Sequence[Value], width: int) -> list[Value]:
    """The values in at most ``width`` places, the greatest of each place: no peak is lost."""
    size = len(values)
    if width <= 0 or not size:
        return []
    places = min(width, size)
    parts = [values[size * at // places : size * (at + 1) // places] for at in range(places)]
    return [max((one for one in part if one is not None), default=None) for part in parts]


def _level(value: float, most: float, levels: int) -> int:
    """Which of the levels a value has: 0 for nothing alone, the last for the greatest."""
    if value <= 0 or most <= 0:
        return 0
    return min(levels - 1, 1 + int((levels - 2) * (value / most)))


def gauge(left: float, whole: float, width: int, look: Look) -> str:
    """How much of something is left: full only when nothing is gone, empty only when nothing is left.

    Of nothing there is no share: a question mark.
    """
    if width <= 0:
        return ""
    room = width - 2 if width >= LEAST_GAUGE else width
    inside = "?".center(room) if whole <= 0 else _filled(left / whole, room, look.glyphs)
    return f"[{inside}]" if width >= LEAST_GAUGE else inside


def _filled(share: float, room: int, glyphs: Glyphs) -> str:
    if share <= 0:
        filled = 0
    elif share >= 1:
        filled = room
    else:
        filled = max(min(1, room), min(room - 1, int(share * room + 0.5)))
    return glyphs.full * filled + " " * (room - filled)


def slots_a_day(width: int, days: int = WEEK_DAYS) -> int:
    """Into how many signs a day is divided so that a timeline fits; 0 where not even one a day does."""
    fitting = [n for n in (6, 3, 2, 1) if days * n + (days - 1 if n > 1 else 0) <= width]
    return fitting[0] if fitting else 0


def timeline(slots: Sequence[Slot], width: int, look: Look) -> tuple[str, Cells]:
    """The days of the last week: their names, and below them a sign for the worst that ended in each few hours.

    Time goes to the right. What has not come yet is a space. Empty where there is no room or nothing to tell.
    """
    recent = slots[-WEEK_DAYS * SLOTS_A_DAY :]
    told = [recent[at : at + SLOTS_A_DAY] for at in range(0, len(recent), SLOTS_A_DAY)]
    each = slots_a_day(width, len(told)) if told else 0
    if not each:
        return "", ()
    names, cells = list[str](), list[Cell]()
    size = SLOTS_A_DAY // each
    for day in told:
        if cells and each > 1:
            cells.append(Cell(" "))
        names.append(f"{day[0].day:%a}"[:each].ljust(each))
        cells += [_sign(day[at : at + size], look.glyphs) for at in range(0, len(day), size)]
    return (" " if each > 1 else "").join(names), tuple(cells)


def _sign(slots: Sequence[Slot], glyphs: Glyphs) -> Cell:
    if all(slot.ahead for slot in slots):
        return Cell(" ")
    outcome = worst(slot.outcome for slot in slots)
    return Cell(sign_of(outcome, glyphs), _TONES[outcome])


def sign_of(outcome: Outcome, glyphs: Glyphs) -> str:
    """The sign of an outcome; no two have the same."""
    return {
        Outcome.GOOD: glyphs.good,
        Outcome.ERRORS: glyphs.warn,
        Outcome.FAILED: glyphs.bad,
        Outcome.HELD: glyphs.held,
    }.get(outcome, glyphs.dot)


def legend(look: Look) -> str:
    """What the signs of a timeline mean."""
    return "  ".join(f"{sign_of(one, look.glyphs)} {one.value}" for one in Outcome if one is not Outcome.NONE)


# In words


def errors_words(days: Sequence[tuple[date, int | None]]) -> str:
    """The errors of the last days: "errors: 14 days, most 412 on Nov 18, none since Nov 19"."""
    head = f"errors: {of(len(days), 'day')}"
    known = [(day, count) for day, count in days if count is not None]
    if not known:
        return f"{head}, nothing is known"
    gaps = len(days) - len(known)
    tail = f", nothing known of {of(gaps, 'day')}" if gaps else ""
    top_day, most = max(known, key=lambda one: one[1])
    if not most:
        return f"{head}, none{tail}"
    last_bad = max(day for day, count in known if count)
    since = next((day for day, _ in known if day > last_bad), None)
    last = known[-1]
    end = f"none since {since:%b %d}" if since else f"{number(last[1])} on {last[0]:%b %d}"
    peak = f", most {number(most)} on {top_day:%b %d}"
    return f"{head}{peak}{'' if last == (top_day, most) else f', {end}'}{tail}"


def gauge_words(left: float, whole: float, what: str) -> str:
    """How much is left: "60 of 90 requests left"."""
    if whole <= 0:
        return f"no limit of {what} is told"
    return f"{number(int(max(0, left)))} of {number(int(whole))} {what} left"


def timeline_words(slots: Sequence[Slot]) -> str:
    """The days of the last week, each with the worst that ended in it: "7 days: good, Mon held (2 runs), Tue none"."""
    recent = [slot for slot in slots[-WEEK_DAYS * SLOTS_A_DAY :] if not slot.ahead]
    by_day: dict[date, list[Slot]] = {}
    for slot in recent:
        by_day.setdefault(slot.day, []).append(slot)
    told = [(day, worst(one.outcome for one in found)) for day, found in by_day.items()]
    if not told:
        return "runs: nothing is known"
    outcomes = {outcome for _, outcome in told}
    runs = sum(slot.runs for slot in recent)
    head = f"runs: {of(len(told), 'day')}, {of(runs, 'run')}"
    if len(outcomes) == 1:
        return f"{head}, every day {outcomes.pop().value}" if runs else f"{head}"
    return f"{head}; " + ", ".join(f"{day:%a} {outcome.value}" for day, outcome in told)


def pace_words(values: Sequence[Value], what: str) -> str:
    """How fast something goes by the minute: "requests a minute: 88 now, most 120, in 12 minutes"."""
    known = [one for one in values if one is not None]
    if not known:
        return f"{what} a minute: nothing is known yet"
    now = "not known" if values[-1] is None else number(int(values[-1]))
    return f"{what} a minute: {now} now, most {number(int(max(known)))}, in {of(len(values), 'minute')}"
