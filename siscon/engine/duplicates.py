"""People who are possibly one: asked once, when the second of them comes in. Nobody is merged unasked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from siscon.domain.conflicts import ConflictKind
from siscon.domain.events import EventKind, Level
from siscon.domain.identity import PEOPLE, REASONS, SHOWN, in_common
from siscon.domain.records import Entity, body_of, fingerprint_of
from siscon.domain.text import counted
from siscon.engine.job import ImportJob
from siscon.store import conflicts, duplicates, events, mappings, records, run_counts
from siscon.store.conflicts import NewConflict
from siscon.store.database import Connection
from siscon.store.records import RosterRow

AT_ONCE = 500


async def look_for_duplicates(c: Connection, job: ImportJob, entity: Entity) -> None:
    """Ask of every new person whether it is somebody who is here already; bring what is open up to date.

    One question a newcomer: about whoever has most in common with it.
    """
    if entity not in PEOPLE:
        return
    run = job.run
    await _bring_up_to_date(c, job, entity)
    pairs = _pairs(await duplicates.groups(c, run.integration, run.id, entity))
    newcomers = list(pairs)
    count = 0
    for at in range(0, len(newcomers), AT_ONCE):
        some = {one: pairs[one] for one in newcomers[at : at + AT_ONCE]}
        found = await _questions(c, job, entity, some)
        await conflicts.open_many(c, found, now_ms=job.now_ms())
        count += len(found)
    if count:
        await run_counts.add(c, run.id, entity, warnings=count)
        await events.append(
            c,
            EventKind.POSSIBLE_DUPLICATES,
            Level.WARNING,
            f"{counted(count, f'new {entity} record')} may be of people who are here already: see "
            "'siscon conflicts list'",
            integration=run.integration,
            run_id=run.id,
            at_ms=job.now_ms(),
        )


def _pairs(groups: Iterable[Sequence[int]]) -> dict[int, set[int]]:
    """For each of a group but its oldest, the ones who were here before it."""
    found: dict[int, set[int]] = {}
    for group in groups:
        for place, one in enumerate(group):
            if place:
                found.setdefault(one, set()).update(group[:place])
    return found


async def _questions(
    c: Connection, job: ImportJob, entity: Entity, pairs: Mapping[int, set[int]]
) -> list[NewConflict]:
    run = job.run
    everybody = set(pairs).union(*pairs.values())
    local = await records.load(c, entity, everybody)
    told = await records.in_external_ids(c, run.integration, entity, local.values())
    ids = await mappings.external_ids(c, run.integration, entity, everybody)
    passed = await duplicates.not_to_ask(c, run.integration, run.id, entity, ids.values())
    found = []
    for newcomer, others in pairs.items():
        why, other = "", 0
        for one in sorted(others):
            if newcomer not in ids or one not in ids or frozenset((ids[newcomer], ids[one])) in passed:
                continue
            common = in_common(told[newcomer], told[one], ids=(ids[newcomer], ids[one]))
            if common and (not why or _weight(common) > _weight(why)):
                why, other = common, one
        if why:
            found.append(_question(job, entity, ids, told, local, newcomer, other, why))
    return found


def _weight(why: str) -> int:
    return sum(1 << place for place, words in enumerate(reversed(REASONS.values())) if words in why)


def _question(
    job: ImportJob,
    entity: Entity,
    ids: Mapping[int, str],
    told: Mapping[int, Mapping[str, Any]],
    local: Mapping[int, RosterRow],
    newcomer: int,
    other: int,
    why: str,
) -> NewConflict:
    new, known = shown(told[newcomer]), shown(told[other])
    return NewConflict(
        integration=job.run.integration,
        entity=entity,
        external_id=ids[newcomer],
        internal_id=newcomer,
        run_id=job.run.id,
        base={},
        sis=new,
        local=known,
        sis_fingerprint=fingerprint_of(body_of(entity, new) + body_of(entity, known)),
        local_version=local[newcomer].version + local[other].version,
        kind=ConflictKind.DUPLICATE,
        other_external_id=ids[other],
        why=why,
    )


def shown(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What a person sees of one side."""
    return {name: fields[name] for name in SHOWN if fields.get(name)}


async def _bring_up_to_date(c: Connection, job: ImportJob, entity: Entity) -> None:
    """Show open questions as both sides are now; those who have nothing in common any more are no question."""
    run = job.run
    stale = await duplicates.stale(c, run.integration, entity)
    gone = [one.id for one in stale if one.internal_id is None or one.other_internal_id is None]
    for at in range(0, len(stale), AT_ONCE):
        some = [(one, one.internal_id, one.other_internal_id) for one in stale[at : at + AT_ONCE]]
        here = [(one, new, known) for one, new, known in some if new is not None and known is not None]
        both = {id_ for _, new, known in here for id_ in (new, known)}
        local = await records.load(c, entity, both)
        told = await records.in_external_ids(c, run.integration, entity, local.values())
        anew = []
        for one, new, known in here:
            ids = {new: one.external_id, known: one.other_external_id}
            why = in_common(told[new], told[known], ids=(ids[new], ids[known]))
            if why:
                anew.append(_question(job, entity, ids, told, local, new, known, why))
            else:
                gone.append(one.id)
        await conflicts.open_many(c, anew, now_ms=job.now_ms())
    if gone:
        await duplicates.close(c, gone, now_ms=job.now_ms())
