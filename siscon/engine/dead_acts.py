"""Commands about records that could not be applied: try them again, give them up; fetch one record now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from siscon.domain import kept_filters
from siscon.domain.commands import DiscardDead, FetchRecords, ForceSync, ForgetMend, MendDead, RetryDead
from siscon.domain.errors import UsageError
from siscon.domain.events import EventKind, Level
from siscon.domain.records import Entity
from siscon.domain.roles import Role
from siscon.domain.runs import Lane, RunKind
from siscon.domain.text import agreed, counted, plain, were
from siscon.engine.answers import Answer, Circumstances, checked_reason, known_integration, queue
from siscon.engine.redrive import RELATES_BY, chosen_of
from siscon.store import dead_records, events, mends
from siscon.store.database import Connection
from siscon.store.dead_records import Chosen, Summary

MOST_FETCHED = 1000
"""For more records than these an import is the shorter way."""
PATTERN = frozenset({"entity", "code", "field", "run"}) | kept_filters.WORDS


async def retry(c: Connection, command: RetryDead, here: Circumstances) -> Answer:
    """Queue a run that fetches the chosen records again; one alone goes before everything else."""
    chosen_now, _chosen = await _found(c, command)
    found = [one for one in chosen_now if here.imports(command.integration, one.entity)]
    if not found:
        raise _not_imported(command.integration, *(one.entity for one in chosen_now))
    named = sum(one.named for one in found)
    if not named:
        raise UsageError(
            "Of these records not even the id could be read, so the SIS cannot be asked for them: the next sync "
            "tries them again."
        )
    request = {
        "ids": list(command.ids),
        "where": dict(command.where),
        "but": list(command.but),
        "up_to": max(one.up_to for one in found),
    }
    entities = tuple(one.entity for one in found if one.named)
    run_id = await _enqueue(c, command.integration, entities, request, here, alone=named == 1)
    lacking = sum(one.count for one in found) - named
    left_out = command.expected - named - lacking
    beside = f" {lacking} without a readable id wait for the next sync." if lacking else ""
    beside += f" {left_out} of kinds that the configuration leaves out stay as they are." if left_out else ""
    return Answer(
        f"Run {run_id} tries {counted(named, 'record')} again.{beside}", command.integration, run_id
    )


async def discard(c: Connection, command: DiscardDead, here: Circumstances) -> Answer:
    """Give up the chosen records as they are: syncs pass them over until the SIS says something else of them."""
    reason = checked_reason(command.reason)
    _found_now, chosen = await _found(c, command)
    count = await dead_records.discard(c, chosen, actor=here.actor, reason=reason, now_ms=here.now_ms)
    records, were = counted(count, "record"), agreed(count, "was", "were")
    text = (
        f"{records} in error of {command.integration} {were} given up by {plain(here.actor)}: {plain(reason)}"
    )
    await events.append(
        c, EventKind.RECORDS_GIVEN_UP, Level.WARNING, text, integration=command.integration, at_ms=here.now_ms
    )
    return Answer(
        f"{records} {were} given up. {agreed(count, 'It comes', 'They come')} again when the SIS changes "
        f"{agreed(count, 'it', 'them')}, or by 'siscon sync {plain(command.integration)} --record ENTITY ID'.",
        command.integration,
    )


async def mend(c: Connection, command: MendDead, here: Circumstances) -> Answer:
    """Queue a run that reads a record in error again, with values that a person gives."""
    reason = checked_reason(command.reason)
    dead = next(iter(await dead_records.by_ids(c, [command.dead_id])), None)
    if dead is None or dead.status != "open":
        raise UsageError(
            f"Record {command.dead_id} is not in error: 'siscon errors list' shows those that are."
        )
    raw = await dead_records.raw(c, dead.id)
    if raw is None or not raw.form:
        raise UsageError(
            f"What the SIS had said of record {dead.id} is no longer kept: sync, then mend what comes."
        )
    if not command.fields:
        raise UsageError("Say which value becomes what, as in --set familyName=Marsh.")
    if command.digest != dead.digest:
        raise UsageError(f"The SIS says something else of record {dead.id} since you looked: look again.")
    may = here.role is Role.ADMIN
    request = {
        "mend": dead.id,
        "fields": dict(command.fields),
        "digest": dead.digest,
        "may_write_status": may,
    }
    run_id = await _enqueue(c, dead.integration, (dead.entity,), request, here, alone=True, reason=reason)
    return Answer(
        f"Run {run_id} reads record {dead.id} again with these values.", f"record {dead.id}", run_id
    )


async def forget_mend(c: Connection, command: ForgetMend, here: Circumstances) -> Answer:
    """Let the SIS's own word of a record count again: the next sync reads it as it comes."""
    reason = checked_reason(command.reason)
    if not await mends.forget(c, command.dead_id):
        raise UsageError(
            f"Nobody has mended record {command.dead_id}: 'siscon errors mended' lists those mended."
        )
    [dead] = await dead_records.by_ids(c, [command.dead_id])
    text = f"what was mended of {dead.entity} {plain(dead.record_key, limit=80)} counts no more, by {plain(here.actor)}"
    await events.append(
        c,
        EventKind.RECORDS_EDITED,
        Level.INFO,
        f"{text}: {plain(reason)}",
        integration=dead.integration,
        at_ms=here.now_ms,
    )
    return Answer(
        f"The next sync of {dead.integration} reads record {dead.id} as the SIS sends it.",
        f"record {dead.id}",
    )


