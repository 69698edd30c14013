"""What events and states say of trouble: each event that begins or ends a cause, each state that is one."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo

from siscon.domain.chores import ChoreState
from siscon.domain.deadlines import HOUR_MS, Stale
from siscon.domain.deliveries import ChannelState
from siscon.domain.events import Event, EventKind, Level
from siscon.domain.notices import Cause, Sighting, Trouble, key_of
from siscon.domain.runs import GOOD_ENDS, Lane, Run, RunKind, RunStatus
from siscon.domain.telling import End, Proof
from siscon.domain.text import counted

NETWORK = frozenset(
    {
        *(
            "outage",
            "unreachable",
            "timeout",
            "connection_lost",
            "server_error",
            "unavailable",
            "bad_gateway",
        ),
        *("gateway_timeout", "too_early", "rate_limited", "no_answer"),
    }
)
LOGIN = frozenset(
    {
        *("login_refused", "token_refused", "needs_person", "consent_refused", "no_secret", "bad_secret"),
        *("private_key", "wrong_issuer", "bad_token", "no_token_url"),
    }
)
DATABASE = frozenset(
    {"database", "disk_full", "full", "locked", "busy", "read_only", "damaged", "unwritable"}
)
CALM_MS = HOUR_MS
"""A part of the engine that has not failed for so long is well again."""
FLOOD = 100
"""So many webhooks refused in a minute are told of at once."""
REFUSED_FOR_MS, REFUSED_CALM_MS = 15 * 60_000, 10 * 60_000
"""Fewer are told of when they go on for so long; when none came for the second time, they have ceased."""

PART_KEY = key_of(Trouble.ENGINE, None, "part")
"""The cause that a part of the engine fails."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the reading of an event needs beside it: its run, and the names of all chores."""

    runs: Mapping[int, Run]
    chores: Collection[str]
    breaker_wait_ms: int


def facts_of(event: Event, reading: Reading) -> list[Sighting | End]:
    """What one event says of trouble; mostly nothing."""
    match event.kind:
        case EventKind.RUN_ENDED | EventKind.RUN_HELD:
            return _of_run(event, reading.runs.get(event.run_id or 0))
        case EventKind.BREAKER_OPENED:
            wait_ms = reading.breaker_wait_ms
            return [_sighting(event, Trouble.FAILING, "network", times=0, wait_ms=wait_ms)]
        case EventKind.BREAKER_CLOSED:
            return [_end(event, Proof.ANSWERS)]
        case EventKind.TOKEN_FAILED if event.level is Level.ERROR:
            return [_sighting(event, Trouble.LOGIN, "", times=0)]
        case EventKind.TOKEN_RENEWED if event.level is Level.INFO:
            return [_end(event, Proof.LOGGED_IN)]
        case EventKind.SCHEDULE_MISSED:
            return [_sighting(event, Trouble.MISSED, "", times=0)]
        case EventKind.WEBHOOKS_REFUSED:
            return [_refused(event)]
        case EventKind.WEBHOOKS_GIVEN_UP:
            return [_sighting(event, Trouble.WEBHOOKS, "given up")]
        case EventKind.TASK_FAILED:
            return _of_task(event, reading.chores)
        case _:
            return []


def class_of(code: str) -> tuple[Trouble, str]:
    """The trouble and the class of a failed run, by the code of its error: few classes, so that one night is one."""
    if code in LOGIN:
        return Trouble.LOGIN, ""
    if code in NETWORK:
        return Trouble.FAILING, "network"
    if code in DATABASE:
        return Trouble.FAILING, "database"
    return Trouble.FAILING, "unexpected" if code == "unexpected" else "answer"


def of_held(held: Iterable[Run]) -> list[Sighting]:
    """Runs that wait for a person's word."""
    return [
        Sighting(
            *(Trouble.HELD, run.started_at_ms or run.queued_at_ms),
            f"run {run.id} is held: {run.error}" if run.error else f"run {run.id} is held",
            run.integration,
            kind=str(run.id),
            total=1,
        )
        for run in held
    ]


def of_chores(chores: Iterable[ChoreState]) -> list[Sighting]:
    """Chores whose last time came to nothing."""
    return [
        Sighting(
            Trouble.CHORE, one.last_at_ms or 0, f"{one.name} failed: {one.last_told}", what=one.name, total=1
        )
        for one in chores
        if one.last_ok is False
    ]


