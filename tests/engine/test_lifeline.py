"""Runs of dead engines go back to the queue; only what is proven counts as dead before its lease has run out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from siscon.domain.errors import LeaseLost
from siscon.domain.leases import LEASE_TTL_S, EngineInfo
from siscon.domain.records import Entity
from siscon.domain.runs import RunStatus
from siscon.engine.lifeline import bury_the_dead, give_back, is_provably_gone, lock_path, sign_of_life, sweep
from siscon.store import cursors, leases, runs, staged
from siscon.store.sqlite import SqliteDatabase
from support.clock import HandClock
from support.runs import a_run


async def a_running_run(db: SqliteDatabase, clock: HandClock, engine: str = "one"):
    run_id = await a_run(db, clock.now_ms())
    async with db.transaction() as c:
        info = EngineInfo(engine, "host", 1, "0", clock.now_ms(), clock.now_ms(), alive=True)
        await leases.register_engine(c, info)
        await leases.take(c, f"engine:{engine}", engine, ttl_s=LEASE_TTL_S, now_ms=clock.now_ms())
        credential = await leases.take(
            c, "credential:harbor", engine, ttl_s=LEASE_TTL_S, now_ms=clock.now_ms()
        )
        await runs.claim(c, run_id, engine=engine, now_ms=clock.now_ms())
    return run_id, credential


async def status_of(db: SqliteDatabase, run_id: int) -> RunStatus:
    async with db.read() as c:
        run = await runs.get(c, run_id)
    assert run is not None
    return run.status


async def test_a_run_whose_engine_lives_is_left_alone(db: SqliteDatabase, clock: HandClock):
    run_id, _ = await a_running_run(db, clock)

    assert await give_back(db, now_ms=clock.now_ms) == 0
    assert await status_of(db, run_id) is RunStatus.RUNNING


async def test_a_run_of_a_dead_engine_is_queued_again_and_the_dead_can_write_no_more(
    db: SqliteDatabase, clock: HandClock
):
    run_id, credential = await a_running_run(db, clock)
    clock.forward(LEASE_TTL_S + 1)

    assert await give_back(db, now_ms=clock.now_ms) == 1
    assert await status_of(db, run_id) is RunStatus.QUEUED
    with pytest.raises(LeaseLost):
        async with db.transaction(credential):
            pass


async def test_a_run_that_a_person_wanted_to_end_is_not_started_again(db: SqliteDatabase, clock: HandClock):
    run_id, _ = await a_running_run(db, clock)
    async with db.transaction() as c:
        await runs.request_cancel(c, run_id, "ann(1000)")
    clock.forward(LEASE_TTL_S + 1)
    await give_back(db, now_ms=clock.now_ms)

    assert await status_of(db, run_id) is RunStatus.CANCELLED


def test_a_lock_that_is_held_proves_nothing(tmp_path: Path):
    with sign_of_life(tmp_path, "one"):
        assert not is_provably_gone(tmp_path, "one")


def test_no_lock_file_proves_nothing(tmp_path: Path):
    assert not is_provably_gone(tmp_path, "one")


def test_an_orderly_end_leaves_no_lock_file(tmp_path: Path):
    with sign_of_life(tmp_path, "one"):
        assert lock_path(tmp_path, "one").stat().st_mode & 0o777 == 0o600

    assert not lock_path(tmp_path, "one").exists()


async def test_an_engine_killed_hard_is_buried_at_once(db: SqliteDatabase, clock: HandClock, tmp_path: Path):
    run_id, credential = await a_running_run(db, clock)
    program = (
        "import sys, pathlib\nfrom siscon.engine.lifeline import sign_of_life\n"
        "with sign_of_life(pathlib.Path(sys.argv[1]), 'one'):\n    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        assert await bury_the_dead(db, tmp_path, own_id="two", now_ms=clock.now_ms) == []
        child.kill()

    assert await bury_the_dead(db, tmp_path, own_id="two", now_ms=clock.now_ms) == ["one"]
    assert await give_back(db, now_ms=clock.now_ms) == 1
    assert await status_of(db, run_id) is RunStatus.QUEUED
    with pytest.raises(LeaseLost):
        async with db.transaction(credential):
            pass


async def test_what_a_failed_run_has_fetched_is_swept_away_and_a_live_one_keeps_its_own(
    db: SqliteDatabase, clock: HandClock
):
    failed, _ = await a_running_run(db, clock)
    alive = await a_run(db, clock.now_ms())
    rows = [(str(one), "", "{}", "f", None, "") for one in range(12)]
    async with db.transaction() as c:
        for run_id in (failed, alive):
            await staged.put(c, run_id, Entity.STUDENT, rows)
            await staged.put(c, run_id, Entity.SCHOOL, rows)
        await cursors.begin(c, "harbor", Entity.STUDENT, failed)
    await sweep(db)
    async with db.transaction() as c:
        await runs.move(c, failed, RunStatus.FAILED, now_ms=clock.now_ms())

    await sweep(db)

    async with db.read() as c:
        left = await c.all("SELECT run_id, count(*) AS n FROM staged GROUP BY run_id")
        assert [(row["run_id"], row["n"]) for row in left] == [(alive, 24)]
        assert (await cursors.get(c, "harbor", Entity.STUDENT)).run_id is None
