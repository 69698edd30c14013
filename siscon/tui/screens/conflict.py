"""One conflict three ways: a choice for each field, then the decision. Also whether two are one."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from siscon.domain.commands import Command, SettleConflict
from siscon.domain.conflicts import Conflict, ConflictKind
from siscon.domain.records import FIELDS
from siscon.ops import Database
from siscon.ops.conflicts import find
from siscon.ops.record_views import called
from siscon.tui import conflict_wishes
from siscon.tui.actions import Action
from siscon.tui.asking import ask_line
from siscon.tui.conflict_lines import SIDES, field_sentences, side_line, title_sentences
from siscon.tui.conflict_wishes import LOCAL, OWN, SIS
from siscon.tui.keymap import keyed
from siscon.tui.present import Cell, foreign, of
from siscon.tui.screens.pane import Desk, Pane, bindings_of
from siscon.tui.screens.record import open_record
from siscon.tui.widgets.confirm import NO, Ask, Choice
from siscon.tui.widgets.panel import Panel
from siscon.tui.widgets.rows import FixedRows
from siscon.tui.widgets.status_bar import Part
from siscon.tui.widgets.table import LineTable
from siscon.tui.wishes import Wish

CHOOSING = ("take_sis", "take_local", "take_value", "all_sis", "all_local", "open", "settle_alike")
"""What is about single fields."""


class ConflictPane(Pane):
    """One question."""

    name_ = "conflict"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("conflict")]

    def __init__(self, desk: Desk, conflict: Conflict) -> None:
        super().__init__(desk)
        self.conflict = conflict
        self.called: str | None = None
        self.choices: dict[str, str] = {}

    @property
    def crumb(self) -> str:
        return foreign(f"{self.conflict.entity} {self.conflict.external_id}", limit=40).text

    def body(self) -> ComposeResult:
        yield Panel(id="title")
        yield LineTable(SIDES, self.look, id="list")
        yield Panel(id="panel")

    async def load(self, db: Database) -> None:
        now = await find(db, self.conflict.id)
        if now is not None and now != self.conflict:
            if self.choices and now.status == "open":
                self.app.notify(
                    "A side has changed since you looked: what you had chosen is taken back. Look again.",
                    severity="warning",
                )
            self.conflict, self.choices = now, {}
        if self.called is None:
            one = self.conflict
            self.called = await called(db, one.integration, one.entity, one.external_id)
        self._show()

    def _show(self) -> None:
        one, look = self.conflict, self.look
        self.query_one("#title", Panel).tell(
            title_sentences(one, self.called or "", look, self.desk.now_ms())
        )
        names = list(dict.fromkeys((*one.sis, *one.local)))
        lines = [side_line(one, name, self.choices.get(name), look) for name in names]
        self.table().show(FixedRows(lines), note=(Cell("No field is in question.", "dim"),))
        self.pointed()

    def pointed(self) -> None:
        name: str | None = self.value()
        lines = field_sentences(self.conflict, name, self.choices.get(name), self.look) if name else []
        self.query_one("#panel", Panel).tell(lines)

    @property
    def is_open(self) -> bool:
        """Whether it still waits."""
        return self.conflict.status == "open"

    @property
    def is_about_fields(self) -> bool:
        """Whether it is decided field by field."""
        return self.conflict.kind is ConflictKind.FIELDS

    def status(self) -> list[Part]:
        number = Part(f" conflict {self.conflict.id} ", "strong")
        if not self.is_open:
            return [number, Part(f" {self.conflict.status} ", "dim")]
        if not self.is_about_fields:
            return [number, Part(keyed(" {settle} decides "), "warn", "settle")]
        chosen = f" {len(self.choices)} of {of(len(self.conflict.sis), 'field')} chosen "
        return [
            number,
            Part(chosen, "good" if self.choices else "warn"),
            Part(keyed(" {all_sis}, {all_local}: all fields "), "dim"),
        ]

    def why_not(self, action: Action) -> str:
        if action.id in (*CHOOSING, "settle") and not self.is_open:
            return "This conflict is decided or gone: there is nothing to choose."
        if action.id in CHOOSING and not self.is_about_fields:
            return keyed("This is a question of identity: {settle} decides it.")
        if action.id in CHOOSING and self.value() is None:
            return "No field is under the cursor."
        if action.id == "take_value" and self._is_list(self.value()):
            return "This field is a list: take one side."
        if action.id == "settle" and self.is_about_fields and not self.choices:
            return conflict_wishes.nothing_chosen()
        return ""

    def _is_list(self, name: str) -> bool:
        return any(rule.many for rule in FIELDS[self.conflict.entity] if rule.name == name)

    # Choosing: nothing is asked of the engine

    def _choose(self, choices: dict[str, str]) -> None:
        self.choices.update(choices)
        self._show()
        self.tell()

    def act_take_sis(self) -> None:
        """The SIS is right about the field under the cursor."""
        self._choose({self.value(): SIS})

    def act_take_local(self) -> None:
        """The local value is right."""
        self._choose({self.value(): LOCAL})

    def act_all_sis(self) -> None:
        """The SIS is right about every field."""
        self._choose(dict.fromkeys(self.conflict.sis, SIS))

    def act_all_local(self) -> None:
        """The local values are right."""
        self._choose(dict.fromkeys(self.conflict.sis, LOCAL))

    def act_take_value(self) -> None:
        """A value that neither side has, typed."""
        self.app.run_worker(self._take_value(self.conflict, self.value()), group="ask", exclusive=True)

    async def _take_value(self, conflict: Conflict, name: str) -> None:
        value = await ask_line(self.app, f"The {name} shall be (none empties it)")
        if value is not None and self.conflict == conflict:
            self._choose({name: OWN + value})

    def act_open(self) -> None:
        """The next choice for the field under the cursor: the SIS, local, none."""
        name, after = self.value(), {None: SIS, SIS: LOCAL}
        choice = after.get(self.choices.pop(name, None))
        self._choose({name: choice} if choice else {})

    # Deciding

    async def wish(self, action: Action) -> Wish | None:
        db = self.desk.database()
        if action.id == "settle":
            return conflict_wishes.settle(self.conflict, self.choices, self.look)
        name: str | None = self.value()
        if db is None or name is None:
            return None
        return await ask_alike(self, db, self.conflict, name, self.choices.get(name))

    def done(self, command: Command) -> None:
        """Back to the list, unless fields are left."""
        if isinstance(command, SettleConflict) and set(command.choices) >= set(self.conflict.sis):
            self.app.pop_screen()
        self.choices = {}

    async def act_history(self) -> None:
        """The record as it is now, with what was done to it."""
        one = self.conflict
        await open_record(self, one.integration, one.entity, one.external_id)


async def ask_alike(
    pane: Pane, db: Database, conflict: Conflict, name: str, choice: str | None
) -> Wish | None:
    """Which side shall hold for all that are alike, asked where it is not chosen yet; then the counted question."""
    if choice not in (SIS, LOCAL):
        choices = [
            Choice("n", "", NO),
            Choice("s", SIS, "The SIS shall hold; then see how many they are"),
            Choice("l", LOCAL, "The local values shall hold; then see how many they are"),
        ]
        title = f"{foreign(name).text}: which side shall hold in all that are alike?"
        choice = await pane.app.push_screen_wait(Ask(title, (), choices, safe="", look=pane.look))
    return await conflict_wishes.alike(db, conflict, name, choice, pane.look) if choice else None
