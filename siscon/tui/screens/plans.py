"""Plans: the held first, then dry runs, then those decided lately. Enter shows what one would do."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from siscon.domain.runs import RunStatus
from siscon.ops import Database
from siscon.ops.plan_views import DecidedPlan, PlanView, decided, the_plan, waiting
from siscon.tui import wishes
from siscon.tui.actions import Action
from siscon.tui.keymap import keyed
from siscon.tui.plan_lines import PLANS, decided_line, decided_sentences, plan_line, plan_sentences
from siscon.tui.present import Cell, of
from siscon.tui.screens.pane import Desk, Pane, bindings_of
from siscon.tui.screens.plan import PlanPane, stage_of, why_not_on_plan
from siscon.tui.screens.run import RunPane
from siscon.tui.widgets.panel import Panel
from siscon.tui.widgets.status_bar import Part
from siscon.tui.widgets.table import LineTable
from siscon.tui.wishes import Wish


class Plans(Pane):
    """What waits for a word."""

    name_ = "plans"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("plans")]

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.held = self.dry = 0
        self._counted: dict[object, PlanView] = {}

    def body(self) -> ComposeResult:
        yield LineTable(PLANS, self.look, id="list")
        yield Panel(id="panel")

    async def load(self, db: Database) -> None:
        runs = await waiting(db)
        self.held = sum(run.status is RunStatus.HELD for run in runs)
        self.dry = len(runs) - self.held
        known, self._counted = self._counted, {}
        for run in runs:  # a plan that waits does not change: each is counted once
            plan = known.get(stage_of(run)) or await the_plan(db, run.id)
            if plan is not None:
                self._counted[stage_of(run)] = plan
        lines = [plan_line(plan, self.look) for plan in self._counted.values()]
        lines += [decided_line(one, self.look) for one in await decided(db)]
        note = self.empty(
            "No plan waits.",
            keyed("{dry_run} on screen {overview} makes one: it changes nothing."),
        )
        self.table().show(self.fixed(lines), note=note)

    def pointed(self) -> None:
        one: PlanView | DecidedPlan | None = self.value()
        now_ms = self.desk.now_ms()
        lines: list[Cell] = []
        if isinstance(one, PlanView):
            hint = Cell(
                keyed("{open} shows what it would do. {approve} applies it, {discard} throws it away."), "dim"
            )
            lines = [*plan_sentences(one, self.look, now_ms), hint]
        elif one is not None:
            lines = [*decided_sentences(one, self.look, now_ms), Cell(keyed("{open} shows the run."), "dim")]
        self.query_one("#panel", Panel).tell(lines)

    def status(self) -> list[Part]:
        parts = [Part(f" {of(self.held, 'held plan')} ", "warn" if self.held else "dim")]
        parts.append(Part(f" {of(self.dry, 'dry run')} waiting "))
        return parts

    def why_not(self, action: Action) -> str:
        one: PlanView | DecidedPlan | None = self.value()
        if action.id in ("open", "dry_run") and one is None:
            return keyed("No plan is under the cursor; screen {overview} has the integrations.")
        if action.id in ("approve", "discard", "remap"):
            return why_not_on_plan(action.id, one)
        return ""

    def wish(self, action: Action) -> Wish | None:
        one: PlanView | DecidedPlan | None = self.value()
        if action.id == "dry_run":
            return wishes.dry_run(one.run.integration) if one is not None else None
        return wishes.on_plan(action.id, one) if isinstance(one, PlanView) else None

    def act_open(self) -> None:
        """What the plan would do; of one that was decided, the run."""
        one: PlanView | DecidedPlan | None = self.value()
        if isinstance(one, PlanView):
            self.app.push_screen(PlanPane(self.desk, one.run.id))
        elif one is not None:
            self.app.push_screen(RunPane(self.desk, one.run.id))
