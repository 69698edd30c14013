"""Doctor: what siscon stands on, this console and its terminal; each check with what was seen and what to do."""

from __future__ import annotations

import os
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from siscon.domain.errors import SisconError
from siscon.domain.text import plain
from siscon.ops import Database
from siscon.ops.checks import Check, State
from siscon.tui.keymap import key_of
from siscon.tui.own_checks import console_checks, engine_check, terminal_checks
from siscon.tui.present import Cell, Look, Tone, age, foreign, mark, moment, of
from siscon.tui.screens.pane import Desk, Pane, bindings_of
from siscon.tui.widgets.columns import Column
from siscon.tui.widgets.panel import Panel
from siscon.tui.widgets.rows import Line
from siscon.tui.widgets.status_bar import Part
from siscon.tui.widgets.table import LineTable

CHECKS = (Column("What", 14, flex=1, most=24), Column("State", 6), Column("Seen", 34, flex=6))
STATES: dict[State, tuple[str, Tone]] = {
    State.FAIL: ("FAIL", "bad"),
    State.WARN: ("WARN", "warn"),
    State.OK: ("ok", "good"),
}
OURS = frozenset({"terminal", "engine"})
"""What this console sees better than a process of its own does."""


class Doctor(Pane):
    """What siscon stands on."""

    name_ = "doctor"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("doctor")]

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.found: tuple[Check, ...] = ()
        self.found_at_ms: int | None = None
        self.examining = False
        self.unexamined = ""

    @property
    def is_read(self) -> bool:
        """Whether the examination has come to its end, too: whoever only reads what this says waits for it."""
        return super().is_read and not self.examining

    def body(self) -> ComposeResult:
        yield LineTable(CHECKS, self.look, id="list")
        yield Panel(id="panel")

    async def load(self, db: Database) -> None:  # noqa: ARG002 # the examination reads it, in a process of its own
        if self.found_at_ms is None and not self.examining and not self.unexamined:
            self.examine_soon()
        lines = [check_line(one, self.look) for one in self.checks()]
        self.table().show(self.fixed(lines), note=self.empty("Nothing was examined yet."))

    def checks(self) -> list[Check]:
        """What needs a person first, then this console, then what the examination found."""
        app, desk = self.app, self.desk
        colours = app.console.color_system or "no colours"
        size = (app.size.width, app.size.height)
        own = [
            engine_check(self.engine, self.look, desk.now_ms()),
            *console_checks(desk.lag.worst_ms),
            *terminal_checks(size, colours, app.theme, self.look, desk.looks(), os.environ),
        ]
        if self.unexamined:
            advice = "run 'siscon doctor' in a shell"
            own.append(Check("examination", State.WARN, self.unexamined, advice))
        known = [*own, *(one for one in self.found if one.name not in OURS)]
        return sorted(known, key=lambda one: list(STATES).index(one.state))

    def on_resize(self) -> None:
        """The size of the terminal stands here."""
        self.load_soon()

    def examine_soon(self) -> None:
        """Have everything examined, beside what this console does meanwhile."""
        if not self.examining:
            self.examining = True
            self.run_worker(self._examine(), group="examine")

    async def _examine(self) -> None:
        examine = self.desk.aside().examine
        try:
            if examine is None:
                self.unexamined = "this console cannot do it"
                return
            self.found = tuple(await examine())
            self.found_at_ms, self.unexamined = self.desk.now_ms(), ""
        except SisconError as error:
            self.unexamined = error.sentence
        finally:
            self.examining = False
            self.load_soon()

    def act_refresh(self) -> None:
        """Examine again."""
        self.examine_soon()
        self.load_soon()
        self.tell()

    def pointed(self) -> None:
        check: Check | None = self.value()
        self.query_one("#panel", Panel).tell(check_sentences(check) if check else [])

    def status(self) -> list[Part]:
        checks = self.checks()
        counts = {state: sum(one.state is state for one in checks) for state in (State.FAIL, State.WARN)}
        parts = [Part(f" {of(len(checks), 'check')} ")]
        parts += [Part(f" {n} {STATES[state][0]} ", STATES[state][1]) for state, n in counts.items() if n]
        if self.examining:
            parts.append(Part(" examining ... ", "busy"))
        elif self.found_at_ms is not None:
            when = age(self.found_at_ms, self.desk.now_ms(), self.look)
            parts.append(Part(f" examined {when}, {key_of('refresh')} does it again ", "dim", "refresh"))
        return parts

    def id_here(self) -> str:
        """All that was found is what one copies here: for a mail to whoever can help."""
        return self.as_text()

    def as_text(self) -> str:
        """Everything that stands here, for whoever is asked for help: a line for each check."""
        when = (
            "not examined" if self.found_at_ms is None else f"examined {moment(self.found_at_ms, self.look)}"
        )
        head = f"siscon, {moment(self.desk.now_ms(), self.look)} ({self.look.zone}); {when}"
        lines = [f"{one.state.value:5} {one.name}: {one.seen}{_advice(one)}" for one in self.checks()]
        return "\n".join(plain(line, limit=1000) for line in (head, *lines))


def check_line(check: Check, look: Look) -> Line:
    """One check as a row."""
    word, tone = STATES[check.state]
    quiet: Tone = "" if check.state is State.OK else tone
    cells = (foreign(check.name, "strong"), mark(word, tone, look), foreign(check.seen, quiet))
    return Line(check.name, cells, check)


def check_sentences(check: Check) -> list[Cell]:
    """One check in full, and what to do."""
    lines = [foreign(check.name, "strong"), foreign(check.seen, limit=1000)]
    if check.state is not State.OK and check.advice:
        lines.append(foreign(f"To do: {check.advice}", STATES[check.state][1], limit=600))
    return lines


def _advice(check: Check) -> str:
    return f"; {check.advice}" if check.advice and check.state is not State.OK else ""
