"""Read models of the panes that stay small: health, tokens, the engine. Each is a bounded query.

The store is imported where it is asked: the first paint of the console must not wait for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from siscon.domain.blackouts import Blackout, Span, of_integration, span_at
from siscon.domain.freshness import Fresh, judged
from siscon.domain.integrations import NEEDS_PERSON, Integration, IntegrationState, state_of
from siscon.domain.leases import EngineInfo
from siscon.domain.runs import Run, RunStatus
from siscon.domain.timetables import Schedule
from siscon.domain.tokens import TokenHealth, TokenState
from siscon.store.database import Database

HOOKS_FAIL_AFTER = 3
"""A fetch that failed less often in a row is tried again within minutes, and nobody need look."""


@dataclass(frozen=True, slots=True)
class Budget:
    """The rate budget of one integration: ``used`` of ``per_minute`` requests of the minute under way."""

    per_minute: int
    used: int
    paused_until_ms: int | None

    @property
    def left(self) -> int:
        """Requests that may still be sent in this minute; none while the SIS wants a pause."""
        return 0 if self.paused_until_ms is not None else max(0, self.per_minute - self.used)


@dataclass(frozen=True, slots=True)
class Health:
    """How one integration is doing.

    ``fresh`` tells of each entity that an import has covered, ``held_back`` which window holds its schedules now,
    ``hook_tries`` how often in a row the fetch of a webhook failed.
    """

    integration: Integration
    state: IntegrationState
    run: Run | None
    held_run: Run | None
    budget: Budget
    dead: int
    conflicts: int
    login: TokenHealth = TokenHealth.NONE
    fresh: tuple[Fresh, ...] = ()
    held_back: Span | None = None
    hook_tries: int = 0

    @property
    def webhooks_fail(self) -> str:
        """What is wrong with the fetching of what webhooks told, without a full stop; empty while it goes well."""
        if self.hook_tries < HOOKS_FAIL_AFTER:
            return ""
        return f"what webhooks told could not be fetched in {self.hook_tries} tries"

    @property
    def urgency(self) -> int:
        """0 for what a person has to look at first, the greatest for what is well."""
        states = list(NEEDS_PERSON)
        if self.state in states:
            return states.index(self.state)
        if self.integration.failing_since_ms is not None or self.login is TokenHealth.NEEDS_PERSON:
            return states.index(IntegrationState.FAILING)
        return len(states)

    @property
    def needs_person(self) -> bool:
        """Whether it goes no further, or worse, until somebody has looked."""
        return self.urgency < len(NEEDS_PERSON)


@dataclass(frozen=True, slots=True)
class EngineLine:
    """The engine that is alive, if any, and the one seen last."""

    alive: EngineInfo | None
    last: EngineInfo | None


@dataclass(frozen=True, slots=True)
class TokenView:
    """What may be shown of one integration's login; ``state`` None: no token was ever asked for."""

    integration: str
    title: str
    provider: str
    state: TokenState | None


@dataclass(frozen=True, slots=True)
class Work:
    """What would go on without a console: runs under way or waiting, and schedules that are on."""

    engine: EngineInfo | None
    active_runs: int
    schedules: int

    @property
    def matters(self) -> bool:
        """Whether leaving is worth a question."""
        return self.engine is not None and bool(self.active_runs or self.schedules)


