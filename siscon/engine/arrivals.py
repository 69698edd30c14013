"""What webhooks told becomes runs that fetch the records themselves: at once, equal ones merged, bursts bounded.

A message is a hint: only ids are taken from it, and what the SIS says goes through plan, guard and absence as ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from siscon.domain.blackouts import of_integration, span_at
from siscon.domain.events import EventKind, Level
from siscon.domain.leases import Lease
from siscon.domain.records import Entity
from siscon.domain.runs import GOOD_ENDS, UNDER_WAY, Lane, RunKind, RunStatus
from siscon.domain.text import agreed, counted, plain
from siscon.engine.answers import LiveEngine
from siscon.engine.bell import Ear
from siscon.engine.chores import Chore, every
from siscon.engine.dead_acts import MOST_FETCHED
from siscon.store import audit, blackouts, events, integrations, runs, webhook_counts, webhook_inbox
from siscon.store.database import Connection, Database
from siscon.store.vault import Vault
from siscon.store.webhook_inbox import Waiting

LOOK_EVERY_S = 2.0
REST_S = 0.3
"""While nothing can be queued for what waits, it is looked at not more often than so."""
REQUESTED_BY = "webhook"
MOST_TOGETHER = 20_000
"""Messages that one look takes."""
AGAIN_FIRST_MS, AGAIN_MOST_MS, MOST_TRIES = 60_000, 3_600_000, 12
"""What a failed run was to fetch is tried again after a minute, two, four ... an hour; so often at most."""
ALONE_AFTER = 6
"""What was fetched with others so often in vain is fetched alone: one message that the SIS chokes on takes no others
along.
"""
LATELY_MS, AT_ONCE, PACE_MS, PACE_MOST_MS = 600_000, 120, 1_000, 30_000
"""What comes is fetched at once, up to 120 runs of an integration in ten minutes. From then on each waits a second
longer after the one before, half a minute at most: what goes on all day would else be a run a second, all year.
"""
FORGET_AT_ONCE = 5_000
MOST_KEPT = 1_000_000
"""Of more messages the oldest are forgotten before their time."""
COUNTS_KEPT_DAYS = 90
DAY_MS = 24 * 3600 * 1000


@dataclass(slots=True)
class Wanted:
    """What some messages come to: ids of a few records for a quick run, kinds of which all are looked at by a sync."""

    few: dict[Entity, list[str]] = field(default_factory=dict)
    few_from: list[int] = field(default_factory=list)
    whole: list[Entity] = field(default_factory=list)
    whole_from: list[int] = field(default_factory=list)
    nothing_from: list[int] = field(default_factory=list)


def sort_out(waiting: Sequence[Waiting], imports: Callable[[Entity], bool]) -> Wanted:
    """Merge messages: each id once. A kind of which more than a thousand records, or all, are named is synced."""
    ids: dict[Entity, dict[str, None]] = {}
    unnamed: set[Entity] = set()
    for one in waiting:
        for hint in one.hints:
            ids.setdefault(hint.entity, {}).update(dict.fromkeys(hint.ids))
            if not hint.ids:
                unnamed.add(hint.entity)
    whole = {kind for kind, named in ids.items() if kind in unnamed or len(named) > MOST_FETCHED}
    wanted, synced = Wanted(), set[Entity]()
    for one in waiting:
        kinds = {hint.entity for hint in one.hints if imports(hint.entity)}
        if not kinds:
            wanted.nothing_from.append(one.id)
        elif kinds & whole:
            wanted.whole_from.append(one.id)
            synced |= kinds
        else:
            wanted.few_from.append(one.id)
            for hint in one.hints:
                if hint.entity in kinds:
                    wanted.few.setdefault(hint.entity, []).extend(hint.ids)
    wanted.few = {kind: list(dict.fromkeys(wanted.few[kind])) for kind in Entity if kind in wanted.few}
    wanted.whole = [kind for kind in Entity if kind in synced]
    return wanted


def apart(wanted: Wanted, waiting: Sequence[Waiting], imports: Callable[[Entity], bool]) -> Wanted:
    """The same, but of messages that failed too often with others one alone, once nothing younger waits."""
    ids = set(wanted.few_from)
    few = [one for one in waiting if one.id in ids]
    chosen = [one for one in few if one.tries < ALONE_AFTER] or few[:1]
    if len(chosen) == len(few):
        return wanted
    told = sort_out(chosen, imports)
    return replace(wanted, few=told.few, few_from=told.few_from)


async def attend(db: Database, ear: Ear, *, live: LiveEngine, now_ms: Callable[[], int]) -> None:
    """Look at the inbox whenever something came, for ever."""
    while True:
        await ear.heard(timeout_s=LOOK_EVERY_S)
        async with db.read() as c:
            names = [one for one in await webhook_inbox.open_integrations(c) if one in live.integrations]
        queued = [await look(db, name, live=live, now_ms=now_ms()) for name in names]
        if names and not any(queued):
            await asyncio.sleep(REST_S)


async def look(db: Database, name: str, *, live: LiveEngine, now_ms: int) -> bool:
    """Conclude what runs have fetched for one integration, and queue what waits; whether anything was queued."""
    async with db.read() as c:
        if not await _is_something_to_do(c, name, now_ms):
            return False
    async with db.transaction() as c:
        busy = await _conclude(c, name, now_ms)
        integration = await integrations.one(c, name)
        if integration is None or not integration.enabled or integration.rests(now_ms):
            return False
        waiting = await webhook_inbox.waiting(c, name, now_ms=now_ms, limit=MOST_TOGETHER)
        named = live.entities.get(name)

        def imports(kind: Entity) -> bool:
            return named is None or kind in named

        wanted = apart(sort_out(waiting, imports), waiting, imports)
        await webhook_inbox.pass_over(c, wanted.nothing_from)
        may_begin = Lane.QUICK not in busy and await _paced_until_ms(c, name, now_ms) <= now_ms
        if is_few := bool(wanted.few) and may_begin:
            await _queue_few(c, name, wanted, now_ms)
        if is_whole := bool(wanted.whole) and Lane.BULK not in busy and await _is_free(c, name, now_ms):
            await _queue_whole(c, name, wanted, now_ms)
    return is_few or is_whole


async def _is_something_to_do(c: Connection, name: str, now_ms: int) -> bool:
    """Whether a run has ended, or something waits that may begin; so that nothing is locked for nothing."""
    found = await webhook_inbox.open_runs(c, name)
    if any(not _goes_on(one.status) for one in found):
        return True
    if {one.lane for one in found} >= {Lane.QUICK, Lane.BULK}:
        return False
    integration = await integrations.one(c, name)
    if integration is None or not integration.enabled or integration.rests(now_ms):
        return False
    if not await webhook_inbox.waiting(c, name, now_ms=now_ms, limit=1):
        return False
    return await _paced_until_ms(c, name, now_ms) <= now_ms


async def _paced_until_ms(c: Connection, name: str, now_ms: int) -> int:
    """When the next quick run may begin."""
    n, last_ms = await webhook_inbox.lately(c, name, REQUESTED_BY, since_ms=now_ms - LATELY_MS, now_ms=now_ms)
    return last_ms + min(PACE_MOST_MS, PACE_MS * max(0, n + 1 - AT_ONCE))


def _goes_on(status: RunStatus | None) -> bool:
    return status is not None and status not in GOOD_ENDS | {RunStatus.FAILED, RunStatus.CANCELLED}


async def _conclude(c: Connection, name: str, now_ms: int) -> set[Lane]:
    """Close the messages of runs that went well, put those of failed ones back; the lanes that are still at work."""
    busy = set[Lane]()
    for one in await webhook_inbox.open_runs(c, name):
        if _goes_on(one.status):
            busy |= {one.lane} if one.lane is not None else set()
        elif one.status in GOOD_ENDS and one.run_id is not None:
            await webhook_inbox.close(c, name, one.run_id, "done")
        elif one.status is RunStatus.CANCELLED and one.run_id is not None:
            await webhook_inbox.close(c, name, one.run_id, "given up")
        else:
            await _put_back(c, name, one.run_id, now_ms)
    return busy


async def _put_back(c: Connection, name: str, run_id: int | None, now_ms: int) -> None:
    _wait, given_up = await webhook_inbox.put_back(
        c,
        name,
        run_id,
        now_ms=now_ms,
        first_ms=AGAIN_FIRST_MS,
        most_ms=AGAIN_MOST_MS,
        most_tries=MOST_TRIES,
    )
    if given_up:
        text = (
            f"what {counted(given_up, 'webhook')} of {name} told could not be fetched in {MOST_TRIES} tries and "
            f"{agreed(given_up, 'is', 'are')} given up: the next sync looks at all"
        )
        await events.append(
            c, EventKind.WEBHOOKS_GIVEN_UP, Level.WARNING, text, integration=name, at_ms=now_ms
        )


async def _is_free(c: Connection, name: str, now_ms: int) -> bool:
    """Whether a sync may be queued: none is under way or held for a person, and no window holds schedules back.

    Single records are fetched in a window, too.
    """
    windows = of_integration(await blackouts.all_blackouts(c), name)
    if any(span_at(one, now_ms) is not None for one in windows):
        return False
    if await runs.latest(c, integration=name, status=RunStatus.HELD, limit=1):
        return False
    return not any(
        run.integration == name and run.lane is Lane.BULK and run.status in UNDER_WAY
        for run in await runs.active(c)
    )


async def _queue_few(c: Connection, name: str, wanted: Wanted, now_ms: int) -> None:
    told = ", ".join(counted(len(ids), f"{kind} record") for kind, ids in wanted.few.items())
    run_id = await _queue(
        c,
        name,
        now_ms,
        kind=RunKind.REDRIVE,
        lane=Lane.QUICK,
        entities=tuple(wanted.few),
        request={"wanted": {kind.value: ids for kind, ids in wanted.few.items()}},
        doing=f"fetches {told} that webhooks named",
    )
    await webhook_inbox.take(c, wanted.few_from, run_id)


async def _queue_whole(c: Connection, name: str, wanted: Wanted, now_ms: int) -> None:
    told = ", ".join(wanted.whole)
    run_id = await _queue(
        c,
        name,
        now_ms,
        kind=RunKind.IMPORT,
        lane=Lane.BULK,
        entities=tuple(wanted.whole),
        request={},
        doing=f"syncs {told}: webhooks named too many records for single questions, or none",
    )
    await webhook_inbox.take(c, wanted.whole_from, run_id)


async def _queue(
    c: Connection,
    name: str,
    now_ms: int,
    *,
    kind: RunKind,
    lane: Lane,
    entities: tuple[Entity, ...],
    request: Mapping[str, object],
    doing: str,
) -> int:
    run_id = await runs.enqueue(
        c,
        integration=name,
        kind=kind,
        lane=lane,
        entities=entities,
        full=False,
        requested_by=REQUESTED_BY,
        due_at_ms=None,
        now_ms=now_ms,
        request=request,
    )
    assert run_id is not None, "a run without a due moment is never queued already"
    text = f"run {run_id} of {name} {doing}"
    await events.append(
        c, EventKind.RUN_QUEUED, Level.INFO, text, integration=name, run_id=run_id, at_ms=now_ms
    )
    return run_id


def chores(db: Database, vault: Vault, *, remember_days: int, now_ms: Callable[[], int]) -> list[Chore]:
    """Tell of refusals once a minute, and forget what is old enough."""
    return [
        Chore("webhook refusals", every(60), partial(tell_refusals, db, vault, now_ms)),
        Chore("webhook memory", every(3600), partial(forget_old, db, remember_days, now_ms)),
    ]


async def tell_refusals(db: Database, vault: Vault, now_ms: Callable[[], int], lease: Lease) -> str:
    """One event and one audit row for each integration of which webhooks were refused since the last time."""
    async with db.read() as c:
        if not await webhook_counts.untold(c):
            return "nothing was refused"
    async with db.transaction(lease) as c:
        found: dict[str, dict[str, int]] = {}
        for one in await webhook_counts.untold(c):
            found.setdefault(one.integration, {})[one.outcome] = one.n
        for name, reasons in found.items():
            whose = f"of {plain(name)}" if name else "to no integration's path"
            told = ", ".join(f"{n} {reason}" for reason, n in reasons.items())
            text = f"webhooks {whose} were refused: {told}"
            known, at_ms = name or None, now_ms()
            await events.append(
                c, EventKind.WEBHOOKS_REFUSED, Level.WARNING, text, integration=known, at_ms=at_ms
            )
            await audit.append(
                c,
                vault,
                actor="webhooks",
                action="webhooks refused",
                target=name or "(none)",
                detail=reasons,
                at_ms=at_ms,
            )
        await webhook_counts.tell(c)
    return f"{sum(sum(one.values()) for one in found.values())} refused"


async def forget_old(db: Database, remember_days: int, now_ms: Callable[[], int], lease: Lease) -> str:
    """Forget messages that are through and older than the memory, and counts; a little at a time."""
    before_ms, gone = now_ms() - remember_days * DAY_MS, 0
    while True:
        async with db.transaction(lease) as c:
            some = await webhook_inbox.forget(
                c, before_ms=before_ms, most_kept=MOST_KEPT, limit=FORGET_AT_ONCE
            )
        gone += some
        if some < FORGET_AT_ONCE:
            break
    async with db.transaction(lease) as c:
        await webhook_counts.prune(c, before_ms=now_ms() - COUNTS_KEPT_DAYS * DAY_MS)
    return f"{counted(gone, 'message')} forgotten"
