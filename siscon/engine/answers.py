"""What carrying out a command is given, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from siscon.domain.errors import UsageError
from siscon.domain.events import EventKind, Level
from siscon.domain.integrations import Integration
from siscon.domain.records import Entity
from siscon.domain.roles import Role
from siscon.domain.runs import Lane, Run, RunKind
from siscon.domain.text import plain
from siscon.store import events, integrations, runs
from siscon.store.database import Connection
from siscon.store.vault import Vault


@dataclass(frozen=True, slots=True)
class LiveEngine:
    """What a command may ask of the engine that carries it out. ``integrations`` are those it can run; ``entities``
    says what it imports of each, where the configuration names that.
    """

    id: str
    integrations: frozenset[str]
    stop: Callable[[], None]
    renew_token: Callable[[str], None]
    entities: Mapping[str, frozenset[Entity]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Who asks, when, with which engine at hand (None: this is a short command that acts by itself), in which role."""

    actor: str
    now_ms: int
    vault: Vault
    live: LiveEngine | None = None
    role: Role | None = None

    def imports(self, integration: str, entity: Entity) -> bool:
        """Whether an integration imports an entity, as far as is known here; its run looks once more."""
        return self.live is None or entity in self.live.entities.get(integration, {entity})


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a command; ``target`` and ``facts`` stand in the audit, ``after`` happens once the answer is
    committed.
    """

    sentence: str
    target: str
    run_id: int | None = None
    after: Callable[[], None] = field(default=lambda: None)
    facts: Mapping[str, Any] = field(default_factory=dict)


class NotOurs(Exception):
    """The command is for another engine, which lives."""


async def known_integration(c: Connection, name: str) -> Integration:
    """The integration of that name; raises ``UsageError`` where there is none."""
    found = await integrations.one(c, name)
    if found is None:
        raise UsageError(
            f"There is no integration '{plain(name)}': 'siscon integrations list' shows those there are."
        )
    return found


def checked_reason(reason: str) -> str:
    """The reason, trimmed; raises ``UsageError`` where none was given."""
    if not reason.strip():
        raise UsageError("Say why, with --reason: it stands in the audit beside your name.")
    return reason.strip()


async def tell(c: Connection, kind: EventKind, text: str, run: Run, *, now_ms: int) -> None:
    """Report a fact about a run."""
    await events.append(c, kind, Level.INFO, text, integration=run.integration, run_id=run.id, at_ms=now_ms)


async def queue(
    c: Connection,
    here: Circumstances,
    *,
    integration: str,
    kind: RunKind,
    lane: Lane,
    request: Mapping[str, Any],
    doing: str,
    entities: Sequence[Entity] = (),
    reason: str = "",
    level: Level = Level.INFO,
) -> int:
    """Queue a run that carries out what a person asked, and say so: ``doing`` follows its number. The number."""
    run_id = await runs.enqueue(
        c,
        integration=integration,
        kind=kind,
        lane=lane,
        entities=entities,
        full=False,
        requested_by=here.actor,
        due_at_ms=None,
        now_ms=here.now_ms,
        request=request,
        reason=reason,
    )
    assert run_id is not None, "a run without a due moment is never queued already"
    await events.append(
        c,
        EventKind.RUN_QUEUED,
        level,
        f"run {run_id} {doing}",
        integration=integration,
        run_id=run_id,
        at_ms=here.now_ms,
    )
    return run_id
