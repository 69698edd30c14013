"""Mappings and the records behind them: external id, internal id, state; any number of rows."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from siscon.domain.filters import AS_THEY_COME
from siscon.domain.mappings import Mapping, SyncStatus
from siscon.domain.records import Entity
from siscon.ops import Database
from siscon.ops.records import COLUMNS, MappingList, Place, integration_names
from siscon.tui import bulk_wishes, record_wishes
from siscon.tui.actions import Action
from siscon.tui.keymap import keyed
from siscon.tui.lines import MAPPINGS, mapping_cells
from siscon.tui.present import Cell, Cells, Look, foreign, moment
from siscon.tui.screens.marking import MarkPane
from siscon.tui.screens.pane import Desk, bindings_of
from siscon.tui.screens.record import RecordPane
from siscon.tui.widgets.panel import Panel
from siscon.tui.widgets.rows import FixedRows, PagedRows
from siscon.tui.widgets.status_bar import Part
from siscon.tui.widgets.table import LineTable
from siscon.tui.wishes import Wish

ENTITIES: tuple[Entity | None, ...] = (None, *Entity)
STATUSES: tuple[SyncStatus | None, ...] = (None, *SyncStatus)


class Records(MarkPane):
    """The browser."""

    name_ = "records"
    known = COLUMNS
    example = "okonkwo  id=S-10*  status!=synced  entity=student  synced>2d"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("records")]

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.names: list[str] = []
        self.integration = ""
        self.entity: Entity | None = None
        self.state: SyncStatus | None = None
        self._place: Place | None = None

    def body(self) -> ComposeResult:
        yield LineTable(MAPPINGS, self.look, id="list")
        yield Panel(id="panel")

    async def load(self, db: Database) -> None:
        self.names = await integration_names(db)
        if not self.names:
            self.table().show(FixedRows(), note=self.empty("No integration yet, so no mappings."))
            return
        if self.integration not in self.names:
            self.integration = self.names[0]
        note = self.empty(
            "No mapping here.",
            keyed("{next_integration} and {next_entity} choose another integration and entity."),
        )
        place, self._place = self._place, None
        listing = self._listing(db)
        if place is None or not self._point_at(place, listing):
            await self.show_list(listing, self._cells, note=note, place=place)

    def _point_at(self, place: Place, listing: MappingList) -> bool:
        """Put the cursor on a mapping where it is among the rows that are here."""
        rows = self.table().rows
        return isinstance(rows, PagedRows) and rows.listing == listing and self.table().seek(place.id)

    def _listing(self, db: Database) -> MappingList:
        order = self.table().order
        return MappingList(db, self.integration, self.entity, self.state, self.where, order)

    async def jump(self, external_id: str) -> bool:
        """Put the cursor on the first mapping whose external id is not before a text; False where all are before it.

        Filters and another order are left: what one jumps to must be there.
        """
        db = self.desk.database()
        if db is None or not self.integration:
            return False
        self.find, self.entity, self.state, self.table().order = "", None, None, AS_THEY_COME
        self._place = await self._listing(db).first_from(external_id)
        self.load_soon()
        return self._place is not None

    def _cells(self, mapping: Mapping) -> Cells:
        return mapping_cells(mapping, self.look, self.desk.now_ms())

    def pointed(self) -> None:
        self.query_one("#panel", Panel).tell(mapping_sentences(self.value(), self.look))

    def status(self) -> list[Part]:
        chosen = f" {self.integration}"
        entity = self.entity.value if self.entity else "all entities"
        state = self.state.value if self.state else "all states"
        return [
            Part(foreign(chosen).text, "strong", "next_integration"),
            Part(f"  {self.counted('mapping')}"),
            Part(f"  {entity}", "", "next_entity"),
            Part(f"  {state} ", "", "next_status"),
        ]

    def why_not(self, action: Action) -> str:
        if action.id == "next_integration" and len(self.names) < 2:
            return "There is no other integration."
        if action.id == "fetch" and self.chosen():
            return ""
        meant = action.id in ("open", "fetch")
        return "No mapping is under the cursor." if meant and self.value() is None else ""

    def act_next_integration(self) -> None:
        """Another integration."""
        self.integration = self.names[(self.names.index(self.integration) + 1) % len(self.names)]
        self.load_soon()

    def act_next_entity(self) -> None:
        """Another entity."""
        self.entity = ENTITIES[(ENTITIES.index(self.entity) + 1) % len(ENTITIES)]
        self.load_soon()

    def act_next_status(self) -> None:
        """Another sync status."""
        self.state = STATUSES[(STATUSES.index(self.state) + 1) % len(STATUSES)]
        self.load_soon()

    async def wish(self, action: Action) -> Wish | None:  # noqa: ARG002 # there is one alone
        if self.chosen():
            ties = await self.marked_values(bulk_wishes.MOST)
            return bulk_wishes.fetch_again((self.integration, one.entity, one.external_id) for one in ties)
        mapping: Mapping | None = self.value()
        return record_wishes.fetch(self.integration, mapping.entity, mapping.external_id) if mapping else None

    def act_open(self) -> None:
        """The record behind a mapping in full, with its history."""
        mapping: Mapping | None = self.value()
        if mapping is not None:
            self.app.push_screen(RecordPane(self.desk, self.integration, mapping.entity, mapping.external_id))


def mapping_sentences(mapping: Mapping | None, look: Look) -> list[Cell]:
    """One mapping in sentences."""
    if mapping is None:
        return []
    inner = "no internal id yet" if mapping.internal_id is None else f"internal id {mapping.internal_id}"
    lines = [foreign(f"{mapping.entity.value} {mapping.external_id}, {inner}", "strong")]
    if mapping.error_message:
        lines.append(foreign(mapping.error_message, "bad"))
    lines.append(
        Cell(keyed("{open} shows the record and its history; {find_record} finds one by id or name."), "dim")
    )
    if mapping.missing_since_ms is not None:
        since = moment(mapping.missing_since_ms, look)
        lines.append(Cell(f"The SIS has not sent it since {since}. It is marked, never deleted.", "warn"))
    return lines
