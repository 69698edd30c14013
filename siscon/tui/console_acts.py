"""What the keys of every screen do: functions of the console, each named as its action, with act_ before it."""

from __future__ import annotations

from collections.abc import Callable

from siscon.domain.errors import UsageError
from siscon.domain.text import plain
from siscon.tui import grace, navigation, wishes
from siscon.tui.actions import BY_ID, actions_of
from siscon.tui.asking import offer_engine
from siscon.tui.frame import Frame
from siscon.tui.keymap import keyed
from siscon.tui.leaving import shell_waits, way_out
from siscon.tui.replay_acts import act_event_back as act_event_back
from siscon.tui.replay_acts import act_event_on as act_event_on
from siscon.tui.screens.pane import Pane
from siscon.tui.trail import Place
from siscon.tui.verbs import verbs_of
from siscon.tui.widgets.panel import Panel


def act_help(app: Frame) -> None:
    """The keys of this screen; the one chosen is run."""
    from siscon.tui.screens.help import Help

    screen = app.screen
    assert isinstance(screen, Pane)

    async def run(chosen: str | None) -> None:
        if chosen is not None:
            await app.action_act(chosen)

    app.push_screen(Help(screen.name_, app.look), run)


def act_command(app: Frame, text: str = "") -> None:
    """A line to type a command in."""
    from siscon.tui.line_acts import prepare, words_known
    from siscon.tui.screens.command import Command

    def do(deed: Callable[[], object] | None) -> None:
        if deed is not None:
            deed()

    line = Command(
        lambda one: prepare(app, one),
        lambda: words_known(app),
        app.line_history,
        text=text,
    )
    app.push_screen(line, do)


def act_palette(app: Frame) -> None:
    """Every command and action by a few letters; what needs words begins its line."""
    from siscon.tui.line_acts import may_be_bare
    from siscon.tui.screens.palette import Palette

    screen = app.screen
    assert isinstance(screen, Pane)

    async def run(chosen: str | None) -> None:
        if chosen is None:
            return
        if may_be_bare(BY_ID[chosen], screen):
            await app.action_act(chosen)
        else:
            act_command(app, f"{verbs_of(BY_ID[chosen])[0]} ")

    app.push_screen(Palette(actions_of(screen.name_), app.look), run)


def act_messages(app: Frame) -> None:
    """What was said lately."""
    from siscon.tui.screens.messages import Messages

    app.push_screen(Messages(app.desk))


def act_copy(app: Frame) -> None:
    """The id under the cursor; where there is none, what the panels say."""
    from siscon.tui.copying import copy, panel_text

    screen = app.screen
    assert isinstance(screen, Pane)
    copy(app, screen.id_here() or panel_text(list(screen.query(Panel))))


def act_copy_row(app: Frame) -> None:
    """The row under the cursor as JSON."""
    from siscon.tui.copying import as_json, copy, row_of

    screen = app.screen
    assert isinstance(screen, Pane)
    table = screen.table_here()
    cells = table.rows.cells(table.cursor) if table is not None and len(table.rows) else None
    copy(app, as_json(row_of(table, cells)) if table is not None and cells else "")


def act_alone(app: Frame) -> None:
    """The list that has the focus alone on the screen, or all of it again."""
    app.screen.toggle_class("-alone")


def act_wrap(app: Frame) -> None:
    """Long lines of panels wrapped, or cut."""
    app.screen.toggle_class("-cut-lines")


def act_exact(app: Frame) -> None:
    """Times of day in the place of how long ago, or how long ago again."""
    app.look.exact = not app.look.exact
    app.look_again()


def act_suspend(app: Frame) -> None:
    """To the shell; the terminal is as it was until the console is called back."""
    if shell_waits():
        app.action_suspend_process()
    else:
        app.notify(
            plain(keyed("No shell waits below this console: nothing could call it back. {quit} leaves."))
        )


def act_earlier(app: Frame) -> None:
    """Back to the screen before, as a browser goes."""
    _walk(app, app.trail.step(-1), "There is no screen before this one.")


