"""Health, the home screen: every integration, how fresh it is, what waits for a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container

from siscon.domain.runs import Run
from siscon.ops import Database
from siscon.ops.dead_channels import dead_channels
from siscon.ops.engine_parts import failing_part
from siscon.ops.trends import Trends, trends
from siscon.ops.views import Health, health
from siscon.tui import wishes
from siscon.tui.actions import Action
from siscon.tui.health_lines import HEALTH, health_details, health_line, health_panel
from siscon.tui.keymap import key_of, keyed
from siscon.tui.present import foreign, of
from siscon.tui.screens.marking import MarkPane
from siscon.tui.screens.pane import bindings_of
from siscon.tui.widgets.panel import Panel
from siscon.tui.widgets.status_bar import Part
from siscon.tui.widgets.table import LineTable
from siscon.tui.wishes import Wish

ROOM_FOR_ENGINE = 100
"""From this width on the status line has room to say where the engine works."""
ROOM_BESIDE = 140
"""From this width on the panel stands beside the list, and tells more."""


class Overview(MarkPane):
    """Where an operator arrives."""

    name_ = "overview"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("overview")]

    def body(self) -> ComposeResult:
        with Container(id="health"):
            yield LineTable(HEALTH, self.look, id="list")
            yield Panel(id="panel")

    views: tuple[Health, ...] = ()
    trends: Trends | None = None
    dead: tuple[str, ...] = ()
    part_fails = False

    def on_resize(self) -> None:
        """Where there is room the panel stands beside the list; graphs are as wide as their column."""
        self.set_class(self.app.size.width >= ROOM_BESIDE, "-beside")
        self.call_after_refresh(self.load_soon)

    async def load(self, db: Database) -> None:
        now_ms, zone = self.desk.now_ms(), self.look.zone
        self.views = tuple(sorted(await health(db, now_ms=now_ms), key=lambda view: view.urgency))
        self.dead = await dead_channels(db)
        self.part_fails = bool(await failing_part(db, now_ms=now_ms))
        self.trends = await trends(db, self.trends, now_ms=now_ms, zone=zone)
        width = self.table().row_width
        lines = [
            health_line(view, self.look, now_ms, trend=self.trends.of(view.integration.name), width=width)
            for view in self.views
        ]
        note = self.empty(
            "No integration yet.",
            "Write one under integrations: in the configuration;",
            "'siscon config check' says whether it is right.",
            keyed("An engine reads it as it starts: {quit}, then siscon again."),
        )
        self.table().show(self.fixed(lines), note=note)
        self.pointed()

    def pointed(self) -> None:
        view: Health | None = self.value()
        panel = self.query_one("#panel", Panel)
        if view is None or self.trends is None:
            panel.tell([])
            return
        lines = health_details if self.has_class("-beside") else health_panel
        trend, width = self.trends.of(view.integration.name), panel.content_size.width
        panel.tell(lines(view, self.look, self.desk.now_ms(), trend=trend, width=width))

    def status(self) -> list[Part]:
        views = self.views
        engine = self.engine.alive if self.engine else None
        waiting = sum(view.needs_person for view in views)
        parts = [Part(f" {of(len(views), 'integration')} ")]
        if waiting:
            need = "needs" if waiting == 1 else "need"
            whole = f" {waiting} of {of(len(views), 'integration')} {need} a person "
            parts = [Part(whole, "bad", short=f" {waiting} of {len(views)} {need} a person ")]
        dead, open_ = sum(view.dead for view in views), sum(view.conflicts for view in views)
        if dead:
            parts.append(Part(f" {of(dead, 'error')} (4) ", "bad", "errors"))
        if open_:
            parts.append(Part(f" {of(open_, 'conflict')} (5) ", "warn", "conflicts"))
        if hooks := [view.integration.name for view in views if view.webhooks_fail]:
            said = f" webhooks of {hooks[0]}{_more(hooks)} fail ({key_of('doctor')}) "
            parts.append(Part(foreign(said, limit=60).text, "bad", "doctor"))
        if self.part_fails:
            parts.append(Part(f" a part of the engine fails ({key_of('doctor')}) ", "bad", "doctor"))
        for name in self.dead[:1]:
            said = f" channel {name}{_more(self.dead)} dead ({key_of('doctor')}) "
            parts.append(Part(foreign(said, limit=60).text, "bad", "doctor"))
        if engine is not None and self.app.size.width >= ROOM_FOR_ENGINE:
            parts.append(Part(foreign(f" engine {engine.pid} on {engine.host} ", limit=40).text, "dim"))
        return parts

    def why_not(self, action: Action) -> str:
        view: Health | None = self.value()
        if action.id in ("sync", "full_sync", "dry_run", "pause", "compare") and view is None:
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
        many: list[Health] = self.chosen_values()
        if len(many) > 1 and action.id in ("sync", "full_sync", "dry_run"):
            from siscon.tui import bulk_wishes  # brings the store: the first paint does not wait for it

            names = [one.integration.name for one in many]
            return bulk_wishes.sync(names, full=action.id == "full_sync", dry=action.id == "dry_run")
        if action.id in ("sync", "full_sync"):
            return wishes.sync(name, full=action.id == "full_sync")
        if action.id == "pause":
            return wishes.pause(view.integration, now_ms=self.desk.now_ms())
        if action.id == "dry_run":
            return wishes.dry_run(name)
        run = _run_for(action, view)
        return await wishes.of_run(action.id, run, db) if run else None

    def act_compare(self) -> None:
        """The last imports of the integration under the cursor, side by side."""
        from siscon.tui.screens.compare import ComparePane

        view: Health | None = self.value()
        if view is not None:
            self.app.push_screen(ComparePane(self.desk, view.integration.name))

    async def act_open(self) -> None:
        """What runs, and ran."""
        await self.app.run_action("app.act('runs')")


def _more(names: Sequence[str]) -> str:
    return f" and {len(names) - 1} more" if len(names) > 1 else ""


def _run_for(action: Action, view: Health | None) -> Run | None:
    if view is None:
        return None
    return view.run if action.id == "cancel" else view.held_run
