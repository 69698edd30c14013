"""What a run imports, settled at its first attempt, so that a change of settings cannot shift it later."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from siscon.config import IntegrationSettings
from siscon.domain.errors import ConfigError
from siscon.domain.events import EventKind, Level
from siscon.domain.leases import Lease
from siscon.domain.records import FIELDS, Entity
from siscon.domain.runs import Run
from siscon.store import events, mappings, runs
from siscon.store.database import Connection, Database


async def settle(
    db: Database,
    run: Run,
    lease: Lease,
    *,
    settings: IntegrationSettings,
    offered: tuple[Entity, ...],
    now_ms: int,
) -> Run:
    """The run with its entities, and whether it compares everything; ``offered`` is what the provider has.

    What was asked for alone brings along the parents of which nothing is here yet, if the settings allow them.
    """
    if run.phase is not None:
        return run
    wanted = set(run.entities or settings.entities or offered)
    async with db.transaction(lease) as c:
        allowed = set(settings.entities or offered)
        added = await _absent_parents(c, run.integration, wanted, allowed) if run.entities else set()
        entities = tuple(entity for entity in offered if entity in wanted | added)
        if not entities:
            asked = ", ".join(entity for entity in Entity if entity in wanted)
            raise ConfigError(
                f"{run.integration} has no {asked} to import: its provider offers {', '.join(offered)}.",
                code="not_offered",
            )
        full = run.full or not (settings.incremental or "since_ms" in run.request)
        await runs.settle(c, run.id, entities=entities, full=full)
        if told := [entity.value for entity in entities if entity in added]:
            text = f"run {run.id} also imports {', '.join(told)}: nothing of it is here yet to refer to"
            await events.append(
                c,
                EventKind.PAGE_NOTE,
                Level.INFO,
                text,
                integration=run.integration,
                run_id=run.id,
                at_ms=now_ms,
            )
    return replace(run, entities=entities, full=full)


async def cut(
    db: Database, run: Run, lease: Lease, *, settings: IntegrationSettings, offered: tuple[Entity, ...]
) -> Run:
    """A run of single records without what the settings leave out, or the provider has not.

    Raises ``ConfigError`` where nothing is left of it, or not what was asked for by its id.
    """
    if run.phase is not None:
        return run
    allowed = set(settings.entities or offered) & set(offered)
    entities = tuple(entity for entity in run.entities if entity in allowed)
    asked = run.request.get("entity")
    if not entities or (asked is not None and Entity(asked) not in entities):
        told = asked or ", ".join(run.entities)
        there = ", ".join(entity for entity in offered if entity in allowed)
        raise ConfigError(
            f"{run.integration} imports no {told}: there are {there}. Add it to 'entities' in config.yaml if it "
            "belongs here.",
            code="not_offered",
        )
    if entities != run.entities:
        async with db.transaction(lease) as c:
            await runs.settle(c, run.id, entities=entities, full=run.full)
    return replace(run, entities=entities)


async def _absent_parents(
    c: Connection, integration: str, wanted: Iterable[Entity], allowed: set[Entity]
) -> set[Entity]:
    absent: set[Entity] = set()
    waiting = set(wanted)
    while waiting:
        parents = {rule.refers_to for rule in FIELDS[waiting.pop()] if rule.refers_to is not None}
        for parent in (parents & allowed) - set(wanted) - absent:
            if not await mappings.count_known(c, integration, parent):
                absent.add(parent)
                waiting.add(parent)
    return absent
