"""Watches events and states for what people must know, and leaves it in the outbox: one engine, under a lease.

``siscon notices check`` does the same once, where no engine lives.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from zoneinfo import ZoneInfo

from siscon.config import NoticeSettings, Settings
from siscon.domain import notice_text, sightings
from siscon.domain.blackouts import of_integration
from siscon.domain.deadlines import HOUR_MS, Deadline, Stale, last_moments, passed
from siscon.domain.errors import DatabaseError, LeaseLost
from siscon.domain.leases import HEARTBEAT_S, Lease
from siscon.domain.notices import Cause, Rule, Sighting, Trouble, key_of
from siscon.domain.runs import Run, RunStatus
from siscon.domain.sightings import Reading
from siscon.domain.telling import End, Manner, Telling, by_channel, fold, is_known, tellings
from siscon.domain.text import counted
from siscon.engine.bell import Ear
from siscon.engine.chores import Chore, every
from siscon.engine.leases import Holdings
from siscon.engine.postman import Postman
from siscon.store import channels as channel_states
from siscon.store import chores as chore_states
from siscon.store import events, integrations, notices, outbox, outcomes, runs
from siscon.store.database import Connection, Database

log = logging.getLogger(__name__)

NOTICES_LEASE = "notices"
LOOK_EVERY_S = 2.0
EVENTS_MOST = 500
STALE_EVERY_MS = 15_000
SIGN_EVERY_MS = 300_000
"""So often it is written down that somebody looks, though there is nothing to tell."""
DIGEST_LATE_MS = 12 * 3_600_000
"""A digest that comes later than this comes with the next one."""
FROM_STATES = frozenset({Trouble.HELD, Trouble.CHORE, Trouble.CHANNEL, Trouble.STALE})
DEAD = "dead"
DAY_MS = 24 * 3_600_000
MESSAGES_KEPT_MS, CAUSES_KEPT_MS = 90 * DAY_MS, 400 * DAY_MS


def manner_of(told: NoticeSettings, zone: tzinfo) -> Manner:
    """How the configuration wants people to be told."""
    return Manner(
        channels=tuple(told.channels),
        zone=zone,
        rules=tuple(Rule(one.channels, one.causes, one.levels, one.integrations) for one in told.rules),
        windows=tuple(one.window for one in told.quiet),
        repeated=told.repeated_failures,
        urgent=told.urgent,
        breaker_wait_ms=told.breaker_minutes * 60_000,
        gather_ms=told.gather_s * 1000,
        episodes_a_day=told.episodes_a_day,
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one look has found: the facts in their order, the causes they meet, how far the events were read."""

    causes: Mapping[str, Cause]
    facts: list[Sighting | End]
    upto: int
    watched: notices.Watched
    gathering: Mapping[str, int]
    told_lately: Mapping[str, int]
    more: bool