def act_later(app: Frame) -> None:
    """On to the screen that one came back from."""
    _walk(app, app.trail.step(1), "There is no screen after this one.")


def act_before(app: Frame) -> None:
    """The screen one was on before this one; there again it leads back here."""
    _walk(app, app.trail.before, "There was no other screen yet.")


def _walk(app: Frame, place: Place | None, none: str) -> None:
    if place is None:
        app.notify(plain(none), timeout=3)
    else:
        navigation.show(app, place)


def act_filter(app: Frame) -> None:
    """Ask which rows are meant."""
    from siscon.tui.screens.find import Find

    screen = app.screen
    assert isinstance(screen, Pane)

    def found(text: str | None) -> None:
        if text is not None:
            screen.find = text
            screen.load_soon()

    def mistake(text: str) -> str:
        try:
            screen.understand(text)
        except UsageError as error:
            return error.sentence
        return ""

    app.push_screen(Find(screen.find, "Filter", example=screen.example, mistake=mistake), found)


def act_find_record(app: Frame) -> None:
    """Ask for an id or the beginning of a name, and list the records that it may mean."""
    from siscon.tui.screens.find import Find
    from siscon.tui.screens.found import Found

    screen = app.screen
    assert isinstance(screen, Pane)

    def found(text: str | None) -> None:
        if not text or not text.strip():
            return
        if isinstance(screen, Found):
            screen.look_for(text.strip())
        else:
            app.push_screen(Found(screen.desk, text.strip()))

    text = screen.text if isinstance(screen, Found) else ""
    app.push_screen(Find(text, "An id, or the beginning of a name"), found)


def act_back(app: Frame) -> None:
    """Clear the marks, else the filter, else go back one screen."""
    screen = app.screen
    assert isinstance(screen, Pane)
    if screen.let_go():
        return
    if screen.find:
        screen.find = ""
        screen.load_soon()
    elif len(app.screen_stack) > 1:
        app.pop_screen()


async def act_take_back(app: Frame) -> None:
    """Take back what lies in the inbox; else put the question of undoing the run that was decided a moment ago."""
    now_ms, db = app.options.now_ms(), app.db
    decided = app.grace.decided_lately(now_ms)
    if db is None or not (app.grace.lying or decided):
        app.notify("Nothing was asked in the last five seconds.", severity="warning")
        return
    if decided is None or app.grace.left_s(now_ms):  # the status line counts down what lies: z means that
        app.notify(await grace.take_back(db, app.grace, app.options), markup=False)
        app.look_again()
        return
    if why := grace.why_not_undone(decided):
        app.notify(why, severity="warning", markup=False)
        return
    app.propose(lambda _pane: wishes.undo_lately(db, decided.run_id or 0))


def act_refresh(app: Frame) -> None:
    """Read again, or try again to open the database."""
    app.paint_anew()
    if app.db is None:
        app.open_soon()
    app.look_again()


def act_freeze(app: Frame) -> None:
    """Hold the screen still, or let it go on."""
    screen = app.screen
    assert isinstance(screen, Pane)
    screen.frozen = not screen.frozen
    if not screen.frozen:
        screen.load_soon()
    screen.tell()


def act_hint(app: Frame) -> None:
    """ctrl+c is easily pressed by mistake."""
    app.notify(plain(keyed("Press {quit} to leave siscon.")), timeout=3)


def act_start_engine(app: Frame) -> None:
    """Start an engine where none is alive."""
    app.run_worker(_start_engine(app), group="ask", exclusive=True)


async def _start_engine(app: Frame) -> None:
    engine = app.screen.engine if isinstance(app.screen, Pane) else None
    await offer_engine(app, engine, app.options, app.look, app.look_again)


def act_quit(app: Frame) -> None:
    """Leave; ask what becomes of an engine that has work."""
    app.run_worker(_quit(app), group="quit", exclusive=True)


async def _quit(app: Frame) -> None:
    result = await way_out(app, app.db, app.options, app.look)
    if result is not None:
        app.exit(result)
