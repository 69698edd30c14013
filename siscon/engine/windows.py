"""The windows in which schedules start nothing: announced, begun, ending, ended; scheduled runs rest if they are to.

People are reminded of one with dates before it begins and before it ends; of one that comes every week events tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from siscon.domain.blackouts import Blackout, Due, Span, UnderWay, next_span, span_at
from siscon.domain.events import EventKind, Level
from siscon.domain.runs import RunKind, RunStatus
from siscon.engine.reminders import Reminder
from siscon.store import blackouts, events, runs
from siscon.store.database import Connection

HOUR_MS = 3_600_000
ANNOUNCED, BEGUN, ENDING, ENDED = "announced", "begun", "ending", "ended"


async def tell(c: Connection, windows: Sequence[Blackout], *, reminder: Reminder, now_ms: int) -> int | None:
    """Say of every window what is to be said now, and let runs rest; the moment of the next look, None for never."""
    looks: list[int] = []
    for one in windows:
        await _tell_ended(c, one, now_ms)
        span = next_span(one, now_ms)
        if span is not None:
            looks.append(await _tell(c, span, reminder, now_ms))
    return min(looks, default=None)


async def _tell(c: Connection, span: Span, reminder: Reminder, now_ms: int) -> int:
    """What is to be said of a time that is, or comes; when to look again."""
    one, ahead_ms = span.blackout, span.blackout.remind_h * HOUR_MS
    if now_ms >= span.begin_ms:
        if await blackouts.say(c, span, BEGUN):
            text = f"the window {one.name} has begun: {_whose(one)} nothing until {_at(span, span.end_ms)}"
            await _event(c, one, text, now_ms)
        if one.under_way is UnderWay.PAUSE:
            await _let_rest(c, span)
        return await _tell_ending(c, span, reminder, now_ms)
    if not ahead_ms or now_ms < span.begin_ms - ahead_ms:
        return span.begin_ms - ahead_ms
    if await blackouts.say(c, span, ANNOUNCED):
        begin, end = _at(span, span.begin_ms), _at(span, span.end_ms)
        head, what = (
            f"the window {one.name} begins at {begin}",
            f"{_whose(one)} nothing from then until {end}",
        )
        await _tell_and_remind(c, span, head, what, reminder, now_ms)
    return span.begin_ms


async def _tell_ending(c: Connection, span: Span, reminder: Reminder, now_ms: int) -> int:
    """That a time under way is over before long, unless its announcement said so as late; when to look again.

    Said once for each end: an end may be put off.
    """
    one = span.blackout
    from_ms = span.end_ms - one.remind_h * HOUR_MS
    if not one.remind_h or from_ms <= span.begin_ms:
        return span.end_ms
    if now_ms < from_ms:
        return from_ms
    if await blackouts.say(c, span, f"{ENDING} {span.end_ms}"):
        head = f"the window {one.name} ends at {_at(span, span.end_ms)}"
        await _tell_and_remind(c, span, head, f"{_after(one)} then", reminder, now_ms)
    return span.end_ms


async def _tell_and_remind(
    c: Connection, span: Span, head: str, what: str, reminder: Reminder, now_ms: int
) -> None:
    one = span.blackout
    await _event(c, one, f"{head}: {what}", now_ms)
    if not one.weekly:
        key = f"{one.integration}:{head}"
        await reminder.leave(c, head, f"{head}: {what}", key=key, now_ms=now_ms)


async def _tell_ended(c: Connection, one: Blackout, now_ms: int) -> None:
    """That the time before this moment is over, if its beginning was told; not while its end has been put off."""
    span = await blackouts.last_begun(c, one)
    now = span_at(one, now_ms)
    if span is None or (now is not None and now.begin_ms == span.begin_ms):
        return
    if now_ms >= span.end_ms and await blackouts.say(c, span, ENDED):
        await _event(c, one, f"the window {one.name} is over: {_after(one)} now", now_ms)


async def _let_rest(c: Connection, span: Span) -> None:
    """Ask the scheduled imports that are under way to rest until the window is over."""
    one = span.blackout
    for run in await runs.active(c):
        meant = one.integration in ("", run.integration) and run.kind is RunKind.IMPORT
        scheduled = run.due_at_ms is not None and run.status is RunStatus.RUNNING
        if meant and scheduled and not run.pause_requested_by:
            await runs.request_pause(c, run.id, f"the window {one.name}", resume_at_ms=span.end_ms)


async def _event(c: Connection, one: Blackout, text: str, now_ms: int) -> None:
    await events.append(
        c, EventKind.BLACKOUT, Level.INFO, text, integration=one.integration or None, at_ms=now_ms
    )


def _whose(one: Blackout) -> str:
    return f"the schedules of {one.integration} start" if one.integration else "schedules start"


def _after(one: Blackout) -> str:
    return "what was put off starts" if one.due is Due.LATER else f"{_whose(one)} again from"


def _at(span: Span, at_ms: int) -> str:
    at = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZoneInfo(span.blackout.zone))
    return f"{at:%Y-%m-%d %H:%M %Z}"
