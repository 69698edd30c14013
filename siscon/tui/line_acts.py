"""What lines do: a line is looked at as a whole first, so that whoever typed it can mend it; then it is carried out."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping

from siscon.domain.errors import UsageError
from siscon.domain.records import Entity
from siscon.ops import Database
from siscon.tui import navigation
from siscon.tui.actions import PANES, actions_of
from siscon.tui.frame import Frame
from siscon.tui.line_wishes import MAKERS
from siscon.tui.replay_acts import to_time
from siscon.tui.screens.pane import Pane
from siscon.tui.verbs import Said, how_to, run_of, understand

Deed = Callable[[], object]


async def prepare(app: Frame, line: str) -> Deed:
    """What a line would do; raises ``SisconError`` where it cannot be done, with a sentence that says why."""
    said = understand(line)
    screen = (
        app.screen_stack[-2] if len(app.screen_stack) > 1 else app.screen
    )  # the line itself lies above it
    assert isinstance(screen, Pane)
    action = said.action
    refused = app.refusal(action)
    if refused:
        raise UsageError(refused)
    if action.id in PANES:
        return lambda: _go(app, said)
    if said.is_bare and not _needs_words(said, screen):
        return _as_key(app, said, screen)
    db = app.db
    if action.id in MAKERS:
        wish = await MAKERS[action.id](said, _open(db))
        if wish is None:
            raise UsageError("There is nothing to do.")
        return lambda: app.run_worker(app.put(wish, screen), group="ask", exclusive=True)
    if action.id in DEEDS:
        found = DEEDS[action.id](app, said, screen)
        return await found if inspect.isawaitable(found) else found
    raise UsageError(f"Write: {how_to(said.verb)}")


def _needs_words(said: Said, screen: Pane) -> bool:
    """Whether a verb means nothing here without words behind it."""
    needed = any(one[-1] not in "?*" for one in said.action.takes)
    return needed and (not said.action.keys or said.action not in actions_of(screen.name_))


def _as_key(app: Frame, said: Said, screen: Pane) -> Deed:
    """The action as its key would do it on the screen below the line."""
    action = said.action
    if action.id not in {one.id for one in actions_of(screen.name_)}:
        where = ", ".join(one.replace("_", " ") for one in action.screens)
        raise UsageError(f"'{said.verb}' belongs to other screens: {where}.")
    refused = screen.why_not(action)
    if refused:
        raise UsageError(refused)
    return lambda: app.call_next(app.action_act, action.id)


def _open(db: Database | None) -> Database:
    if db is None:
        raise UsageError("The database is not open yet.")
    return db


def _go(app: Frame, said: Said) -> None:
    screen = navigation.go(app, said.action.id)
    if said.rest:
        screen.find = said.rest
        screen.load_soon()


async def _run(app: Frame, said: Said, screen: Pane) -> Deed:
    from siscon.ops.run_rows import runs_by_id
    from siscon.tui.screens.run import RunPane

    run_id = run_of(said.words[0])
    if not await runs_by_id(_open(app.db), [run_id]):
        raise UsageError(f"There is no run #{run_id}.")
    return lambda: app.push_screen(RunPane(screen.desk, run_id))


def _record(app: Frame, said: Said, screen: Pane) -> Deed:
    from siscon.tui.screens.found import Found

    return lambda: app.push_screen(Found(screen.desk, said.rest))


def _at(app: Frame, said: Said, screen: Pane) -> Deed:  # noqa: ARG001 # all deeds are given the screen
    return to_time(app, said.rest)


DEEDS: dict[str, Callable[[Frame, Said, Pane], Deed | Awaitable[Deed]]] = {
    "show_run": _run,
    "find_record": _record,
    "at": _at,
}
"""What looks and takes words: what each does with them."""


async def words_known(db: Database | None, now_ms: int) -> Mapping[str, Iterable[str]]:
    """The words that tab offers, by their kind."""
    known: dict[str, Iterable[str]] = {"entity": [entity.value for entity in Entity]}
    if db is None:
        return known
    from siscon.ops.plan_views import waiting
    from siscon.ops.records import known_integrations
    from siscon.ops.runs import active_runs

    known["integration"] = list(await known_integrations(db))
    runs = [*(view.run for view in await active_runs(db, now_ms=now_ms)), *await waiting(db)]
    known["run"] = list(dict.fromkeys(str(run.id) for run in runs))
    return known
