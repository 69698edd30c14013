"""Runs whose engine died go back to the queue; locks that say whether an engine on this host lives."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from siscon.domain.events import EventKind, Level
from siscon.domain.runs import ENDED, Run, RunStatus
from siscon.domain.text import plain
from siscon.engine.bell import Ear
from siscon.store import cursors, events, leases, overtaken, run_counts, runs, staged, walks
from siscon.store.database import Connection, Database

LOCK_PREFIX, LOCK_SUFFIX = "engine-", ".lock"
LOOK_EVERY_S = 2.0


def lock_path(home: Path, engine_id: str) -> Path:
    """The file that an engine keeps locked for as long as its process lives."""
    return home / f"{LOCK_PREFIX}{engine_id}{LOCK_SUFFIX}"


@contextmanager
def sign_of_life(home: Path, engine_id: str) -> Iterator[None]:
    """Hold this engine's lock; the kernel frees it when the process ends, however that happens."""
    path = lock_path(home, engine_id)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
        path.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


@contextmanager
def proof_of_death(home: Path, engine_id: str) -> Iterator[bool]:
    """Whether an engine of this home has certainly ended: its lock file is there and nobody holds the lock.

    Why that is safe: the database lies on a local disk, so every engine that writes to it runs under the same
    kernel, and that kernel alone gives and frees the lock; a stopped or hanging process keeps it. An engine locks
    before it registers. Whatever is unclear (no file, no permission) is no proof: then the lease must run out.
    The lock is held inside the block, so that nobody judges twice.
    """
    try:
        descriptor = os.open(lock_path(home, engine_id), os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        yield False
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def is_provably_gone(home: Path, engine_id: str) -> bool:
    """Whether :func:`proof_of_death` can be had."""
    with proof_of_death(home, engine_id) as gone:
        return gone


def engines_with_locks(home: Path) -> list[str]:
    """The engines that have left a lock in a home, alive or not."""
    names = sorted(path.name for path in home.glob(lock_path(home, "*").name))
    return [name.removeprefix(LOCK_PREFIX).removesuffix(LOCK_SUFFIX) for name in names]


async def bury_the_dead(db: Database, home: Path, *, own_id: str, now_ms: Callable[[], int]) -> list[str]:
    """Take every lease from the engines that are provably gone, so that nobody waits for them; their ids."""
    buried = []
    for engine_id in engines_with_locks(home):
        if engine_id == own_id:
            continue
        with proof_of_death(home, engine_id) as gone:
            if not gone:
                continue
            async with db.transaction() as c:
                await leases.take_away(c, engine_id)
                await leases.engine_stopped(c, engine_id, now_ms())
            lock_path(home, engine_id).unlink(missing_ok=True)
            buried.append(engine_id)
    return buried


async def give_back(db: Database, *, now_ms: Callable[[], int]) -> int:
    """Queue every running run whose engine's lease has run out; how many there were.

    The dead engine's leases go in the same transaction: if it wakes, its old fences open nothing.
    """
    async with db.read() as c:
        if not await runs.running_of_dead_engines(c, now_ms=now_ms()):
            return 0
    async with db.transaction() as c:
        orphans = await runs.running_of_dead_engines(c, now_ms=now_ms())
        for engine_id in sorted({run.engine for run in orphans if run.engine}):
            await leases.take_away(c, engine_id)
        for run in orphans:
            await runs.note_death(c, run.id, stood_at=await _place_of(c, run))
            await back_to_queue(c, run, why="its engine died", now_ms=now_ms())
    return len(orphans)


async def _place_of(c: Connection, run: Run) -> str:
    """Where a run stands, to be compared with where it stands at the next death of an engine."""
    place = [run.phase.value if run.phase else ""]
    for one in await run_counts.of_run(c, run.id):
        cursor = await cursors.get(c, run.integration, one.entity)
        place.append(f"{one.entity}: {one.phase} {one.applied_to} {one.fetched} {cursor.resume}")
    return " | ".join(place)


async def back_to_queue(c: Connection, run: Run, *, why: str, now_ms: int) -> None:
    """A running run is interrupted and waits for the next engine; one that a person wanted to end, ends, and one that
    was to rest, rests.
    """
    if run.pause_requested_by and not run.cancel_requested_by:
        said = f"paused by {plain(run.pause_requested_by)}"
        await runs.move(c, run.id, RunStatus.PAUSED, now_ms=now_ms, error_code="paused", error=said)
        await events.append(
            c,
            EventKind.RUN_PAUSED,
            Level.INFO,
            f"run {run.id} was {said} ({why})",
            integration=run.integration,
            run_id=run.id,
            at_ms=now_ms,
        )
        return
    await runs.move(c, run.id, RunStatus.INTERRUPTED, now_ms=now_ms, error_code="interrupted", error=why)
    if run.cancel_requested_by:
        said = f"cancelled by {plain(run.cancel_requested_by)}"
        await runs.move(c, run.id, RunStatus.CANCELLED, now_ms=now_ms, error_code="cancelled", error=said)
        kind, text = EventKind.RUN_ENDED, f"run {run.id} was {said} ({why})"
    else:
        await runs.move(c, run.id, RunStatus.QUEUED, now_ms=now_ms, error_code="interrupted", error=why)
        kind, text = (
            EventKind.RUN_QUEUED,
            f"run {run.id} was interrupted ({why}); it goes on where it stopped",
        )
    await events.append(
        c, kind, Level.WARNING, text, integration=run.integration, run_id=run.id, at_ms=now_ms
    )


async def sweep(db: Database) -> None:
    """Empty what runs have fetched that then failed or were cancelled: it holds pupils' data and is of no use."""
    while True:
        async with db.read() as c:
            run_id = await staged.ended_with_rows(c)
        if run_id is None:
            return
        async with db.transaction() as c:
            run = await runs.get(c, run_id)
            if run is not None and run.status in ENDED:
                await cursors.forget_run(c, run_id)
                await overtaken.forget(c, run_id)
                await walks.forget(c, run_id)
                await staged.drop_ended(c, run_id)


async def watch(db: Database, home: Path, ear: Ear, *, own_id: str, now_ms: Callable[[], int]) -> None:
    """Look after the dead and what they left every few seconds."""
    while True:
        await bury_the_dead(db, home, own_id=own_id, now_ms=now_ms)
        if await give_back(db, now_ms=now_ms):
            ear.ring()
        await sweep(db)
        await asyncio.sleep(LOOK_EVERY_S)
