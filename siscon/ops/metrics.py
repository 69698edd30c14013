"""The values of all metrics, read from the database: counts, moments and states, never a word of a record."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from siscon import __version__
from siscon.domain.chores import ChoreState
from siscon.domain.integrations import IntegrationState
from siscon.domain.leases import EngineInfo
from siscon.domain.metrics import Family, alone, family
from siscon.domain.runs import ENDED, RunKind
from siscon.domain.tokens import TokenHealth, TokenState
from siscon.ops.views import Health, health
from siscon.store import chores, leases, migrate, tallies, tokens
from siscon.store.database import Database
from siscon.store.tallies import Open, Tallies

ALL_MAIL = "all mail"
"""What is called so waits for the channels of the kind email together."""


async def read(db: Database, file: Path, *, now_ms: int) -> list[Family]:
    """Every metric with its values; ``file`` is the database."""
    begun_s = time.monotonic()
    views = await health(db, now_ms=now_ms)
    async with db.read() as c:
        sums = await tallies.tallies(c)
        now = await tallies.open_now(c)
        logins = await tokens.states(c, now_ms=now_ms)
        alive = [one for one in await leases.engines(c, now_ms=now_ms) if one.alive]
        known = await chores.all_chores(c)
    return [
        family("build_info", [((__version__, str(migrate.known_migrations()[-1].version)), 1)]),
        *_engine(alive),
        *_integrations(views, now_ms),
        *_entities(views),
        *_runs(views, sums, now),
        *_logins(logins),
        *_chores(list(known.values())),
        *_messages(now),
        *_room(file, now),
        alone("scrape_timestamp_seconds", now_ms / 1000),
        alone("scrape_seconds", round(time.monotonic() - begun_s, 4)),
    ]


def _seconds(at_ms: int | None) -> float:
    return 0 if at_ms is None else at_ms / 1000


def _engine(alive: Sequence[EngineInfo]) -> Iterator[Family]:
    yield alone("engine_up", float(bool(alive)))
    yield alone(
        "engine_start_timestamp_seconds", _seconds(max((one.started_at_ms for one in alive), default=None))
    )


def _integrations(views: Sequence[Health], now_ms: int) -> Iterator[Family]:
    def of(name: str, value: dict[str, float]) -> Family:
        return family(name, [((integration,), n) for integration, n in value.items()])

    known = {view.integration.name: view for view in views}
    states = [
        ((name, state.value), float(view.state is state))
        for name, view in known.items()
        for state in IntegrationState
    ]
    yield family("integration_state", states)
    yield of("integration_needs_person", {name: float(view.needs_person) for name, view in known.items()})
    for metric, column in (
        ("integration_failing_since_timestamp_seconds", "failing_since_ms"),
        ("integration_last_good_timestamp_seconds", "last_good_at_ms"),
    ):
        yield of(metric, {name: _seconds(getattr(view.integration, column)) for name, view in known.items()})
    yield of(
        "schedule_next_timestamp_seconds",
        {name: _seconds(view.integration.starts_next_ms(now_ms)) for name, view in known.items()},
    )
    yield of(
        "breaker_open",
        {name: float(view.integration.breaker_state != "closed") for name, view in known.items()},
    )
    yield of("conflicts_open", {name: view.conflicts for name, view in known.items()})
    yield of("dead_records_open", {name: view.dead for name, view in known.items()})


def _entities(views: Sequence[Health]) -> Iterator[Family]:
    fresh = [((view.integration.name, one.entity.value), one) for view in views for one in view.fresh]
    yield family(
        "run_last_success_timestamp_seconds", [(labels, one.ended_ms / 1000) for labels, one in fresh]
    )
    yield family("run_last_success_records", [(labels, one.fetched) for labels, one in fresh])
    yield family("entity_late", [(labels, float(one.late)) for labels, one in fresh])
    yield family("entity_empty", [(labels, float(one.emptied)) for labels, one in fresh])


def _runs(views: Sequence[Health], sums: Tallies, now: Open) -> Iterator[Family]:
    """A counter that came with its first failure would hide that one: increase() sees no step from nothing to 1."""
    known = [view.integration.name for view in views]
    none = {(name, RunKind.IMPORT.value, end.value): 0 for name in known for end in sorted(ENDED)}
    yield family("runs_active", now.runs.items())
    yield family("runs_total", {**none, **sums.runs}.items())
    yield family("records_total", sums.records.items())
    for at, name in enumerate(("requests_total", "requests_failed_total", "requests_throttled_total")):
        counted = {**dict.fromkeys(known, (0, 0, 0)), **sums.requests}
        yield family(name, [((integration,), counts[at]) for integration, counts in counted.items()])
    yield family("events_total", sums.events.items())
    yield family("webhooks_total", sums.webhooks.items())
    yield family("webhooks_waiting", [((name,), count) for name, count in now.webhooks.items()])
    yield alone("commands_pending", now.pending)


def _logins(states: Sequence[TokenState]) -> Iterator[Family]:
    ends = [((one.integration,), one.expires_at_ms / 1000) for one in states if one.expires_at_ms is not None]
    yield family("token_expiry_timestamp_seconds", ends)
    yield family("token_failures", [((one.integration,), one.failures) for one in states])
    needs = [((one.integration,), float(one.health is TokenHealth.NEEDS_PERSON)) for one in states]
    yield family("token_needs_person", needs)


def _chores(known: Sequence[ChoreState]) -> Iterator[Family]:
    good = [((one.name,), _seconds(one.last_good_at_ms)) for one in known]
    yield family("chore_last_success_timestamp_seconds", good)
    yield family("chore_failed", [((one.name,), float(one.last_ok is False)) for one in known])


def _messages(now: Open) -> Iterator[Family]:
    waiting = {**dict.fromkeys(now.failing, (0, 0)), **now.waiting}
    yield family("outbox_waiting", [((name or ALL_MAIL,), count) for name, (count, _) in waiting.items()])
    lost = {**dict.fromkeys(now.failing, 0), **now.lost}
    yield family("outbox_lost", [((name or ALL_MAIL,), count) for name, count in lost.items()])
    oldest = [((name or ALL_MAIL,), since_ms / 1000) for name, (_, since_ms) in waiting.items()]
    yield family("outbox_oldest_timestamp_seconds", oldest)
    yield family("channel_failing", [((name,), float(bad)) for name, bad in now.failing.items()])


def _room(file: Path, now: Open) -> Iterator[Family]:
    yield alone("database_bytes", now.bytes)
    yield alone("database_free_bytes", now.free_bytes)
    log = file.with_name(f"{file.name}-wal")
    yield alone("database_log_bytes", log.stat().st_size if log.exists() else 0)
    yield alone("disk_free_bytes", shutil.disk_usage(file.parent).free)