def of_channels(states: Iterable[ChannelState]) -> list[Sighting]:
    """Channels that take nothing any more."""
    return [
        Sighting(
            *(Trouble.CHANNEL, one.failing_since_ms or 0),
            f"the channel {one.name} takes nothing: {one.last_error}",
            what=one.name,
            total=1,
        )
        for one in states
        if one.is_dead
    ]


def of_stale(found: Iterable[tuple[str, list[Stale]]], zone: tzinfo) -> list[Sighting]:
    """Deadlines that have passed without a good import; each comes with the time of day that names it."""
    return [_stale(at, stale, zone) for at, stale in found if stale]


def ended(
    causes: Iterable[Cause], present: Iterable[Sighting], states: Collection[Trouble], *, now_ms: int
) -> list[End]:
    """The ends of causes that are read from states (those of ``states``) and are not present any more.

    What only its begin is told of is over when it has not been told for a while: failures of a
    part of the engine, and refused webhooks.
    """
    keys = {one.key for one in present}
    found = [
        End(one.key, now_ms)
        for one in causes
        if one.trouble in states and one.key not in keys and not one.is_over
    ]
    calm = [
        one
        for one in causes
        if not one.is_over
        and (one.key == PART_KEY or one.trouble is Trouble.WEBHOOKS)
        and one.last_ms + (CALM_MS if one.key == PART_KEY else REFUSED_CALM_MS) < now_ms
    ]
    return [*found, *(End(one.key, now_ms) for one in calm)]


def removed(event: Event, causes: Iterable[Cause]) -> list[End]:
    """With an integration everything ends that was its."""
    if event.kind is not EventKind.INTEGRATION_REMOVED:
        return []
    return [End(one.key, event.at_ms) for one in causes if one.integration == event.integration]


def _of_run(event: Event, run: Run | None) -> list[Sighting | End]:
    """Imports of whole lists alone: what one record or an undo came to is told to whoever asked for it."""
    if run is None or run.kind is not RunKind.IMPORT or run.lane is not Lane.BULK:
        return []
    if event.level is Level.ERROR:
        trouble, kind = class_of(run.error_code if run.status is RunStatus.FAILED else "")
        return [_sighting(event, trouble, kind)]
    is_good = run.status in GOOD_ENDS or event.kind is EventKind.RUN_HELD
    return [_end(event, Proof.SYNCED)] if is_good else []


def _of_task(event: Event, chores: Collection[str]) -> list[Sighting | End]:
    if event.integration:
        return [_sighting(event, Trouble.FAILING, "provider", times=0)]
    if event.text.partition(" failed")[0] in chores:
        return []
    return [Sighting(Trouble.ENGINE, event.at_ms, event.text, what="part")]


def _sighting(event: Event, trouble: Trouble, kind: str, *, times: int = 1, wait_ms: int = 0) -> Sighting:
    return Sighting(
        trouble, event.at_ms, event.text, event.integration, kind=kind, times=times, wait_ms=wait_ms
    )


def _refused(event: Event) -> Sighting:
    """How many were refused in a minute stands in the event's sentence, by reason."""
    count = sum(int(one) for one in re.findall(r"(?<=[ ,])[0-9]+(?= )", event.text.partition(" refused:")[2]))
    wait_ms = 0 if count >= FLOOD else REFUSED_FOR_MS
    return _sighting(event, Trouble.WEBHOOKS, "", times=count, wait_ms=wait_ms)


def _end(event: Event, proof: Proof) -> End:
    return End(key_of(Trouble.FAILING, event.integration), event.at_ms, proof)


def _stale(at: str, stale: list[Stale], zone: tzinfo) -> Sighting:
    due = datetime.fromtimestamp(stale[0].due_ms / 1000, zone)
    name = stale[0].integration
    return Sighting(
        *(Trouble.STALE, stale[0].due_ms),
        f"not fresh by {at} on {due:%a %d %b}: {', '.join(_age(one) for one in stale)}",
        name,
        what=at,
        total=max(one.missed for one in stale),
    )


def _age(one: Stale) -> str:
    if one.emptied:
        return f"{one.entity} (the last list came empty)"
    if one.good_ms is None:
        return f"{one.entity} (never imported)"
    return f"{one.entity} (last good import {counted((one.due_ms - one.good_ms) // HOUR_MS, 'hour')} before)"
