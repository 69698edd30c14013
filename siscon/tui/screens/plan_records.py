"""The records of a plan: what each would become, and below the list its fields, old beside new."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from siscon.domain.plans import Verdict
from siscon.domain.records import Entity
from siscon.ops import Database
from siscon.ops.plan_views import PlanView
from siscon.ops.plans import COLUMNS, FieldChange, PlanList, PlanRecord
from siscon.ops.run_rows import runs_by_id
from siscon.tui.actions import Action
from siscon.tui.keymap import keyed
from siscon.tui.plan_lines import CHANGES, RECORDS, change_lines, record_cells, record_sentences
from siscon.tui.present import VERDICTS, Cell, Cells, foreign
from siscon.tui.screens.pane import Desk, Pane, bindings_of
from siscon.tui.screens.record import open_record
from siscon.tui.widgets.panel import Panel
from siscon.tui.widgets.rows import FixedRows, PagedRows
from siscon.tui.widgets.status_bar import Part
from siscon.tui.widgets.table import LineTable


class PlanRecords(Pane):
    """Records of one entity and verdict."""

    name_ = "plan_records"
    known = COLUMNS
    example = "id=S-10*  verdict=missing"
    AUTO_FOCUS = "#list"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("plan_records")]

    def __init__(self, desk: Desk, plan: PlanView, entity: Entity) -> None:
        super().__init__(desk)
        self.plan = plan
        self.entity = entity
        self.verdict = self._gravest()
        self.waits = True
        self._shown: object = None

    def _gravest(self) -> Verdict | None:
        """What is seen first: who would be withdrawn or missing, for nobody approves a plan without a look at them."""
        grave = (Verdict.WITHDRAW, Verdict.MISSING)
        return next((one for one in grave if self.plan.of(one, entity=self.entity)), None)

    @property
    def crumb(self) -> str:
        return f"{self.entity} records"

    def body(self) -> ComposeResult:
        yield LineTable(RECORDS, self.look, id="list")
        yield LineTable(CHANGES, self.look, id="fields")
        yield Panel(id="panel")

    async def load(self, db: Database) -> None:
        runs = await runs_by_id(db, [self.plan.run.id])
        self.waits = bool(runs) and runs[0].status is self.plan.run.status
        chosen = (self.entity, self.verdict, self.waits, self.where)
        if chosen == self._shown:  # a plan that waits does not change
            return
        self._shown = chosen
        first = "No such record." if self.waits else "This plan does not wait any more."
        note = self.empty(first, keyed("{next_entity} and {next_verdict} choose another entity and verdict."))
        listing = PlanList(db, self.plan.run.id, self.entity, self.verdict, self.where)
        await self.table().show_paged(PagedRows(listing, self._cells), note=note)

    def _cells(self, one: PlanRecord) -> Cells:
        return record_cells(one, self.look)

    def record_here(self) -> PlanRecord | None:
        """The record under the cursor of the upper list, wherever the focus is."""
        found: PlanRecord | None = self.table().value
        return found

    def pointed(self) -> None:
        one = self.record_here()
        fields = self.table("fields")
        fields.show(FixedRows(change_lines(one, self.look)), note=(Cell("No field changes.", "dim"),))
        change: FieldChange | None = fields.value
        self.query_one("#panel", Panel).tell(record_sentences(one, change, self.look))

    def status(self) -> list[Part]:
        verdict = VERDICTS[self.verdict] if self.verdict else "all but unchanged"
        return [
            Part(foreign(f" plan of run #{self.plan.run.id} ", limit=40).text, "strong"),
            Part(f" {self.counted('record')} "),
            Part(f" {self.entity} ", "", "next_entity"),
            Part(f" {verdict} ", "", "next_verdict"),
        ]

    def why_not(self, action: Action) -> str:
        return (
            "No record is under the cursor." if action.id == "history" and self.record_here() is None else ""
        )

    def act_next_entity(self) -> None:
        """The next entity of the plan."""
        there = [entity for entity in Entity if self.plan.counts.get(entity)] or [self.entity]
        at = there.index(self.entity) if self.entity in there else -1
        self.entity = there[(at + 1) % len(there)]
        self.verdict = self._gravest()
        self.load_soon()

    def act_next_verdict(self) -> None:
        """The next verdict that some record of this entity has; then all but the unchanged again."""
        there = [None, *(one for one in VERDICTS if self.plan.of(one, entity=self.entity))]
        at = there.index(self.verdict) if self.verdict in there else -1
        self.verdict = there[(at + 1) % len(there)]
        self.load_soon()

    def act_next_pane(self) -> None:
        """To the fields, or back to the records."""
        self.set_focus(self.table("list" if self.focused is self.table("fields") else "fields"))

    async def act_history(self) -> None:
        """The record as it is now, with what was done to it."""
        one = self.record_here()
        if one is not None:
            await open_record(self, self.plan.run.integration, one.entity, one.external_id)
