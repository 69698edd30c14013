"""What lines do: a line is looked at as a whole first, so that whoever typed it can mend it; then it is carried out."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from typing import get_args

from siscon.domain.errors import SisconError, UsageError
from siscon.domain.records import Entity
from siscon.domain.text import plain
from siscon.ops import Database
from siscon.tui import navigation
from siscon.tui.actions import PANES, Action, actions_of
from siscon.tui.asking import REFUSAL_S
from siscon.tui.frame import Frame
from siscon.tui.line_wishes import MAKERS
from siscon.tui.present import of
from siscon.tui.replay_acts import to_time
from siscon.tui.screens.pane import Pane
from siscon.tui.screens.records import Records
from siscon.tui.themes import THEMES, ThemeName
from siscon.tui.verbs import VERBS, Said, how_to, run_of, takes_of, understand
from siscon.tui.widgets.panel import Panel

Deed = Callable[[], object]


async def prepare(app: Frame, line: str) -> Deed:
    """What a line would do; raises ``SisconError`` where it cannot be done, with a sentence that says why."""
    said = replace(understand(line), now_ms=app.options.now_ms(), zone=app.look.zone)
    # the line itself lies above the screen it is about
    screen = app.screen_stack[-2] if len(app.screen_stack) > 1 else app.screen
    assert isinstance(screen, Pane)
    action = said.action
    refused = app.refused(action)
    if refused:
        raise UsageError(refused)
    if action.id in PANES:
        return lambda: _go(app, said)
    if said.is_bare and may_be_bare(action, screen):
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


def may_be_bare(action: Action, screen: Pane) -> bool:
    """Whether an action means something here without words behind its verb."""
    needed = any(one[-1] not in "?*" for one in action.takes)
    return not needed or action.id in {one.id for one in actions_of(screen.name_)}


def _as_key(app: Frame, said: Said, screen: Pane) -> Deed:
    """The action as its key would do it on the screen below the line."""
    action = said.action
    if action.keys and action.id not in {one.id for one in actions_of(screen.name_)}:
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
        screen.call_later(_narrow, app, screen, said)


def _narrow(app: Frame, screen: Pane, said: Said) -> None:
    """Show what a filter means; one that means nothing here comes back into the line, with the reason told."""
    if isinstance(screen, Records) and _is_id(said.rest):
        app.run_worker(_jump(app, screen, said.rest), group="jump", exclusive=True)
        return
    try:
        screen.understand(said.rest)
    except UsageError as error:
        app.notify(plain(error.sentence, limit=400), severity="warning", timeout=REFUSAL_S)
        app.begin_line(f"{said.verb} {said.rest}")
        return
    screen.find = said.rest
    screen.load_soon()


def _is_id(text: str) -> bool:
    """Whether a text is an id, or the beginning of one, and nothing that the language of filters reads otherwise."""
    return any(letter.isdigit() for letter in text) and not any(
        letter in '!=<>*"' or letter.isspace() for letter in text
    )


async def _jump(app: Frame, screen: Records, external_id: str) -> None:
    """To the first mapping whose id is not before a text, in the list as it stands in the database."""
    from siscon.ops.records import integration_names

    try:
        if not screen.integration and app.db is not None:
            screen.integration = next(iter(await integration_names(app.db)), "")
        found = await screen.jump(external_id)
    except SisconError as error:
        app.notify(plain(error.sentence, limit=400), severity="warning", timeout=REFUSAL_S)
        return
    if not found:
        app.notify(
            plain(f"No id of {screen.integration or 'any integration'} is {external_id} or behind it.")
        )


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


async def _detail(app: Frame, said: Said, screen: Pane) -> Deed:
    """A screen that lies above a main screen, by the words of `siscon show`."""
    from siscon.tui import shown

    name = shown.name_of(said.words[0])
    if name in PANES:
        return lambda: navigation.go(app, name)
    try:
        shown.check(name, said.words[1:])
    except UsageError as error:
        raise UsageError(error.sentence.replace("siscon show", ":show")) from None
    made = await shown.make(name, said.words[1:], screen.desk, _open(app.db))
    return lambda: app.push_screen(made)


async def _report(app: Frame, said: Said, screen: Pane) -> Deed:
    from siscon.tui import shown

    made = await shown.make("report", said.words, screen.desk, _open(app.db))
    return lambda: app.push_screen(made)


async def _write(app: Frame, said: Said, screen: Pane) -> Deed:
    """Written before the line closes, so that a name that is taken can be changed."""
    from siscon.tui.copying import panel_text
    from siscon.tui.exporting import note_of
    from siscon.tui.screens.report import ReportPane
    from siscon.tui.words import key_of, titles_of
    from siscon.tui.writing import place_of, write_list, write_text

    over = said.verb.endswith("!")
    table = screen.table_here()
    if isinstance(screen, ReportPane):
        text = screen.written_as(place_of(said.rest))
        path = await write_text(text.removesuffix("\n"), said.rest, note_of(app, screen, ()), over=over)
        told = f"Written to {plain(path)}."
    elif table is not None and len(table.rows):
        note = note_of(app, screen, tuple(map(key_of, titles_of(table.columns))))
        path, count = await write_list(table, said.rest, note, over=over)
        told = f"{of(count, 'row')} written to {plain(path)}."
    else:
        text = panel_text(list(screen.query(Panel)))
        path = await write_text(text, said.rest, note_of(app, screen, ()), over=over)
        told = f"Written to {plain(path)}."
    return lambda: app.notify(plain(told, limit=600), timeout=8)


def _theme(app: Frame, said: Said, screen: Pane) -> Deed:  # noqa: ARG001 # every deed is given the screen
    name: ThemeName | None = next((one for one in get_args(ThemeName) if one == said.rest), None)
    if name is None:
        raise UsageError(f"There is no theme '{plain(said.rest, limit=40)}'. Known are: {', '.join(THEMES)}.")
    return lambda: app.wear(name)


DEEDS: dict[str, Callable[[Frame, Said, Pane], Deed | Awaitable[Deed]]] = {
    "show_run": _run,
    "find_record": _record,
    "at": _at,
    "show_screen": _detail,
    "report": _report,
    "write": _write,
    "theme": _theme,
}
"""What looks and takes words: what each does with them."""


def _verbs_on(screen: str) -> list[str]:
    """What a line can begin with on a screen: what its keys do, and all that is named by words."""
    here = {action.id for action in actions_of(screen)}
    return [
        verb for verb, action in VERBS.items() if action.id in here or takes_of(action) or not action.keys
    ]


async def words_known(app: Frame) -> Mapping[str, Iterable[str]]:
    """The words that tab offers, by their kind."""
    from siscon.tui.shown import DETAILS

    below = app.screen_stack[-2] if len(app.screen_stack) > 1 else app.screen
    known: dict[str, Iterable[str]] = {
        "verb": _verbs_on(below.name_) if isinstance(below, Pane) else VERBS,
        "entity": [entity.value for entity in Entity],
        "theme": list(THEMES),
        "report": ["morning", "success", "history", "trend", "run"],
        "time": ["today", "yesterday", "7d", "week", "last-week", "30d"],
        "detail": sorted(one.replace("_", "-") for one in DETAILS),
    }
    for name in PANES:
        screen = app.get_screen(name) if app.is_screen_installed(name) else None
        there = isinstance(screen, Pane) and screen.is_mounted
        named = screen.named() if there and isinstance(screen, Pane) else navigation.screen_class(name).known
        known[f"filter {name}"] = [one.name for one in named]
    if app.db is None:
        return known
    from siscon.ops.plan_views import waiting
    from siscon.ops.records import known_integrations
    from siscon.ops.runs import active_runs

    known["integration"] = list(await known_integrations(app.db))
    runs = [
        *(view.run for view in await active_runs(app.db, now_ms=app.desk.now_ms())),
        *await waiting(app.db),
    ]
    known["run"] = list(dict.fromkeys(str(run.id) for run in runs))
    return known