async def force_sync(c: Connection, command: ForceSync, here: Circumstances) -> Answer:
    """Queue a run that fetches one record by its id, before everything else."""
    await known_integration(c, command.integration)
    entity = Entity(command.entity)
    if not here.imports(command.integration, entity):
        raise _not_imported(command.integration, entity)
    entities = (entity, Entity.ENROLLMENT) if command.relations and entity in RELATES_BY else (entity,)
    request = {"entity": entity.value, "external_id": command.external_id}
    run_id = await _enqueue(c, command.integration, entities, request, here, alone=True)
    told = plain(command.external_id, limit=80)
    return Answer(f"Run {run_id} fetches {entity} {told} of {plain(command.integration)}.", told, run_id)


async def fetch_records(c: Connection, command: FetchRecords, here: Circumstances) -> Answer:
    """Queue a run that fetches several records of one kind by their ids."""
    await known_integration(c, command.integration)
    entity, ids = Entity(command.entity), tuple(dict.fromkeys(command.external_ids))
    if not here.imports(command.integration, entity):
        raise _not_imported(command.integration, entity)
    if not 0 < len(ids) <= MOST_FETCHED:
        raise UsageError(f"Name 1 to {MOST_FETCHED} records; for more 'siscon sync' is the shorter way.")
    request = {"entity": entity.value, "external_ids": ids}
    run_id = await _enqueue(c, command.integration, (entity,), request, here, alone=len(ids) == 1)
    name = plain(command.integration)
    return Answer(f"Run {run_id} fetches {counted(len(ids), f'{entity} record')} of {name}.", name, run_id)


def _not_imported(integration: str, *entities: Entity) -> UsageError:
    return UsageError(
        f"{plain(integration)} imports no {', '.join(entities)}: 'entities' in config.yaml leaves that out."
    )


async def _found(c: Connection, command: RetryDead | DiscardDead) -> tuple[list[Summary], Chosen]:
    """What a command means, if it is as many as were shown."""
    await known_integration(c, command.integration)
    if unknown := sorted(command.where.keys() - PATTERN):
        raise UsageError(f"Records in error are not chosen by {', '.join(unknown)}.")
    meant = {"ids": command.ids, "where": command.where, "but": command.but, "up_to": command.up_to or None}
    chosen = chosen_of(command.integration, meant)
    found = await dead_records.summary(c, chosen)
    count = sum(one.count for one in found)
    if count == 0 and not command.up_to:
        raise UsageError("No record in error is meant by that: 'siscon errors list' shows those there are.")
    if count != command.expected:
        raise UsageError(
            f"{counted(count, 'record')} {agreed(count, 'is', 'are')} meant now, {were(command.expected)} shown: "
            "look again."
        )
    return found, chosen


async def _enqueue(
    c: Connection,
    integration: str,
    entities: tuple[Entity, ...],
    request: Mapping[str, Any],
    here: Circumstances,
    *,
    alone: bool,
    reason: str = "",
) -> int:
    return await queue(
        c,
        here,
        integration=integration,
        kind=RunKind.REDRIVE,
        lane=Lane.SINGLE if alone else Lane.QUICK,
        entities=entities,
        request=request,
        doing=f"of {integration} tries single records again: asked for by {plain(here.actor)}",
        reason=reason,
    )
