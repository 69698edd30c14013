"""Tokens: the login of each integration, when it ends, what went wrong with it."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from siscon.domain.tokens import TokenHealth
from siscon.ops import Database
from siscon.ops.views import TokenView, token_views
from siscon.tui import wishes
from siscon.tui.actions import Action
from siscon.tui.keymap import keyed
from siscon.tui.lines import TOKENS, token_line
from siscon.tui.present import Cell, Look, foreign, moment, of
from siscon.tui.screens.pane import Pane, bindings_of
from siscon.tui.token_acts import how_to_authorise, how_to_revoke
from siscon.tui.widgets.panel import Panel
from siscon.tui.widgets.status_bar import Part
from siscon.tui.widgets.table import LineTable
from siscon.tui.wishes import Wish

_TO_DO = {
    TokenHealth.EXPIRED: "Press {renew} to ask for a new one now; the next run does so too.",
    TokenHealth.NEEDS_PERSON: "A consent: siscon tokens authorise {name}. "
    "A wrong id or secret: mend it, then press {renew}.",
    TokenHealth.REVOKED: "It was taken back. Check the client in the SIS, then press {renew}.",
}


class Tokens(Pane):
    """Logins."""

    name_ = "tokens"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("tokens")]

    def body(self) -> ComposeResult:
        yield LineTable(TOKENS, self.look, id="list")
        yield Panel(id="panel")

    async def load(self, db: Database) -> None:
        now_ms = self.desk.now_ms()
        lines = [token_line(view, self.look, now_ms) for view in await token_views(db, now_ms=now_ms)]
        self.table().show(self.fixed(lines), note=self.empty("No integration yet, so no login."))

    def pointed(self) -> None:
        view: TokenView | None = self.value()
        self.query_one("#panel", Panel).tell(token_sentences(view, self.look) if view else [])

    def status(self) -> list[Part]:
        return [Part(f" {of(len(self.table().rows), 'login')} ")]

    def why_not(self, action: Action) -> str:
        if action.id in ("sync", "renew", "authorise", "revoke") and self.value() is None:
            return "No integration is under the cursor."
        return ""

    def wish(self, action: Action) -> Wish | None:
        view: TokenView | None = self.value()
        if view is None:
            return None
        return wishes.renew(view.integration) if action.id == "renew" else wishes.sync(view.integration)

    def act_authorise(self) -> None:
        """Say how a person's consent is given."""
        view: TokenView | None = self.value()
        if view is not None:
            self.app.push_screen(how_to_authorise(view.integration, self.look))

    def act_revoke(self) -> None:
        """Say how the login is given back."""
        view: TokenView | None = self.value()
        if view is not None:
            self.app.push_screen(how_to_revoke(view.integration, self.look))


def token_sentences(view: TokenView, look: Look) -> list[Cell]:
    """What is known of one login, in sentences. The token itself is never shown."""
    lines = [foreign(f"{view.integration}  ({view.title})", "strong")]
    state = view.state
    if state is None or state.obtained_at_ms is None:
        lines.append(Cell("No token yet: the first run asks for one.", "dim"))
    else:
        ends = "the SIS did not say when it ends"
        if state.expires_at_ms is not None:
            ends = f"it ends {moment(state.expires_at_ms, look)}"
        lines.append(Cell(f"Token of {moment(state.obtained_at_ms, look)}; {ends}."))
    if state is not None and state.scope:
        lines.append(foreign(f"It covers: {state.scope}", "dim", limit=400))
    if state is not None and state.failures:
        lines.append(Cell(f"{of(state.failures, 'failure')} in a row:", "bad"))
    if state is not None and state.last_error:
        lines.append(foreign(state.last_error, limit=400))
    if state is not None and (todo := _TO_DO.get(state.health)):
        lines.append(Cell(keyed(todo, name=view.integration), "warn"))
    return lines
