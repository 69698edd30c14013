"""Bad records apart from good ones: a batch that fails is halved, a record that kills the engine is set aside."""

from __future__ import annotations

import logging

from siscon.domain.errors import DatabaseError, RecordError, Signal, SisconError
from siscon.domain.events import EventKind, Level
from siscon.domain.records import Entity
from siscon.domain.text import plain
from siscon.engine.batches import bury_one, write_batch
from siscon.engine.job import ImportJob
from siscon.store import events, run_counts, staged
from siscon.store.database import Connection
from siscon.store.staged import NextBatch

log = logging.getLogger(__name__)

TRIES = 2
"""So often a record is begun alone after an engine has died over its batch; at its third death it is set aside."""

BLAMES_A_RECORD = frozenset({"constraint", "unstorable_text", "database"})
"""What the database may say of a single row; all else would be said of any row."""


async def write_all_that_can_be(
    c: Connection, job: ImportJob, entity: Entity, found: NextBatch, *, after: str
) -> None:
    """Write a batch; where it fails, halve it within the same transaction until the bad records stand alone.

    Those are buried. Where not one record of several can be written, it is not the records: the fault is raised.
    """
    if found.size > 1 and await _halve(c, job, entity, found, after=after) == found.size:
        await write_batch(c, job, entity, found, after=after)
    elif found.size == 1:
        await _halve(c, job, entity, found, after=after)


async def _halve(c: Connection, job: ImportJob, entity: Entity, found: NextBatch, *, after: str) -> int:
    """How many records had to be buried."""
    fault = await _try(c, job, entity, found, after=after)
    if fault is None:
        return 0
    if found.size == 1:
        await bury_one(c, job, entity, found, fault, after=after)
        return 1
    first = await staged.next_batch(c, job.run.id, entity, after=after, limit=found.size // 2)
    assert first is not None, "a batch of two has a first half"
    rest = NextBatch(found.upto, found.creates - first.creates, found.others - first.others)
    buried = await _halve(c, job, entity, first, after=after)
    return buried + await _halve(c, job, entity, rest, after=first.upto)


async def _try(
    c: Connection, job: ImportJob, entity: Entity, found: NextBatch, *, after: str
) -> RecordError | None:
    """What is wrong with a batch, or None once it is written."""
    try:
        async with c.savepoint():
            await write_batch(c, job, entity, found, after=after)
    except Signal:
        raise
    except DatabaseError as error:
        if error.code not in BLAMES_A_RECORD:
            raise
        log.warning("the roster refused a %s: %s", entity, error.detail)
        return _refused(entity)
    except SisconError:
        raise
    except Exception as error:
        log.error("a record made siscon fail", exc_info=error)  # noqa: TRY400 - with the trace, but not twice
        kind = plain(type(error).__name__)
        return RecordError(
            f"siscon met a fault of its own over this {entity} ({kind}). The log has the place; please report it. "
            "The record is tried again in later runs.",
            code="unexpected",
        )
    return None


def _refused(entity: Entity) -> RecordError:
    return RecordError(
        f"The roster refused this {entity}: it breaks one of its rules. The log tells which; mend the record at its "
        "source, or see 'siscon doctor'. It is tried again in later runs.",
        code="refused_by_roster",
    )


async def one_by_one(job: ImportJob, entity: Entity, *, after: str) -> str:
    """After an engine has died: the next batch a record at a time, each marked before it is begun.

    A record over which engines died again and again is set aside. The last external id that was applied.
    """
    run = job.run
    for _ in range(job.batch):
        async with job.db.transaction(job.lease) as c:
            found = await staged.next_batch(c, run.id, entity, after=after, limit=1)
            if found is None:
                break
            begun = await run_counts.begin_trying(c, run.id, entity, found.upto)
        async with job.db.transaction(job.lease) as c:
            if begun > TRIES:
                await bury_one(c, job, entity, found, _deadly(entity), after=after)
                await _tell(c, job, entity, found.upto)
            else:
                await write_all_that_can_be(c, job, entity, found, after=after)
            await run_counts.save_applied(c, run.id, entity, applied_to=found.upto)
        after = found.upto
    return after


def _deadly(entity: Entity) -> RecordError:
    return RecordError(
        f"The engine died {TRIES + 1} times over this {entity}, so it was set aside. Look into the log and the "
        "system's log (memory?) before you retry it; no run does so by itself. The rest of the run went on.",
        code="kills_the_engine",
    )


async def _tell(c: Connection, job: ImportJob, entity: Entity, external_id: str) -> None:
    await events.append(
        c,
        EventKind.RECORD_SET_ASIDE,
        Level.ERROR,
        f"{entity} {plain(external_id, limit=80)} was set aside: the engine died over it {TRIES + 1} times",
        integration=job.run.integration,
        run_id=job.run.id,
        at_ms=job.now_ms(),
    )
