"""One plan: which limits it passes, what it would do with each entity, and what of it to approve."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from siscon.domain.records import Entity
from siscon.domain.runs import Run, RunStatus
from siscon.ops import Database
from siscon.ops.plan_views import DecidedPlan, PlanView, the_plan
from siscon.ops.run_rows import runs_by_id
from siscon.tui import wishes
from siscon.tui.actions import Action
from siscon.tui.keymap import keyed
from siscon.tui.plan_lines import ENTITIES, entity_line, entity_sentences, plan_sentences
from siscon.tui.present import Cell, foreign, of
from siscon.tui.screens.pane import Desk, Pane, bindings_of
from siscon.tui.screens.plan_records import PlanRecords
from siscon.tui.widgets.panel import Panel
from siscon.tui.widgets.status_bar import Part
from siscon.tui.widgets.table import LineTable
from siscon.tui.wishes import Wish


def stage_of(run: Run) -> object:
    """As long as this is the same, the plan of a run is."""
    return run.id, run.status, run.attempt, run.phase


def why_not_on_plan(action: str, one: PlanView | DecidedPlan | None) -> str:
    """Why nothing can be decided about a plan; empty when it can."""
    if one is None:
        return "No plan is under the cursor."
    refused = wishes.why_not(action, one.run)
    if not refused and action == "remap" and isinstance(one, PlanView) and not one.pairs:
        return f"The plan of run #{one.run.id} holds no records that came back under other ids."
    return refused


class PlanPane(Pane):
    """One plan, entity by entity."""

    name_ = "plan"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("plan")]

    def __init__(self, desk: Desk, run_id: int) -> None:
        super().__init__(desk)
        self.run_id = run_id
        self.plan: PlanView | None = None
        self.left_out: set[Entity] = set()

    @property
    def crumb(self) -> str:
        return f"plan of #{self.run_id}"

    def body(self) -> ComposeResult:
        yield Panel(id="title")
        yield LineTable(ENTITIES, self.look, id="list")
        yield Panel(id="panel")

    async def load(self, db: Database) -> None:
        runs = await runs_by_id(db, [self.run_id])
        if not runs:
            self.table().show(self.fixed([]), note=(Cell(f"There is no run #{self.run_id}."),))
            return
        if self.plan is None or stage_of(self.plan.run) != stage_of(runs[0]):
            self.plan = await the_plan(db, self.run_id)
            self._show()
            self._point_to_a_change()
        self._show()

    def _show(self) -> None:
        if self.plan is None:
            return
        self.query_one("#title", Panel).tell(plan_sentences(self.plan, self.look, self.desk.now_ms()))
        lines = [
            entity_line(self.plan, entity, self.look, self.left_out)
            for entity in Entity
            if self.plan.counts.get(entity) or self.plan.known.get(entity)
        ]
        note = self.empty("No plan waits here.", "It was applied or discarded, or it changes nothing.")
        self.table().show(self.fixed(lines), note=note)
        self.pointed()

    def _point_to_a_change(self) -> None:
        """The cursor begins where there is something to look at."""
        for entity in Entity:
            at = self.table().rows.index_of(entity)
            if (
                at is not None
                and self.plan
                and any(self.plan.of(one, entity=entity) for one in wishes.CHANGING)
            ):
                self.table().point(at)
                return

    def pointed(self) -> None:
        entity: Entity | None = self.value()
        lines = entity_sentences(self.plan, entity) if self.plan and entity else []
        self.query_one("#panel", Panel).tell(lines)

    def status(self) -> list[Part]:
        if self.plan is None or not self.plan.counts:
            return [Part(f" plan of run #{self.run_id} ", "strong")]
        whose = foreign(f" plan of run #{self.run_id} of {self.plan.run.integration} ", limit=60).text
        changed = sum(self.plan.of(one) for one in wishes.CHANGING)
        parts = [Part(whose, "strong"), Part(f" {of(changed, 'record')} would change ")]
        if self.left_out:
            parts.append(Part(f" {len(self.left_out)} left out ", "warn"))
        return parts

    def why_not(self, action: Action) -> str:
        if action.id == "open" and self.value() is None:
            return "No entity is under the cursor."
        if action.id == "leave_out":
            return self._why_not_leave_out()
        if action.id in ("approve", "discard", "remap"):
            if action.id == "approve" and self.plan is not None and not self._chosen():
                return keyed("Every entity is left out: {leave_out} takes one in again.")
            return why_not_on_plan(action.id, self.plan)
        return ""

    def _why_not_leave_out(self) -> str:
        if self.value() is None:
            return "No entity is under the cursor."
        return why_not_on_plan("approve", self.plan)

    def _chosen(self) -> tuple[Entity, ...]:
        return tuple(one for one in self.plan.run.entities if one not in self.left_out) if self.plan else ()

    def wish(self, action: Action) -> Wish | None:
        if self.plan is None:
            return None
        return wishes.on_plan(action.id, self.plan, self._chosen() if self.left_out else ())

    def act_leave_out(self) -> None:
        """Approve without the entity under the cursor, or with it again."""
        self.left_out ^= {self.value()}
        self._show()
        self.tell()

    def act_open(self) -> None:
        """The records of the entity under the cursor."""
        entity: Entity | None = self.value()
        if entity is not None and self.plan is not None and self.plan.run.status in _WAITS:
            self.app.push_screen(PlanRecords(self.desk, self.plan, entity))


_WAITS = (RunStatus.HELD, RunStatus.PLANNED)
