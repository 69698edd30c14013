"""The walk in time: one event on or back, or to a time that is typed."""

from __future__ import annotations

from collections.abc import Callable

from siscon.domain.errors import SisconError, UsageError
from siscon.domain.past import moment_of
from siscon.tui.frame import Frame

NO_REPLAY = "This is not a replay: 'siscon replay FILE' looks at a file of the past."


async def act_event_back(app: Frame) -> None:
    """To the event before."""
    await _step(app, back=True)


async def act_event_on(app: Frame) -> None:
    """To the next event."""
    await _step(app, back=False)


async def _step(app: Frame, *, back: bool) -> None:
    from siscon.ops.past import step

    past = app.options.past
    if past is None:
        app.notify(NO_REPLAY, severity="warning", markup=False)
        return
    if app.db is None:
        app.notify("The file is not open yet.", severity="warning")
        return
    try:
        moved = await step(app.db, past, back=back)
    except SisconError as error:
        app.notify(error.sentence, severity="warning", markup=False)
        return
    if moved:
        app.look_again()
    elif back:
        app.notify("There is no event before this.")
    else:
        app.notify("There is no later event.")


def to_time(app: Frame, text: str) -> Callable[[], None]:
    """What goes to a time: ``05:12``, or with the day; raises ``UsageError`` for one that there is not."""
    past = app.options.past
    if past is None:
        raise UsageError(NO_REPLAY)
    at_ms = moment_of(text, past, app.look.zone)

    def go() -> None:
        past.at_ms = at_ms
        app.look_again()

    return go
