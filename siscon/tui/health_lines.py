"""Health in rows and sentences: what each integration's state is, how it came to it, how fresh its records are."""

from __future__ import annotations

from collections.abc import Sequence

from siscon.domain.errors import UsageError
from siscon.domain.filters import Kind
from siscon.domain.freshness import Fresh
from siscon.domain.schedules import in_words
from siscon.domain.tokens import TokenHealth
from siscon.ops.trends import Trend
from siscon.ops.views import Budget, Health
from siscon.tui import pictures
from siscon.tui.keymap import key_of, keyed
from siscon.tui.present import (
    INTEGRATION_WORDS,
    Cell,
    Cells,
    Look,
    Tone,
    age,
    ahead,
    clock_text,
    count,
    foreign,
    mark,
    moment,
    narrow,
    number,
    shortly,
)
from siscon.tui.widgets.columns import Column, fit
from siscon.tui.widgets.rows import Line

BUDGET_WIDTH = 9

HEALTH = (
    Column("Integration", 11, flex=2, most=24),
    Column("System", 12, flex=1, most=20, from_width=130),
    Column("State", 9, kind=Kind.WORD),
    Column("Last good", 10, kind=Kind.PAST),
    Column("Next run", 9, from_width=66, kind=Kind.AHEAD),
    Column("Budget", BUDGET_WIDTH, from_width=77),
    Column("Errors", 6, align="right"),
    Column("Conf.", 5, align="right", name="conflicts"),
    Column("14 d", 4, flex=3, most=14, wide_from=107, name="days"),
    Column("Breaker", 8, from_width=136),
    Column("What is wrong", 20, flex=2, from_width=132),
)
GRAPH = next(place for place, column in enumerate(HEALTH) if column.title == "14 d")
GAUGE_WIDTH = 5
WORDS_WIDTH = 12
"""From this width on a graph in words has room for what its figure means."""

BREAKERS = {"closed": "closed", "open": "OPEN", "trying": "trying"}


def health_line(view: Health, look: Look, now_ms: int, *, trend: Trend, width: int) -> Line:
    """One integration in a table ``width`` wide: its state, how fresh it is, what waits for a person."""
    one = view.integration
    word, tone = INTEGRATION_WORDS[view.state]
    good, due = age(one.last_good_at_ms, now_ms, look), _due(view, look, now_ms)
    wrong = view.held_run.error if view.held_run else one.last_error or _emptied(view.fresh)
    cells = (
        foreign(one.name, "strong"),
        foreign(one.title, "dim"),
        mark(word, tone, look),
        Cell(narrow(good, one.last_good_at_ms, now_ms, look), "" if one.last_good_at_ms else "dim"),
        Cell(
            narrow(due, one.next_due_at_ms, now_ms, look), "warn" if due == "now" and tone != "busy" else ""
        ),
        budget_cell(view.budget, look),
        count(view.dead, look, "bad"),
        count(view.conflicts, look, "warn"),
        _graph(trend, look, fit(HEALTH, width)[GRAPH]),
        Cell(BREAKERS[one.breaker_state], "dim" if one.breaker_state == "closed" else "warn"),
        foreign(wrong, "warn" if view.held_run else "bad"),
    )
    return Line(one.name, cells, view)


def _due(view: Health, look: Look, now_ms: int) -> str:
    one = view.integration
    if one.rests(now_ms) or not one.enabled:
        return "paused" if one.enabled else "off"
    return ahead(one.next_due_at_ms, now_ms, look) if one.next_due_at_ms is not None else "by hand"


def budget_cell(budget: Budget, look: Look) -> Cell:
    """What is left of the requests of this minute, in steps: a figure that flickers is read by nobody."""
    if not budget.per_minute:
        return Cell("no limit", "dim")
    left = _in_steps(budget.left, budget.per_minute)
    tone: Tone = "warn" if not left else ""
    told = shortly(left).rjust(3)
    if not look.pictures:
        return Cell(told, tone)
    room = min(GAUGE_WIDTH, BUDGET_WIDTH - 1 - len(told))
    return Cell(f"{pictures.gauge(left, budget.per_minute, room, look)} {told}", tone)


