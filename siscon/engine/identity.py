"""Who is who, before anything is judged: aliases lead on, and who came back as somebody else is set apart."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Set
from typing import Any

from siscon.domain.conflicts import resolve
from siscon.domain.identity import PEOPLE, SHOWN, TELLING, other_person
from siscon.domain.plans import Verdict
from siscon.domain.records import FIELDS, Entity, body_of, fingerprint_of
from siscon.domain.referring import referred_to
from siscon.engine.job import ImportJob
from siscon.store import aliases, dead_records, identities, parts
from siscon.store.database import Connection
from siscon.store.staged import ASK, IDENTITY, Judged, Unjudged

Ids = Mapping[Entity, Set[str]]
Fields = Mapping[str, Any]
NOBODY: Ids = {}


async def resolve_aliases(job: ImportJob, entity: Entity, *, whole: bool) -> frozenset[Entity]:
    """Let aliases in the list of an entity be passed over or stand for their survivors; the entities that have any."""
    run = job.run
    async with job.db.read() as c:
        aliased = await aliases.entities(c, run.integration)
    if entity in aliased:
        async with job.db.transaction(job.lease) as c:
            passed, _ = await aliases.resolve(c, run.integration, run.id, entity, whole=whole)
            if passed:
                await dead_records.close_gone(c, run.integration, run.id, entity, passed, now_ms=job.now_ms())
    return aliased


async def lead_on(
    c: Connection, job: ImportJob, entity: Entity, aliased: Set[Entity], *, after: str, upto: str
) -> None:
    """Let references to aliases lead to their survivors, in the records of a stretch."""
    run = job.run
    found = await aliases.referring(c, run.integration, run.id, entity, aliased, after=after, upto=upto)
    if not found:
        return
    told = {external_id: json.loads(body) for external_id, body in found.items()}
    leads = await leads_of(c, run.integration, entity, aliased, told.values())
    bodies = []
    for external_id, fields in told.items():
        body = body_of(entity, aliases.led_on(entity, fields, leads))
        bodies.append((external_id, body, fingerprint_of(body)))
    await parts.give_bodies(c, run.id, entity, bodies)


async def leads_of(
    c: Connection, integration: str, entity: Entity, aliased: Set[Entity], bodies: Iterable[Mapping[str, Any]]
) -> dict[Entity, dict[str, str]]:
    """For each entity that has aliases the survivors of those that these fields refer to."""
    return {
        target: await aliases.survivors(c, integration, target, ids)
        for target, ids in referred_to(entity, bodies).items()
        if target in aliased and ids
    }


async def questioned(job: ImportJob, entity: Entity) -> Ids:
    """For each kind of person that an entity refers to, the ids of those of whom nobody knows who they are."""
    targets = {rule.refers_to for rule in FIELDS[entity]} & set(PEOPLE)
    async with job.db.read() as c:
        found = {
            target: await identities.in_question(c, job.run.integration, job.run.id, target)
            for target in targets
            if target is not None
        }
    return {target: ids for target, ids in found.items() if ids}


async def somebody_else(
    c: Connection,
    job: ImportJob,
    entity: Entity,
    batch: Iterable[Unjudged],
    local: Mapping[int, Mapping[str, Any]],
) -> dict[str, str]:
    """External id -> in words why what came is another person than the one here, where nobody has decided that.

    Whom the SIS calls what we call them already is nobody else; neither is a version of which a person said so.
    """
    if entity not in PEOPLE:
        return {}
    found = {}
    for one in batch:
        base, incoming = json.loads(one.base), json.loads(one.body)
        why = other_person(base, incoming)
        mine = local[one.internal_id]
        if (
            why
            and other_person(mine, incoming)
            and not _is_asked_field_by_field(job, entity, base, mine, incoming)
        ):
            found[one.external_id] = (one.internal_id, why, incoming)
    if not found:
        return {}
    kept = await identities.kept(c, job.run.integration, entity, found)
    return {
        external_id: why
        for external_id, (internal_id, why, incoming) in found.items()
        if all(other_person(version, incoming) for version in kept.get(internal_id, ()))
    }


def _is_asked_field_by_field(
    job: ImportJob, entity: Entity, base: Fields, local: Fields, incoming: Fields
) -> bool:
    """Whether a person decides each of the fields that tell who it is: both sides have written them, of one person."""
    telling = {name for name in TELLING if base.get(name) != incoming.get(name)}
    return telling <= set(resolve(base, local, incoming, job.policy(entity)).ask)


def in_question(entity: Entity, one: Unjudged, why: str, local: Mapping[str, Any], version: int) -> Judged:
    """The verdict on such a record: nothing of it is applied, a person sees both side by side."""
    incoming, base = json.loads(one.body), json.loads(one.base)
    names = [rule.name for rule in FIELDS[entity] if rule.name in SHOWN and rule.name != "status"]
    sides = {name: [local.get(name) or None, incoming.get(name), base.get(name)] for name in names}
    shown = {name: triple for name, triple in sides.items() if any(triple)}
    changes = {IDENTITY: why, **shown, ASK: list(shown)}
    return Judged(one.external_id, Verdict.CONFLICT, json.dumps(changes), one.base_fingerprint, version)


def held_back(entity: Entity, incoming: Mapping[str, Any], base: dict[str, Any], asked: Ids) -> str:
    """The required reference by which a changed record would go to somebody in question, or ''."""
    if not asked or incoming == base:
        return ""
    for rule in FIELDS[entity]:
        ids = asked.get(rule.refers_to) if rule.refers_to is not None and rule.required else None
        if ids and incoming.get(rule.name) in ids:
            return rule.name
    return ""