async def health(db: Database, *, now_ms: int) -> list[Health]:
    """Every integration, by name."""
    from siscon.store import (
        blackouts,
        conflicts,
        dead_records,
        integrations,
        outcomes,
        ratelimits,
        runs,
        schedules,
        tokens,
        webhook_inbox,
    )

    found: list[Health] = []
    async with db.read() as c:
        active = await runs.active(c)
        logins = {state.integration: state.health for state in await tokens.states(c, now_ms=now_ms)}
        held = await runs.latest(c, status=RunStatus.HELD, limit=50)
        covered = await outcomes.fresh(c)
        timetable, windows = await schedules.all_schedules(c), await blackouts.all_blackouts(c)
        for one in await integrations.all_integrations(c):
            running = _first(active, one.name, RunStatus.RUNNING)
            waiting = _first(held, one.name, RunStatus.HELD)
            tat_ms, paused_until_ms = await ratelimits.look(c, [one.name])
            held_back = _held_back(windows, one.name, now_ms)
            rests = not one.enabled or one.rests(now_ms) or held_back is not None
            mine = [] if rests else [it.schedule for it in timetable if it.integration == one.name]
            since_ms = (running.started_at_ms or running.queued_at_ms) if running else None
            fresh = tuple(
                _judged(each, mine, now_ms=now_ms, since_ms=since_ms) for each in covered.get(one.name, ())
            )
            found.append(
                Health(
                    integration=one,
                    state=state_of(
                        one,
                        running=bool(running),
                        held=bool(waiting),
                        now_ms=now_ms,
                        emptied=any(each.emptied for each in fresh),
                        late=any(each.late for each in fresh),
                    ),
                    run=running,
                    held_run=waiting,
                    budget=_budget(one.requests_per_minute, tat_ms, paused_until_ms, now_ms=now_ms),
                    dead=await dead_records.count_open(c, dead_records.Chosen(one.name)),
                    conflicts=await conflicts.count_open(c, conflicts.Chosen(one.name)),
                    login=logins.get(one.name, TokenHealth.NONE),
                    fresh=fresh,
                    held_back=held_back,
                    hook_tries=await webhook_inbox.tries(c, one.name),
                )
            )
    return found


def _held_back(windows: Sequence[Blackout], name: str, now_ms: int) -> Span | None:
    """The window that holds back the schedules of an integration now, the one that lasts longest."""
    found = [span for one in of_integration(windows, name) if (span := span_at(one, now_ms)) is not None]
    return max(found, key=lambda span: span.end_ms, default=None)


def _judged(fresh: Fresh, timetable: Sequence[Schedule], *, now_ms: int, since_ms: int | None) -> Fresh:
    """Late if any schedule that covers the entity should have brought a newer import."""
    for schedule in timetable:
        if schedule.enabled and (not schedule.entities or fresh.entity in schedule.entities):
            zone = ZoneInfo(schedule.zone)
            told = judged(fresh, schedule.line, zone, now_ms=now_ms, under_way_since_ms=since_ms)
            if told.late:
                return told
    return replace(fresh, late=False)


def _first(found: list[Run], integration: str, status: RunStatus) -> Run | None:
    return next((run for run in found if run.integration == integration and run.status is status), None)


def _budget(per_minute: int, tat_ms: int, paused_until_ms: int, *, now_ms: int) -> Budget:
    used = round(max(0, tat_ms - now_ms) * per_minute / 60_000)
    return Budget(per_minute, min(used, per_minute), paused_until_ms if paused_until_ms > now_ms else None)


async def token_views(db: Database, *, now_ms: int) -> list[TokenView]:
    """The login of every integration, by name."""
    from siscon.store import integrations, tokens

    async with db.read() as c:
        states = {state.integration: state for state in await tokens.states(c, now_ms=now_ms)}
        return [
            TokenView(one.name, one.title, one.provider, states.get(one.name))
            for one in await integrations.all_integrations(c)
        ]


async def engine_line(db: Database, *, now_ms: int) -> EngineLine:
    """Whether an engine is alive, and which."""
    from siscon.store import leases

    async with db.read() as c:
        return _engine_line(await leases.engines(c, now_ms=now_ms))


def _engine_line(known: list[EngineInfo]) -> EngineLine:
    by_age = sorted(known, key=lambda engine: engine.started_at_ms)
    alive = [engine for engine in by_age if engine.alive]
    return EngineLine(alive[-1] if alive else None, by_age[-1] if by_age else None)


async def work(db: Database, *, now_ms: int) -> Work:
    """What an engine has to do, for the question at leaving."""
    from siscon.store import integrations, leases, runs, schedules

    async with db.read() as c:
        engine = _engine_line(await leases.engines(c, now_ms=now_ms)).alive
        active = await runs.active(c)
        known = await integrations.all_integrations(c)
        armed = await schedules.all_schedules(c)
    on = {one.name for one in known if one.enabled and not one.rests(now_ms)}
    return Work(
        engine, len(active), sum(1 for one in armed if one.schedule.enabled and one.integration in on)
    )