def _in_steps(left: int, whole: int) -> int:
    """So many requests, told in about ten steps; all and none are exact."""
    step = max(1, whole // 10)
    return left if left >= whole else left // step * step


def _graph(trend: Trend, look: Look, width: int) -> Cell:
    counts = [failed for _, failed in trend.errors]
    known = [one for one in counts if one is not None]
    tone: Tone = "bad" if any(known[-1:]) else "dim"
    if not look.pictures:
        most = number(max(known)) if known else "?"
        return Cell(f"most {most}" if width >= WORDS_WIDTH else most, tone)
    return Cell(pictures.sparkline(counts, width, look), tone)


def health_panel(view: Health, look: Look, now_ms: int, *, trend: Trend, width: int) -> list[Cell | Cells]:
    """What is known of one integration: its week and how fresh each entity is, then sentences.

    The pictures stand where they stand for every other integration: a step of the cursor sends only what differs.
    """
    title, *sentences = health_sentences(view, look, now_ms)
    return [title, *week_lines(trend, look, width), *fresh_lines(view.fresh, look, now_ms, width), *sentences]


def health_details(view: Health, look: Look, now_ms: int, *, trend: Trend, width: int) -> list[Cell | Cells]:
    """The panel where there is room for all of it: the words of its pictures and what their signs mean, too."""
    one, budget = view.integration, view.budget
    left = pictures.gauge_words(budget.left, budget.per_minute, "requests")
    more: list[Cell | Cells] = [
        Cell(""),
        Cell(f"{pictures.errors_words(trend.errors)}.", "dim"),
        Cell(f"{left}{' of this minute' if budget.per_minute else ''}; breaker {one.breaker_state}.", "dim"),
        Cell(
            f"Last good {age(one.last_good_at_ms, now_ms, look)}, next run {_due(view, look, now_ms)}.", "dim"
        ),
    ]
    if look.pictures:
        more.append(Cell(pictures.legend(look), "dim"))
    return [*health_panel(view, look, now_ms, trend=trend, width=width), *more]


def week_lines(trend: Trend, look: Look, width: int) -> list[Cell | Cells]:
    """The last seven days as a timeline with its days, or in words."""
    if not look.pictures and not trend.slots:
        return []
    if not trend.slots:
        return [Cell("No import in these days.", "dim"), Cell("")]
    if not look.pictures:
        return [Cell(pictures.timeline_words(trend.slots))]
    names, signs = pictures.timeline(trend.slots, width, look)
    return [Cell(names, "dim"), signs] if signs else []


def fresh_lines(fresh: Sequence[Fresh], look: Look, now_ms: int, width: int) -> list[Cell | Cells]:
    """How long ago each entity came; what is late or came empty says so in a word. No line is torn inside of one."""
    lines: list[list[Cell]] = []
    used = width
    for one in fresh:
        cell = _fresh(one, look, now_ms)
        if not lines or used + 2 + len(cell.text) > width:
            lines.append([cell])
            used = len(cell.text)
        else:
            lines[-1] += [Cell("  "), cell]
            used += 2 + len(cell.text)
    return [tuple(line) for line in lines]


def _fresh(one: Fresh, look: Look, now_ms: int) -> Cell:
    ago = narrow(age(one.ended_ms, now_ms, look), one.ended_ms, now_ms, look).removesuffix(" ago")
    words = f"{one.entity.value} {ago}"
    if one.emptied:
        return Cell(f"{words} EMPTY", "bad")
    return Cell(f"{words} LATE", "warn") if one.late else Cell(words)


def health_sentences(view: Health, look: Look, now_ms: int) -> list[Cell]:
    """What is known of one integration, in sentences."""
    one = view.integration
    lines = [foreign(f"{one.name}  ({one.title})", "strong")]
    if one.failing_since_ms is not None:
        lines.append(Cell(f"Failing since {clock_text(one.failing_since_ms, look, now_ms)}.", "bad"))
        lines.append(foreign(one.last_error))
    if view.held_run is not None:
        lines.append(
            Cell(
                keyed(
                    "Run #{id} is held. {plans} shows its plan, {approve} approves, {discard} discards it:",
                    id=view.held_run.id,
                ),
                "warn",
            )
        )
        lines.append(foreign(view.held_run.error))
    if emptied := _emptied(view.fresh):
        lines.append(Cell(emptied, "bad"))
    if view.run is not None:
        lines.append(Cell(f"Run #{view.run.id} is under way ({key_of('runs')}).", "busy"))
    lines += _in_the_way(view, look, now_ms)
    if view.budget.paused_until_ms is not None:
        until = moment(view.budget.paused_until_ms, look)
        lines.append(Cell(f"The SIS asked for a pause until {until}.", "warn"))
    lines.append(foreign(_plan(one.schedule), "dim"))
    return lines


def _emptied(fresh: Sequence[Fresh]) -> str:
    """Which lists came without a record though there are some; empty for none."""
    told = [f"no {one.entity.value} came of {number(one.known)} known" for one in fresh if one.emptied]
    return f"The last import is no success: {', '.join(told)}." if told else ""


def _in_the_way(view: Health, look: Look, now_ms: int) -> list[Cell]:
    """What keeps siscon from asking: a login that needs a person, a breaker, a person's pause."""
    one, told = view.integration, list[Cell]()
    if view.login is TokenHealth.NEEDS_PERSON:
        told.append(
            Cell(f"{look.glyphs.bad} The login needs a person: see the tokens ({key_of('tokens')}).", "bad")
        )
    if view.webhooks_fail:
        told.append(
            Cell(f"{look.glyphs.bad} W{view.webhooks_fail[1:]}: its runs ({key_of('runs')}) say why.", "bad")
        )
    if one.breaker_state == "open" and one.breaker_until_ms is not None:
        again = ahead(one.breaker_until_ms, now_ms, look)
        told.append(Cell(f"{look.glyphs.warn} Breaker open: the SIS is asked again {again}.", "warn"))
    elif one.breaker_state == "trying":
        told.append(Cell(f"{look.glyphs.warn} Breaker trying: one request finds out.", "warn"))
    if one.rests(now_ms):
        until = f" until {moment(one.paused_until_ms, look)}" if one.paused_until_ms is not None else ""
        told.append(Cell(f"{look.glyphs.dim} Paused by a person: its schedules start nothing{until}.", "dim"))
    if view.held_back is not None:
        window, until = view.held_back.blackout.name, moment(view.held_back.end_ms, look)
        text = f"{look.glyphs.warn} Held back by the window {window} until {until}: schedules start nothing."
        told.append(foreign(text, "warn"))
    return told


def _plan(schedule: str) -> str:
    if not schedule:
        return "Runs by hand only."
    try:
        return f"Runs {in_words(schedule)}."
    except UsageError as error:
        return error.sentence
