"""The walk in time: one event on or back, or to a time that is typed."""

from __future__ import annotations

from siscon.domain.errors import SisconError
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
    if past is None or app.db is None:
        app.notify(NO_REPLAY if past is None else "The file is not open yet.", severity="warning")
        return
    try:
        moved = await step(app.db, past, back=back)
    except SisconError as error:
        app.notify(error.sentence, severity="warning")
        return
    if moved:
        app.look_again()
    else:
        app.notify("There is no event before this." if back else "There is no later event.")


def go_to(app: Frame, text: str) -> None:
    """To a time: ``05:12``, or with the day. What is no such time is said, and nothing moves."""
    past = app.options.past
    if past is None:
        app.notify(NO_REPLAY, severity="warning")
        return
    try:
        past.at_ms = moment_of(text, past, app.look.zone)
    except SisconError as error:
        app.notify(error.sentence, severity="warning")
        return
    app.look_again()
