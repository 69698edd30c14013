"""The engine's life: it claims, carries, cancels, stops in order, goes on after others, and survives its parts."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from siscon.domain.commands import CancelRun, PauseRun, StartRun, StopEngine
from siscon.domain.errors import AuthError, ConfigError, DatabaseError, LeaseLost
from siscon.domain.events import EventKind
from siscon.domain.records import Student
from siscon.domain.runs import Lane, Run, RunStatus
from siscon.engine import room
from siscon.engine.carriers import carry
from siscon.engine.job import ImportJob
from siscon.engine.leases import Holdings
from siscon.engine.lifeline import lock_path
from siscon.providers.contract import Provider
from siscon.store import events, integrations, leases, records, runs
from siscon.store.sqlite import SqliteDatabase
from siscon.store.vault import Vault
from support.clock import outcome, until
from support.engines import for_ever, living_engine, provider_over, settings_for, slowly
from support.fake_sis import FakeSis, small_district
from support.runs import a_run


async def kinds(db: SqliteDatabase) -> list[EventKind]:
    async with db.read() as c:
        return [one.kind for one in reversed(await events.latest(c))]


async def test_an_import_asked_for_runs_to_its_end(db: SqliteDatabase, tmp_path: Path, vault: Vault):
    async with living_engine(db, settings_for(tmp_path), vault, sis=small_district()) as engine:
        row = await engine.ask(StartRun("harbor"))
        run = await engine.reaches(row.run_id, RunStatus.COMPLETED)

    assert run.attempt == 1
    assert await kinds(db) == [
        EventKind.ENGINE_STARTED,
        EventKind.RUN_QUEUED,
        EventKind.RUN_STARTED,
        *[kind for kind in await kinds(db) if kind is EventKind.ENTITY_DONE],
        EventKind.RUN_ENDED,
        EventKind.ENGINE_STOPPED,
    ]
    async with db.read() as c:
        stored = await integrations.one(c, "harbor")
    assert stored is not None
    assert stored.last_good_at_ms is not None


async def test_until_idle_does_what_waits_and_ends(db: SqliteDatabase, tmp_path: Path, vault: Vault):
    run_id = await a_run(db, 1)
    async with living_engine(
        db, settings_for(tmp_path), vault, sis=small_district(), until_idle=True
    ) as engine:
        assert await outcome(asyncio.shield(engine.task)) == 0
        assert (await engine.run(run_id)).status is RunStatus.COMPLETED


async def test_until_idle_ends_at_once_when_nothing_waits(db: SqliteDatabase, tmp_path: Path, vault: Vault):
    async with living_engine(db, settings_for(tmp_path), vault, until_idle=True) as engine:
        assert await outcome(asyncio.shield(engine.task)) == 0


async def test_a_cancel_takes_effect_within_a_second_and_names_who(
    db: SqliteDatabase, tmp_path: Path, vault: Vault
):
    async with living_engine(db, settings_for(tmp_path), vault, importer=for_ever) as engine:
        row = await engine.ask(StartRun("harbor"))
        await engine.reaches(row.run_id, RunStatus.RUNNING)
        assert row.run_id is not None

        async def is_cancelled() -> Run:
            await engine.ask(CancelRun(row.run_id or 0))
            return await engine.reaches(row.run_id, RunStatus.CANCELLED)

        run = await outcome(is_cancelled(), within_s=1.0)

    assert run.error == "cancelled by ann(1000)"


async def test_a_run_that_is_held_while_somebody_cancels_it_is_cancelled(
    db: SqliteDatabase, tmp_path: Path, vault: Vault
):
    async def held_meanwhile(job: ImportJob) -> RunStatus:
        async with job.db.transaction(job.lease) as c:
            await runs.request_cancel(c, job.run.id, "ann(1000)")
        return RunStatus.HELD

    async with living_engine(db, settings_for(tmp_path), vault, importer=held_meanwhile) as engine:
        row = await engine.ask(StartRun("harbor"))
        run = await engine.reaches(row.run_id, RunStatus.CANCELLED)

    assert run.error == "cancelled by ann(1000)"


async def test_a_run_waits_for_room_on_a_full_disk_and_goes_on_by_itself_or_is_cancelled(
    db: SqliteDatabase,
    tmp_path: Path,
    vault: Vault,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    monkeypatch.setattr(room, "FROM_S", 0.02)
    sis, tries, room_after = small_district(), [], [3]
    for number in range(150):
        sis.hold(Student(f"more-{number}", first_name="Ada" * 20, last_name="Birch" * 20))

    async def in_a_small_file(job: ImportJob) -> RunStatus:
        tries.append(job.run.phase)
        pages = 1 << 30 if len(tries) >= room_after[0] else 1  # what is there already stays
        async with db.transaction() as c:
            await c.all(f"PRAGMA max_page_count = {pages}")
        return await carry(job)

    async with living_engine(db, settings_for(tmp_path), vault, sis=sis, importer=in_a_small_file) as engine:
        row = await engine.ask(StartRun("harbor"))
        run = await engine.reaches(row.run_id, RunStatus.COMPLETED)
        assert (len(tries), run.attempt) == (3, 1)
        monkeypatch.setattr(room, "FROM_S", 60.0)
        room_after[0] = 9
        for number in range(150):
            sis.hold(Student(f"yet-more-{number}", first_name="Bo" * 20, last_name="Cedar" * 20))
        row = await engine.ask(StartRun("harbor"))
        assert row.run_id is not None
        await until(lambda: "waits 60.0 s for room" in caplog.text)
        async with db.transaction() as c:
            await c.all(f"PRAGMA max_page_count = {1 << 30}")
        await engine.ask(CancelRun(row.run_id))
        await engine.reaches(row.run_id, RunStatus.CANCELLED)


async def test_a_run_waits_for_whoever_keeps_the_database_and_goes_on(
    db: SqliteDatabase, tmp_path: Path, vault: Vault, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(room, "FROM_S", 0.02)
    tries: list[str] = []
    async with db.transaction() as c:
        await c.all("PRAGMA busy_timeout = 20")

    async def beside_another_program(job: ImportJob) -> RunStatus:
        if tries:
            return await carry(job)
        with closing(sqlite3.connect(db.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            try:
                return await carry(job)
            except DatabaseError as error:
                tries.append(error.code)
                raise

    settings = settings_for(tmp_path)
    async with living_engine(
        db, settings, vault, sis=small_district(), importer=beside_another_program
    ) as engine:
        row = await engine.ask(StartRun("harbor"))
        run = await engine.reaches(row.run_id, RunStatus.COMPLETED)

    assert (tries, run.attempt) == (["locked"], 1)


async def test_a_cancelled_run_does_not_start_again(db: SqliteDatabase, tmp_path: Path, vault: Vault):
    settings = settings_for(tmp_path)
    async with living_engine(db, settings, vault, importer=for_ever) as engine:
        row = await engine.ask(StartRun("harbor"))
        await engine.reaches(row.run_id, RunStatus.RUNNING)
        assert row.run_id is not None
        await engine.ask(CancelRun(row.run_id))
        await engine.reaches(row.run_id, RunStatus.CANCELLED)
    async with living_engine(db, settings, vault, sis=small_district(), until_idle=True) as engine:
        await outcome(asyncio.shield(engine.task))
        assert (await engine.run(row.run_id)).status is RunStatus.CANCELLED


async def test_an_engine_that_is_stopped_puts_its_run_back_and_the_next_goes_on_at_once(
    db: SqliteDatabase, tmp_path: Path, vault: Vault
):
    settings = settings_for(tmp_path)
    async with living_engine(db, settings, vault, importer=for_ever) as first:
        row = await first.ask(StartRun("harbor"))
        await first.reaches(row.run_id, RunStatus.RUNNING)
        assert await outcome(first.stop(), within_s=2.0) == 0
    run = await first.run(row.run_id)
    assert (run.status, run.error_code) == (RunStatus.QUEUED, "interrupted")
    assert "will go on at the next start" in run.error

    async with living_engine(db, settings, vault, sis=small_district()) as second:
        run = await second.reaches(row.run_id, RunStatus.COMPLETED)
    assert run.attempt == 2
    assert EventKind.RUN_RESUMED in await kinds(db)


async def test_the_stop_command_stops_and_leaves_nothing_behind(
    db: SqliteDatabase, tmp_path: Path, vault: Vault
):
    async with living_engine(db, settings_for(tmp_path), vault) as engine:
        assert lock_path(tmp_path, engine.engine.id).exists()
        await engine.ask(StopEngine(engine.engine.id))
        assert await outcome(asyncio.shield(engine.task)) == 0
        assert not lock_path(tmp_path, engine.engine.id).exists()
        async with db.read() as c:
            assert [one.alive for one in await leases.engines(c, now_ms=engine.engine.now_ms())] == [False]
            assert await c.all("SELECT name FROM leases WHERE owner <> ''") == []


async def test_integrations_run_beside_each_other_and_one_bulk_run_of_each(
    db: SqliteDatabase, tmp_path: Path, vault: Vault
):
    go_on = asyncio.Event()
    settings = settings_for(tmp_path, "harbor", "valley")
    async with living_engine(db, settings, vault, importer=slowly(go_on)) as engine:
        first = [await a_run(db, 1, integration=name) for name in ("harbor", "valley")]
        second = await a_run(db, 1, integration="harbor")
        quick = await a_run(db, 1, integration="harbor", lane=Lane.QUICK)
        for run_id in (*first, quick):
            await engine.reaches(run_id, RunStatus.RUNNING)
        assert (await engine.run(second)).status is RunStatus.QUEUED
        go_on.set()
        for run_id in (*first, quick, second):
            await engine.reaches(run_id, RunStatus.COMPLETED)


async def test_two_engines_never_carry_one_integration_at_once(
    db: SqliteDatabase, tmp_path: Path, vault: Vault
):
    going: list[str] = []
    most = 0

    async def importer(job: Any) -> RunStatus:
        nonlocal most
        going.append(job.lease.owner)
        most = max(most, len(set(going)))
        await asyncio.sleep(0.05)
        going.remove(job.lease.owner)
        return RunStatus.COMPLETED

    settings = settings_for(tmp_path)
    async with (
        living_engine(db, settings, vault, importer=importer) as one,
        living_engine(db, settings, vault, importer=importer),
    ):
        numbers = [await a_run(db, 1, lane=lane) for lane in (Lane.BULK, Lane.QUICK) * 4]
        for run_id in numbers:
            await one.reaches(run_id, RunStatus.COMPLETED)

    assert most == 1


async def test_a_fault_that_a_person_must_mend_fails_the_run_with_its_code(
    db: SqliteDatabase, tmp_path: Path, vault: Vault
):
    async def importer(_job: Any) -> RunStatus:
        raise AuthError("The SIS refused the login of harbor.")

    async with living_engine(db, settings_for(tmp_path), vault, importer=importer) as engine:
        run = await engine.reaches(await a_run(db, 1), RunStatus.FAILED)
        async with db.read() as c:
            stored = await integrations.one(c, "harbor")

    assert (run.error_code, run.error) == ("login_refused", "The SIS refused the login of harbor.")
    assert stored is not None
    assert stored.last_error == run.error


async def test_a_provider_that_raises_anything_harms_its_own_run_alone(
    db: SqliteDatabase, tmp_path: Path, vault: Vault
):
    sis = small_district()

    async def importer(job: Any) -> RunStatus:
        if job.run.integration == "valley":
            raise RecursionError("Kim Marsh, born 2013-04-05")
        return RunStatus.COMPLETED

    settings = settings_for(tmp_path, "harbor", "valley")
    async with living_engine(db, settings, vault, sis=sis, importer=importer) as engine:
        bad = await engine.reaches(await a_run(db, 1, integration="valley"), RunStatus.FAILED)
        await engine.reaches(await a_run(db, 1), RunStatus.COMPLETED)

    assert bad.error_code == "unexpected"
    assert "Kim" not in bad.error


async def test_a_run_whose_lease_is_lost_stops_and_writes_nothing_more(
    db: SqliteDatabase, tmp_path: Path, vault: Vault
):
    tried: list[str] = []

    async def importer(job: Any) -> RunStatus:
        try:
            while True:
                await asyncio.sleep(0.01)
                async with job.db.transaction(job.lease):
                    tried.append("wrote")
        except LeaseLost:
            tried.append("lost")
            raise

    async with living_engine(db, settings_for(tmp_path), vault, importer=importer) as engine:
        run_id = await a_run(db, 1)
        await engine.reaches(run_id, RunStatus.RUNNING)
        await until(lambda: "wrote" in tried)
        async with db.transaction() as c:
            await leases.take_away(c, engine.engine.id)
            await leases.take(c, "credential:harbor", "other", ttl_s=60, now_ms=engine.engine.now_ms())
        await until(lambda: "lost" in tried)
        await asyncio.sleep(0.1)

        assert (await engine.run(run_id)).status is RunStatus.RUNNING
        assert tried[-1] == "lost"


async def test_an_integration_whose_provider_is_missing_does_not_keep_the_others_from_running(
    db: SqliteDatabase, tmp_path: Path, vault: Vault
):
    good = provider_over(FakeSis())

    def load(name: str) -> type[Provider]:
        if name == "gone":
            raise ConfigError("There is no provider gone.")
        return good(name)

    settings = settings_for(tmp_path, "harbor")
    broken = settings.integrations["harbor"].model_copy(update={"provider": "gone"})
    settings = settings.model_copy(update={"integrations": {"broken": broken, **settings.integrations}})
    async with living_engine(db, settings, vault, load_provider=load) as engine:
        await engine.reaches(await a_run(db, 1), RunStatus.COMPLETED)

    assert EventKind.TASK_FAILED in await kinds(db)


async def test_a_part_that_fails_is_recorded_and_started_again(
    db: SqliteDatabase, tmp_path: Path, vault: Vault
):
    async with living_engine(db, settings_for(tmp_path), vault) as engine:
        calls = 0

        async def part() -> None:
            nonlocal calls
            calls += 1
            raise ValueError("Kim Marsh")

        task = asyncio.create_task(engine.engine._keep_going("part", part))
        await until(lambda: calls >= 2)
        task.cancel()
        await asyncio.wait([task])
        async with db.read() as c:
            told = [one.text for one in await events.latest(c) if one.kind is EventKind.TASK_FAILED]

    assert told
    assert all("ValueError" in one and "Kim" not in one for one in told)


async def test_a_scheduled_run_of_a_paused_integration_waits(
    db: SqliteDatabase, tmp_path: Path, vault: Vault
):
    async with db.transaction() as c:
        await integrations.set_paused(c, "harbor", True)
    async with living_engine(db, settings_for(tmp_path), vault, sis=small_district()) as engine:
        run_id = await a_run(db, 1, due_at_ms=5)
        await asyncio.sleep(0.3)
        assert (await engine.run(run_id)).status is RunStatus.QUEUED
        async with db.transaction() as c:
            await integrations.set_paused(c, "harbor", False)
        await engine.reaches(run_id, RunStatus.COMPLETED)


async def test_behind_a_scheduled_run_that_waits_for_the_end_of_a_pause_a_person_need_not_wait(
    db: SqliteDatabase, tmp_path: Path, vault: Vault
):
    scheduled = await a_run(db, 1, due_at_ms=1)
    async with db.transaction() as c:
        await integrations.set_paused(c, "harbor", True)
    asked = await a_run(db, 2)
    async with living_engine(db, settings_for(tmp_path), vault, sis=small_district()) as engine:
        await engine.reaches(asked, RunStatus.COMPLETED)
        assert (await engine.run(scheduled)).status is RunStatus.QUEUED


async def test_a_scheduled_run_that_was_under_way_goes_on_though_the_integration_is_paused(
    db: SqliteDatabase, tmp_path: Path, vault: Vault
):
    async with living_engine(db, settings_for(tmp_path), vault) as engine:
        async with db.transaction() as c:
            await integrations.set_paused(c, "harbor", True)
        run_id = await a_run(db, 1, due_at_ms=1)
        async with db.transaction() as c:
            await runs.claim(c, run_id, engine="dead", now_ms=1)

        run = await engine.reaches(run_id, RunStatus.COMPLETED)

    assert run.attempt == 2


async def test_nothing_but_orderly_rows_are_left_after_many_runs(
    db: SqliteDatabase, tmp_path: Path, vault: Vault
):
    sis = small_district()
    async with living_engine(db, settings_for(tmp_path), vault, sis=sis) as engine:
        before = len(asyncio.all_tasks())
        for _ in range(5):
            await engine.reaches(await a_run(db, 1), RunStatus.COMPLETED)
        await until(lambda: len(asyncio.all_tasks()) <= before)
        async with db.read() as c:
            assert await runs.active(c) == []
            assert await records.count(c, "harbor", sis.lists and next(iter(sis.lists))) > 0


@pytest.mark.parametrize("names", [("harbor",), ("harbor", "valley")])
async def test_engines_are_listed_as_alive_while_they_run(
    db: SqliteDatabase, tmp_path: Path, vault: Vault, names: tuple[str, ...]
):
    async with living_engine(db, settings_for(tmp_path, *names), vault) as engine, db.read() as c:
        found = await leases.engines(c, now_ms=engine.engine.now_ms())

    assert [(one.id, one.alive) for one in found] == [(engine.engine.id, True)]


async def test_a_paused_run_keeps_its_place_and_nobody_waits_for_it(
    db: SqliteDatabase, tmp_path: Path, vault: Vault
):
    async with living_engine(db, settings_for(tmp_path), vault, importer=for_ever) as engine:
        row = await engine.ask(StartRun("harbor"))
        await engine.reaches(row.run_id, RunStatus.RUNNING)
        assert row.run_id is not None
        await engine.ask(PauseRun(row.run_id))
        run = await engine.reaches(row.run_id, RunStatus.PAUSED)
        refused = await engine.ask(StartRun("harbor"))
    assert run.error == "paused by ann(1000)"
    assert refused.answer.startswith(f"Run {run.id} of harbor is paused: let it go on")
    await a_run(db, 2, due_at_ms=5)

    async with living_engine(
        db, settings_for(tmp_path), vault, sis=small_district(), until_idle=True
    ) as engine:
        assert await outcome(asyncio.shield(engine.task)) == 0


async def test_a_run_that_is_to_rest_rests_though_its_engine_ends(
    db: SqliteDatabase, tmp_path: Path, vault: Vault
):
    async with living_engine(db, settings_for(tmp_path), vault, importer=for_ever) as engine:
        row = await engine.ask(StartRun("harbor"))
        await engine.reaches(row.run_id, RunStatus.RUNNING)
        engine.engine.stop.set()
        async with db.transaction() as c:
            await runs.request_pause(c, row.run_id or 0, "ann(1000)", resume_at_ms=None)
        await engine.task
        assert (await engine.run(row.run_id)).status is RunStatus.PAUSED


def upgraded(path: Path) -> None:
    """What a newer siscon leaves behind."""
    with closing(sqlite3.connect(path)) as newer:
        newer.execute("PRAGMA user_version = 999")


async def test_an_engine_that_is_shut_out_by_a_newer_siscon_ends_so_that_another_begins(
    db: SqliteDatabase, tmp_path: Path, vault: Vault, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Holdings.beat_for_ever, "__kwdefaults__", {"every_s": 0.3, "believed_after_s": 0.1})
    settings = settings_for(tmp_path)
    assert settings.database == db.path
    async with living_engine(db, settings, vault, sis=small_district()) as engine:
        await asyncio.to_thread(upgraded, db.path)
        assert await outcome(asyncio.shield(engine.task)) == 1


async def test_an_engine_whose_database_was_deleted_stays_for_it_holds_the_last_copy(
    db: SqliteDatabase, tmp_path: Path, vault: Vault, monkeypatch: pytest.MonkeyPatch
):
    away, shut_out, begins = tmp_path / "away", 0, Holdings.beat_for_ever

    async def beat(holdings: Holdings) -> None:
        nonlocal shut_out
        await begins(holdings, every_s=0.3, believed_after_s=0)
        shut_out += 1

    async def was_shut_out() -> bool:
        return shut_out > 1

    monkeypatch.setattr(Holdings, "beat_for_ever", beat)
    async with living_engine(db, settings_for(tmp_path), vault, sis=small_district()) as engine:
        db.path.rename(away)
        await until(was_shut_out)
        assert not engine.task.done()
        away.rename(db.path)
