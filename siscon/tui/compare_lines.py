"""Imports side by side: a column for each, a row for each count, and a sign and a word for what is suddenly other."""

from __future__ import annotations

from collections.abc import Sequence

from siscon.domain.comparing import Change, Sudden, names
from siscon.domain.comparing import Column as Import
from siscon.domain.runs import RunStatus
from siscon.tui.present import RUN_WORDS, Cell, Look, Tone, count, moment, number, of, span
from siscon.tui.widgets.columns import GAP, Column
from siscon.tui.widgets.rows import Line

NAME_WIDTH, RUN_WIDTH = 18, 12

WORDS = {
    "requests": "Requests",
    "fetched": "Records",
    "created": "New",
    "updated": "Updated",
    "unchanged": "Same",
    "conflict": "In conflict",
    "failed": "In error",
    "skipped": "Skipped",
    "missing": "Missing",
    "withdrawn": "Withdrawn",
    "warnings": "Warnings",
}
ALWAYS = ("fetched", "failed")
"""Counts that are told even where there is nothing of them in any import."""
SHORT = {
    RunStatus.COMPLETED: "good",
    RunStatus.WITH_WARNINGS: "warnings",
    RunStatus.WITH_ERRORS: "errors",
    RunStatus.CANCELLED: "stopped",
}


def columns_of(imports: Sequence[Import]) -> list[Column]:
    """A column for each import, the newest at the right; where there is little room the oldest are left out."""
    size = len(imports)
    return [
        Column("Count", NAME_WIDTH),
        *(
            Column(
                f"#{one.run.id}",
                RUN_WIDTH,
                align="right",
                from_width=NAME_WIDTH + (size - at) * (RUN_WIDTH + GAP),
            )
            for at, one in enumerate(imports)
        ),
    ]


def compare_lines(imports: Sequence[Import], look: Look) -> list[Line]:
    """How each ended, when, and how long it took; then its counts."""
    return [
        Line("end", (Cell("End", "dim"), *(_end(one, look) for one in imports))),
        Line("began", (Cell("Began", "dim"), *(_began(one, look) for one in imports))),
        Line("asked", (Cell("Asked for", "dim"), *(_asked(one) for one in imports))),
        Line("took", (Cell("Took", "dim"), *(_took(one) for one in imports))),
        *(
            Line(name, (Cell(word_of(name)), *(_count(one, name, look) for one in imports)), name)
            for name in names(imports)
            if name in ALWAYS or any(one.counts.get(name) for one in imports)
        ),
    ]


def word_of(name: str) -> str:
    """What a count is called; of an entity what was fetched, and its records in error."""
    return WORDS.get(name) or name.replace(" failed", " errors")


def _end(one: Import, look: Look) -> Cell:
    word, tone = RUN_WORDS[one.run.status]
    sign = look.glyphs.held if one.run.status is RunStatus.HELD else look.glyphs.of(tone)
    return Cell(f"{sign} {SHORT.get(one.run.status, word)}".strip(), tone)


def _began(one: Import, look: Look) -> Cell:
    return Cell(moment(one.run.started_at_ms or one.run.queued_at_ms, look)[:RUN_WIDTH], "dim")


def _asked(one: Import) -> Cell:
    return Cell("everything" if one.run.full else "changes", "dim")


def _took(one: Import) -> Cell:
    began, ended = one.run.started_at_ms, one.run.finished_at_ms
    return Cell("-" if began is None or ended is None else span((ended - began) / 1000), "dim")


def _count(one: Import, name: str, look: Look) -> Cell:
    value, change = one.counts.get(name), one.sudden.get(name)
    if value is None:
        return Cell("?" if name in one.counts else "", "dim")
    if change is None:
        return count(value, look)
    signs = {Sudden.UP: look.glyphs.up, Sudden.DOWN: look.glyphs.down, Sudden.GONE: look.glyphs.bad}
    return Cell(f"{number(value)} {signs[change.what]}".strip(), _tone(change))


def _tone(change: Change) -> Tone:
    return "bad" if change.what is Sudden.GONE else "warn"


def sudden_sentences(imports: Sequence[Import], name: str | None, look: Look) -> list[Cell]:
    """What is sudden of one count, in words, the newest first; without one, how much there is of it at all."""
    if name is None:
        places = sum(len(one.sudden) for one in imports)
        up, down, gone = look.glyphs.up, look.glyphs.down, look.glyphs.bad
        signs = f"{up} up, {down} down by more than half; {gone} gone: none of thousands."
        return [Cell(f"{of(places, 'sudden change')}." if places else "Nothing sudden."), Cell(signs, "dim")]
    told = [
        Cell(_sentence(one, name, change), _tone(change))
        for one in reversed(imports)
        if (change := one.sudden.get(name)) is not None
    ]
    return told or [Cell(f"{word_of(name)}: nothing sudden.", "dim")]


def _sentence(one: Import, name: str, change: Change) -> str:
    now = one.counts.get(name) or 0
    return f"#{one.run.id}: {word_of(name)} {change.what.value}, {number(change.before)} before, {number(now)} now."