@dataclass(slots=True, eq=False)
class Watch:
    """Looks for what people must know. ``dead``: said by whoever looks because no engine lives."""

    db: Database
    settings: Settings
    now_ms: Callable[[], int]
    dead: Sighting | None = None
    _manner: Manner = field(init=False)
    _upto: int = field(default=0, init=False)
    _stale: list[Sighting] = field(default_factory=list, init=False)
    _stale_at_ms: int = field(default=-STALE_EVERY_MS, init=False)

    def __post_init__(self) -> None:
        told = self.settings.notices
        self._manner = manner_of(told, ZoneInfo(told.zone or self.settings.time_zone))

    async def look(self, lease: Lease | None) -> bool:
        """Take in what has happened and leave what is to be told, in one transaction; whether there is more to read.

        Nothing is written where nothing has changed.
        """
        async with self.db.read() as c:
            await self._look_at_deadlines(c)
            found = await self._see(c)
            is_news = bool(self._changed(found)) or bool(self._to_tell(found))
        digest_ms = self._digest_due_ms(found.watched)
        silent_ms = self.now_ms() - found.watched.looked_at_ms
        if is_news or digest_ms or found.more or not 0 <= silent_ms < SIGN_EVERY_MS:
            async with self.db.transaction(lease) as c:
                found = await self._see(c)
                await self._write(c, found, digest_ms)
        self._upto = max(self._upto, found.upto)
        return found.more

    async def _see(self, c: Connection) -> _Seen:
        watched = await notices.watched(c)
        news = await events.after(c, max(watched.event_id, self._upto), limit=EVENTS_MOST)
        causes = await notices.not_closed(c)
        known_chores = await chore_states.all_chores(c)
        states = await channel_states.bare_states(c)
        held = await runs.latest(c, status=RunStatus.HELD, limit=200)
        ended = await _runs_of(c, {one.run_id for one in news if one.run_id is not None})
        reading = Reading(ended, known_chores, self._manner.breaker_wait_ms)
        facts: list[Sighting | End] = []
        for event in news:
            facts += sightings.facts_of(event, reading)
            facts += sightings.removed(event, causes.values())
        present = [
            *sightings.of_held(held),
            *sightings.of_chores(known_chores.values()),
            *sightings.of_channels(one for name, one in states.items() if name in self._manner.channels),
            *self._stale,
            *([self.dead] if self.dead is not None else []),
        ]
        facts += [one for one in present if not is_known(causes, one)]
        facts += sightings.ended(causes.values(), present, FROM_STATES, now_ms=self.now_ms())
        dead = causes.get(key_of(Trouble.ENGINE, None, DEAD))
        if dead is not None and self.dead is None:
            facts.append(End(dead.key, self.now_ms()))
        return _Seen(
            causes,
            facts,
            news[-1].id if news else max(watched.event_id, self._upto),
            watched,
            {name: one.gather_until_ms for name, one in states.items()},
            await notices.told_since(c, self.now_ms() - DAY_MS),
            len(news) == EVENTS_MOST,
        )

    def _changed(self, found: _Seen) -> dict[str, Cause]:
        return fold(found.causes, found.facts, self._manner, told_lately=found.told_lately)

    def _to_tell(self, found: _Seen) -> list[Telling]:
        now = {**found.causes, **self._changed(found)}
        return tellings(now.values(), self._manner, gathering=found.gathering, now_ms=self.now_ms())

    async def _write(self, c: Connection, found: _Seen, digest_ms: int) -> None:
        """Save what has changed, leave what is told, and note how far all of it reaches: together or not at all."""
        now_ms = self.now_ms()
        saved = dict(found.causes)
        for key, cause in self._changed(found).items():
            saved[key] = await _saved(c, cause)
        told = tellings(saved.values(), self._manner, gathering=found.gathering, now_ms=now_ms)
        for one in told:
            await notices.save(c, one.after)
        for channel, of_channel in by_channel(told).items():
            await outbox.put(
                c,
                subject=notice_text.subject(of_channel, self.settings.profile.name),
                text=notice_text.body(of_channel, self._manner.zone),
                channel=channel,
                key="notice:" + ",".join(f"{one.before.id}.{one.after.tellings}" for one in of_channel),
                data=notice_text.for_programs(of_channel),
                now_ms=now_ms,
            )
            await channel_states.gather_until(c, channel, now_ms + self._manner.gather_ms)
        if digest_ms:
            await self._put_digest(c, found.watched.digest_at_ms, digest_ms)
        await notices.looked(c, found.upto, now_ms=now_ms)

    async def _look_at_deadlines(self, c: Connection) -> None:
        """See which deadlines have passed without a good import; not at each look, for it reads many runs."""
        now_ms = self.now_ms()
        wanted = self.settings.notices.fresh_by
        if not wanted or 0 <= now_ms - self._stale_at_ms < STALE_EVERY_MS:
            return
        zone = self._manner.zone
        fresh = await outcomes.fresh(c)
        known = {one.name: one for one in await integrations.all_integrations(c)}
        found: list[tuple[str, list[Stale]]] = []
        for one in wanted:
            configured, active = self.settings.integrations.get(one.integration), known.get(one.integration)
            if configured is None or not configured.enabled or active is None:
                continue
            windows = of_integration(self.settings.all_blackouts, one.integration)
            deadline = Deadline(one.integration, one.entities, one.line, one.max_age_hours * HOUR_MS, windows)
            stale = passed(
                deadline,
                fresh.get(one.integration, ()),
                configured.entities,
                zone,
                now_ms=now_ms,
                active_since_ms=active.activated_at_ms,
            )
            found.append((one.at, stale))
        self._stale, self._stale_at_ms = sightings.of_stale(found, zone), now_ms

    def _digest_due_ms(self, watched: notices.Watched) -> int:
        """The moment of the digest that is due and not written yet, else 0; one of the future was written by a clock
        that was put back since.
        """
        digest = self.settings.notices.digest
        if digest.at is None:
            return 0
        hour, minute = digest.at.split(":")
        line = f"{int(minute)} {int(hour)} * * {digest.weekdays}"
        last = next(reversed(last_moments(line, self._manner.zone, self.now_ms())), 0)
        return last if not last <= watched.digest_at_ms <= self.now_ms() else 0

    async def _put_digest(self, c: Connection, before_ms: int, at_ms: int) -> None:
        """Leave the digest of what was open or ended since the last one; the first, and one much too late, are none."""
        await notices.digested(c, at_ms)
        digest = self.settings.notices.digest
        causes = await notices.since(c, before_ms)
        is_late = self.now_ms() - at_ms > DIGEST_LATE_MS
        if not before_ms or is_late or not (causes or digest.when_empty):
            return
        lines = notice_text.digest_lines(causes, self._manner.zone)
        still = sum(1 for one in causes if not one.is_over)
        head = f"{counted(len(lines), 'cause')}, {still} still open" if lines else "nothing to tell"
        text = "\n".join(lines) if lines else "No integration needed anybody."
        for channel in self.settings.notices.calm_channels:
            await outbox.put(
                c,
                subject=f"[{self.settings.profile.name or 'siscon'}] Digest: {head}",
                text=f"{text}\n\nMore: 'siscon status', 'siscon notices list --all'.\n",
                channel=channel,
                key=f"digest:{at_ms}",
                data={"type": "digest", "data": {"lines": lines}},
                now_ms=self.now_ms(),
            )


