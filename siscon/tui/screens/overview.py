"""Health, the home screen: every integration, how fresh it is, what waits for a person."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from siscon.domain.errors import UsageError
from siscon.domain.runs import Run
from siscon.domain.schedules import in_words
from siscon.domain.tokens import TokenHealth
from siscon.ops import Database
from siscon.ops.views import Health, health
from siscon.tui import wishes
from siscon.tui.actions import Action
from siscon.tui.lines import HEALTH, health_line
from siscon.tui.present import Cell, Look, age, foreign, moment, of
from siscon.tui.screens.pane import Pane, bindings_of
from siscon.tui.widgets.panel import Panel
from siscon.tui.widgets.status_bar import Part
from siscon.tui.widgets.table import LineTable
from siscon.tui.wishes import Wish

ROOM_FOR_ENGINE = 100
"""From this width on the status line has room to say where the engine works."""


class Overview(Pane):
    """Where an operator arrives."""

    name_ = "overview"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("overview")]

    def body(self) -> ComposeResult:
        yield LineTable(HEALTH, self.look, id="list")
        yield Panel(id="panel")

    views: tuple[Health, ...] = ()

    async def load(self, db: Database) -> None:
        now_ms = self.desk.now_ms()
        self.views = tuple(await health(db, now_ms=now_ms))
        lines = [health_line(view, self.look, now_ms) for view in self.views]
        note = self.empty(
            "No integration yet.",
            "Write one into config.yaml under integrations:, then start the engine with siscon serve.",
        )
        self.table().show(self.fixed(lines), note=note)

    def pointed(self) -> None:
        view: Health | None = self.value()
        lines = health_sentences(view, self.look, self.desk.now_ms()) if view else []
        self.query_one("#panel", Panel).tell(lines)

    def status(self) -> list[Part]:
        views = self.views
        engine = self.engine.alive if self.engine else None
        parts = [Part(f" {of(len(views), 'integration')} ")]
        dead, open_ = sum(view.dead for view in views), sum(view.conflicts for view in views)
        if dead:
            parts.append(Part(f" {of(dead, 'error')} (4) ", "bad", "errors"))
        if open_:
            parts.append(Part(f" {of(open_, 'conflict')} (5) ", "warn", "conflicts"))
        if engine is not None and self.app.size.width >= ROOM_FOR_ENGINE:
            parts.append(Part(foreign(f" engine {engine.pid} on {engine.host} ", limit=40).text, "dim"))
        return parts

    def why_not(self, action: Action) -> str:
        view: Health | None = self.value()
        if action.id in ("sync", "full_sync", "dry_run", "pause") and view is None:
            return "No integration is under the cursor."
        if action.id in wishes.ON_RUNS:
            return wishes.why_not(action.id, _run_for(action, view))
        return ""

    async def wish(self, action: Action) -> Wish | None:
        view: Health | None = self.value()
        db = self.desk.database()
        if view is None or db is None:
            return None
        name = view.integration.name
        if action.id in ("sync", "full_sync"):
            return wishes.sync(name, full=action.id == "full_sync")
        if action.id == "pause":
            return wishes.pause(view.integration)
        if action.id == "dry_run":
            return wishes.dry_run(name)
        run = _run_for(action, view)
        return await wishes.of_run(action.id, run, db) if run else None

    async def act_open(self) -> None:
        """What runs, and ran."""
        await self.app.run_action("app.act('runs')")


def _run_for(action: Action, view: Health | None) -> Run | None:
    if view is None:
        return None
    return view.run if action.id == "cancel" else view.held_run


def health_sentences(view: Health, look: Look, now_ms: int) -> list[Cell]:
    """What is known of one integration, in sentences."""
    one = view.integration
    lines = [foreign(f"{one.name}  ({one.title})", "strong")]
    if one.failing_since_ms is not None:
        since = f"{moment(one.failing_since_ms, look)} ({age(one.failing_since_ms, now_ms)})"
        lines.append(Cell(f"Failing since {since}.", "bad"))
        lines.append(foreign(one.last_error))
    if view.held_run is not None:
        lines.append(
            Cell(f"Run #{view.held_run.id} is held. 7 shows its plan, A approves, D discards it:", "warn")
        )
        lines.append(foreign(view.held_run.error))
    if view.run is not None:
        lines.append(Cell(f"Run #{view.run.id} is under way (3).", "busy"))
    lines += _in_the_way(view, look)
    if view.budget.paused_until_ms is not None:
        until = moment(view.budget.paused_until_ms, look)
        lines.append(Cell(f"The SIS asked for a pause until {until}.", "warn"))
    lines.append(foreign(_plan(one.schedule), "dim"))
    return lines


def _in_the_way(view: Health, look: Look) -> list[Cell]:
    """What keeps siscon from asking: a login that needs a person, a breaker, a person's pause."""
    one, told = view.integration, list[Cell]()
    if view.login is TokenHealth.NEEDS_PERSON:
        told.append(Cell(f"{look.glyphs.bad} The login needs a person: see the tokens (2).", "bad"))
    if one.breaker_state == "open" and one.breaker_until_ms is not None:
        until = moment(one.breaker_until_ms, look)
        told.append(Cell(f"{look.glyphs.warn} Breaker open: nothing is asked until {until}.", "warn"))
    elif one.breaker_state == "trying":
        told.append(Cell(f"{look.glyphs.warn} Breaker trying: one request finds out.", "warn"))
    if one.paused:
        told.append(Cell(f"{look.glyphs.dim} Paused by a person: its schedule starts nothing.", "dim"))
    return told


def _plan(schedule: str) -> str:
    if not schedule:
        return "Runs by hand only."
    try:
        return f"Runs {in_words(schedule)}."
    except UsageError as error:
        return error.sentence
