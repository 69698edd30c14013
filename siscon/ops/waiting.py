"""Why a run does not go on this moment: in a sentence, as far as it is known."""

from __future__ import annotations

from siscon.domain.blackouts import of_integration, span_at
from siscon.domain.events import EventKind
from siscon.domain.integrations import Integration
from siscon.domain.runs import Run, RunStatus
from siscon.domain.text import plain, utc_words
from siscon.ops.views import engine_line
from siscon.store import blackouts, events, integrations, ratelimits, runs
from siscon.store.database import Connection, Database

NEWS = 5
"""Among the last events of a run the one that says why it waits; later ones may be notes of its other lists."""


async def why_waiting(db: Database, run: Run, *, now_ms: int) -> str:
    """What a run waits for; empty where it waits for nothing, or has ended."""
    if run.status in (RunStatus.HELD, RunStatus.PLANNED):
        return "A person has to approve or discard its plan."
    if run.status is RunStatus.RUNNING:
        if run.waiting_until_ms is None or run.waiting_until_ms <= now_ms:
            return ""
        async with db.read() as c:
            return await _why_it_pauses(c, run, now_ms)
    if run.status is RunStatus.PAUSED:
        by = plain(run.pause_requested_by or "somebody")
        until = f" until {utc_words(run.resume_at_ms)}" if run.resume_at_ms is not None else ""
        return f"It was paused by {by}{until}; it goes on where it stands."
    if run.status not in (RunStatus.QUEUED, RunStatus.INTERRUPTED):
        return ""
    async with db.read() as c:
        why = await _why_it_does_not_begin(c, run, now_ms)
    if not why and (await engine_line(db, now_ms=now_ms)).alive is None:
        why = "No engine is alive that could take it."
    return why or "An engine takes it in a moment."


async def _why_it_does_not_begin(c: Connection, run: Run, now_ms: int) -> str:
    name = plain(run.integration)
    integration = await integrations.one(c, run.integration)
    if integration is None or not integration.enabled:
        return f"{name} is switched off in the configuration."
    if run.due_at_ms is not None and run.attempt == 0:
        if integration.rests(now_ms):
            return f"{name} is paused: what its schedule has queued begins when it is resumed."
        for window in of_integration(await blackouts.all_blackouts(c), run.integration):
            if (span := span_at(window, now_ms)) is not None:
                return f"It is held back by the window {plain(window.name)} until {utc_words(span.end_ms)}."
    held = await runs.latest(c, integration=run.integration, status=RunStatus.HELD)
    beside = [one for one in (*held, *await runs.active(c)) if _same_lane(one, run)]
    for one in beside:
        if one.status is RunStatus.HELD:
            return f"Run #{one.id} of {name} is held: a person has to approve or discard it first."
        if one.status is RunStatus.RUNNING:
            return f"Run #{one.id} of {name} is under way, and one goes at a time."
        if one.status is RunStatus.PAUSED:
            return f"Run #{one.id} of {name} is paused: continue or cancel it first."
    before = [one.id for one in beside if one.status is RunStatus.QUEUED and one.id < run.id]
    return f"Run #{before[0]} of {name} was asked for before it." if before else ""


def _same_lane(one: Run, run: Run) -> bool:
    return one.id != run.id and (one.integration, one.lane) == (run.integration, run.lane)


async def _why_it_pauses(c: Connection, run: Run, now_ms: int) -> str:
    integration = await integrations.one(c, run.integration)
    if integration is not None and (shut := _breaker(integration, now_ms)):
        return shut
    _, pause_until_ms = await ratelimits.look(c, [run.integration])
    if now_ms < pause_until_ms <= now_ms + ratelimits.PAUSE_MOST_MS:
        return "The SIS asked for a pause."
    for one in await events.latest(c, limit=NEWS, run_id=run.id):
        if one.kind is EventKind.RUN_WAITING:
            return one.text if one.text.endswith(".") else f"{one.text}."
    rate = integration.requests_per_minute if integration else 0
    allowed = f"{rate} requests a minute" if rate else "no more requests for now"
    return f"The rate limit allows {allowed}: the next has its turn then."


def _breaker(integration: Integration, now_ms: int) -> str:
    if integration.breaker_state == "trying":
        return "Several requests in a row failed; one finds out whether the SIS answers again."
    until_ms = integration.breaker_until_ms
    if integration.breaker_state == "open" and until_ms is not None and until_ms > now_ms:
        return "Several requests in a row failed: nothing is sent for a while, then one to find out."
    return ""