async def _runs_of(c: Connection, ids: set[int]) -> dict[int, Run]:
    return {run.id: run for run in await runs.by_ids(c, ids)} if ids else {}


async def _saved(c: Connection, cause: Cause) -> Cause:
    return replace(cause, id=await notices.save(c, cause))


def chores(db: Database, *, now_ms: Callable[[], int]) -> list[Chore]:
    """Forget old messages and causes, once a day."""

    async def forget(lease: Lease) -> str:
        async with db.transaction(lease) as c:
            messages = await outbox.prune(c, now_ms() - MESSAGES_KEPT_MS)
            causes = await notices.prune(c, now_ms() - CAUSES_KEPT_MS)
        return f"{counted(messages, 'message')} and {counted(causes, 'cause')} forgotten"

    return [Chore("old notices", every(DAY_MS / 1000), forget)]


async def attend(
    db: Database, holdings: Holdings, ear: Ear, settings: Settings, *, now_ms: Callable[[], int]
) -> None:
    """Watch and deliver for as long as this engine holds the lease, for ever."""
    watch = Watch(db, settings, now_ms)
    postman = Postman(db, settings.notices.channels, now_ms)
    has_begun = False
    try:
        while True:
            lease = holdings.held(NOTICES_LEASE)
            if lease is None:
                lease = await holdings.take(NOTICES_LEASE, on_lost=lambda: None)
            if lease is not None:
                has_begun = await _once(watch, postman, lease, begins=not has_begun) or has_begun
            await ear.heard(timeout_s=LOOK_EVERY_S if lease is not None else HEARTBEAT_S)
    finally:
        await postman.close()


async def _once(watch: Watch, postman: Postman, lease: Lease, *, begins: bool) -> bool:
    """Look and begin to deliver; whether that went well."""
    try:
        if begins:
            await postman.begin(lease)
        while await watch.look(lease):
            pass
        await postman.look(lease)
    except LeaseLost:
        log.warning("another engine sends the notices now")
    except DatabaseError as error:
        log.warning("notices: %s", error.sentence)
    else:
        return True
    return False
