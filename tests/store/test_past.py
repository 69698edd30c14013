"""A database as it was: what each table shows at a moment, through the store's own queries."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from siscon.domain.errors import DatabaseError
from siscon.domain.events import EventKind, Level
from siscon.domain.past import PastMoment
from siscon.domain.records import Entity
from siscon.domain.runs import Lane, Run, RunKind, RunStatus
from siscon.store import changes, conflicts, dead_records, events, integrations, leases, past, runs
from siscon.store.changes import Change
from siscon.store.conflicts import NewConflict
from siscon.store.database import Connection, Database
from siscon.store.dead_records import Chosen, DeadEntry
from siscon.store.sqlite import open_database
from support.databases import activate

H = 3_600_000


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """An integration activated at 0, and nothing else but one event at 100 h."""
    path = tmp_path / "home" / "siscon.db"
    async with written(path) as c:
        await activate(c, "harbor")
        await tell(c, 100 * H, "the end")
    return path


@asynccontextmanager
async def written(path: Path) -> AsyncIterator[Connection]:
    db = await open_database(path, synchronous="normal")
    try:
        async with db.transaction() as c:
            yield c
    finally:
        await db.close()


@asynccontextmanager
async def looked_at(path: Path, at_ms: int) -> AsyncIterator[tuple[Database, PastMoment]]:
    moment = PastMoment(0)
    db = await past.open_past(path, moment)
    moment.at_ms = at_ms
    try:
        yield db, moment
    finally:
        await db.close()


async def tell(
    c: Connection, at_ms: int, text: str, kind: EventKind = EventKind.PAGE_NOTE, run_id: int | None = None
) -> None:
    await events.append(c, kind, Level.INFO, text, integration="harbor", run_id=run_id, at_ms=at_ms)


async def queue(c: Connection, at_ms: int, kind: RunKind = RunKind.IMPORT) -> int:
    run_id = await runs.enqueue(
        c,
        integration="harbor",
        kind=kind,
        lane=Lane.BULK,
        entities=(Entity.STUDENT,),
        full=True,
        requested_by="clock",
        due_at_ms=None,
        now_ms=at_ms,
    )
    assert run_id is not None
    return run_id


async def run_through(c: Connection, queued: int, started: int, ended: int, end: RunStatus) -> int:
    run_id = await queue(c, queued)
    await runs.claim(c, run_id, engine="e1", now_ms=started)
    await tell(c, started, "started", EventKind.RUN_STARTED, run_id)
    await runs.move(c, run_id, end, now_ms=ended, error="It broke." if end is RunStatus.FAILED else "")
    await tell(c, ended, "ended", EventKind.RUN_ENDED, run_id)
    return run_id


async def the_run(path: Path, run_id: int, at_ms: int) -> Run | None:
    async with looked_at(path, at_ms) as (db, _), db.read() as c:
        found = await runs.get(c, run_id)
        assert (found is not None) == (run_id in [one.id for one in await runs.latest(c)])
        return found


async def test_a_run_is_not_there_then_queued_then_running_then_ended(path: Path) -> None:
    async with written(path) as c:
        run_id = await run_through(c, 10 * H, 11 * H, 12 * H, RunStatus.FAILED)

    assert await the_run(path, run_id, 10 * H - 1) is None
    queued = await the_run(path, run_id, 10 * H)
    running = await the_run(path, run_id, 12 * H - 1)
    ended = await the_run(path, run_id, 12 * H)
    assert queued is not None
    assert running is not None
    assert ended is not None
    assert (queued.status, queued.started_at_ms, queued.error) == (RunStatus.QUEUED, None, "")
    assert (running.status, running.started_at_ms, running.finished_at_ms) == (
        RunStatus.RUNNING,
        11 * H,
        None,
    )
    assert running.error == ""
    assert (ended.status, ended.finished_at_ms, ended.error) == (RunStatus.FAILED, 12 * H, "It broke.")


async def test_a_run_is_found_by_the_state_it_had(path: Path) -> None:
    async with written(path) as c:
        await run_through(c, 10 * H, 11 * H, 12 * H, RunStatus.COMPLETED)

    async with looked_at(path, 11 * H) as (db, moment):
        for at_ms, status in (
            (11 * H, RunStatus.RUNNING),
            (10 * H, RunStatus.QUEUED),
            (12 * H, RunStatus.COMPLETED),
        ):
            moment.at_ms = at_ms
            async with db.read() as c:
                assert len(await runs.latest(c, status=status)) == 1
                assert len(await runs.active(c)) == (status is not RunStatus.COMPLETED)


async def test_a_held_run_was_held_until_somebody_decided(path: Path) -> None:
    async with written(path) as c:
        run_id = await queue(c, 10 * H)
        await runs.claim(c, run_id, engine="e1", now_ms=11 * H)
        await tell(c, 11 * H, "started", EventKind.RUN_STARTED, run_id)
        await runs.move(c, run_id, RunStatus.HELD, now_ms=12 * H, error="too many missing")
        await tell(c, 12 * H, "too many missing", EventKind.RUN_HELD, run_id)
        await runs.approve(c, run_id, "kim(7)")
        await runs.move(c, run_id, RunStatus.QUEUED, now_ms=20 * H)
        await tell(c, 20 * H, "approved", EventKind.RUN_QUEUED, run_id)
        await runs.claim(c, run_id, engine="e1", now_ms=20 * H)
        await tell(c, 20 * H + 1, "goes on", EventKind.RUN_RESUMED, run_id)
        await runs.move(c, run_id, RunStatus.COMPLETED, now_ms=21 * H)
        await tell(c, 21 * H, "ended", EventKind.RUN_ENDED, run_id)

    held = await the_run(path, run_id, 19 * H)
    again = await the_run(path, run_id, 20 * H + 1)
    assert held is not None
    assert again is not None
    assert (held.status, held.error, held.approved_by) == (RunStatus.HELD, "too many missing", None)
    assert again.status is RunStatus.RUNNING


async def test_a_plan_that_waits_to_the_end_of_the_file_is_held_since_it_was(path: Path) -> None:
    async with written(path) as c:
        run_id = await queue(c, 10 * H)
        await runs.claim(c, run_id, engine="e1", now_ms=11 * H)
        await tell(c, 11 * H, "started", EventKind.RUN_STARTED, run_id)
        await runs.move(c, run_id, RunStatus.HELD, now_ms=12 * H, error="why")
        await tell(c, 12 * H, "why", EventKind.RUN_HELD, run_id)

    before, since = await the_run(path, run_id, 12 * H - 1), await the_run(path, run_id, 12 * H)
    assert before is not None
    assert since is not None
    assert (before.status, since.status, since.error) == (RunStatus.RUNNING, RunStatus.HELD, "why")


async def test_errors_are_open_between_their_moments(path: Path) -> None:
    async with written(path) as c:
        run_id = await run_through(c, 9 * H, 9 * H, 10 * H, RunStatus.WITH_ERRORS)
        entries = [
            DeadEntry("harbor", Entity.STUDENT, key, key, run_id, "bad", "x", "low", None, "why")
            for key in ("stays", "dropped", "mended")
        ]
        await dead_records.bury(c, entries, now_ms=10 * H)
        ids = {one.external_id: one.id for one in await dead_records.list_open(c)}
        await dead_records.discard(c, Chosen(ids=(ids["dropped"],)), actor="kim", reason="x", now_ms=20 * H)
        await run_through(c, 30 * H, 30 * H, 31 * H, RunStatus.COMPLETED)
        await c.run("UPDATE dead_records SET status = 'mended' WHERE external_id = 'mended'")

    async def there(at_ms: int) -> set[str | None]:
        async with looked_at(path, at_ms) as (db, _), db.read() as c:
            found = await dead_records.list_open(c)
            assert sum(group.count for group in await dead_records.groups(c)) == len(found)
            return {one.external_id for one in found}

    assert await there(10 * H - 1) == set()
    assert await there(10 * H) == {"stays", "dropped", "mended"}
    assert await there(20 * H) == {"stays", "mended"}
    assert await there(31 * H) == {"stays"}, "it came through with the next run"


async def test_conflicts_are_open_between_their_moments(path: Path) -> None:
    async with written(path) as c:
        one = NewConflict("harbor", Entity.STUDENT, "A", 1, 1, {"a": "1"}, {"a": "2"}, {"a": "3"}, "f", 1)
        await conflicts.open_many(c, [one], now_ms=10 * H)
        await c.run(
            "UPDATE conflicts SET status = 'settled', settled_at_ms = :at, settled_by = 'kim', decision = '{}'",
            {"at": 20 * H},
        )

    for at_ms, count, by in ((10 * H - 1, 0, None), (10 * H, 1, None), (20 * H, 0, "kim")):
        async with looked_at(path, at_ms) as (db, _), db.read() as c:
            assert await conflicts.count_open(c) == count
            found = await conflicts.get(c, 1)
            assert (found.settled_by if found else None) == by


async def test_history_and_events_end_at_the_moment(path: Path) -> None:
    async with written(path) as c:
        for at_ms in (10 * H, 20 * H):
            await tell(c, at_ms, str(at_ms))
            change = Change(Entity.STUDENT, "A", 1, "updated", "{}", "{}")
            await changes.add(c, [change], integration="harbor", run_id=None, at_ms=at_ms)

    async with looked_at(path, 20 * H - 1) as (db, moment):
        async with db.read() as c:
            assert await changes.count_of_record(c, 1) == 1
            assert [one.at_ms for one in await events.latest(c)] == [10 * H]
        moment.at_ms = 20 * H
        async with db.read() as c:
            assert await changes.count_of_record(c, 1) == 2
            assert len(await events.latest(c)) == 2


async def test_an_integration_was_well_before_it_failed(path: Path) -> None:
    async with written(path) as c:
        await run_through(c, 10 * H, 10 * H, 11 * H, RunStatus.COMPLETED)
        await run_through(c, 20 * H, 20 * H, 21 * H, RunStatus.COMPLETED)
        await c.run(
            "UPDATE integrations SET last_good_at_ms = :good, failing_since_ms = :bad, last_error = 'broken'",
            {"good": 21 * H, "bad": 30 * H},
        )

    for at_ms, good, error in ((15 * H, 11 * H, ""), (25 * H, 21 * H, ""), (30 * H, 21 * H, "broken")):
        async with looked_at(path, at_ms) as (db, _), db.read() as c:
            found = await integrations.one(c, "harbor")
            assert found is not None
            assert (found.last_good_at_ms, found.last_error) == (good, error)


async def test_an_engine_was_alive_from_its_start_to_its_end(path: Path) -> None:
    async with written(path) as c:
        await c.run(
            "INSERT INTO engines (id, host, pid, version, started_at_ms, seen_at_ms, stopped_at_ms)"
            " VALUES ('e1', 'h', 1, '1', :a, :b, :b)",
            {"a": 10 * H, "b": 20 * H},
        )

    for at_ms, alive in ((9 * H, []), (15 * H, [True]), (20 * H + 1, [False])):
        async with looked_at(path, at_ms) as (db, _), db.read() as c:
            assert [one.alive for one in await leases.engines(c, now_ms=at_ms)] == alive


async def test_one_walks_from_event_to_event_and_begins_at_the_last(path: Path) -> None:
    async with written(path) as c:
        for at_ms in (101 * H, 101 * H, 105 * H):
            await tell(c, at_ms, "x")
        await queue(c, 110 * H)

    moment = PastMoment(0)
    db = await past.open_past(path, moment)
    try:
        assert (moment.first_ms, moment.at_ms, moment.last_ms) == (100 * H, 105 * H, 110 * H)
        async with db.read() as c:
            assert await past.event_before_ms(c, 105 * H) == 101 * H
            assert await past.event_before_ms(c, 100 * H) is None
            assert await past.next_event_ms(c, 100 * H) == 101 * H
            assert await past.next_event_ms(c, 105 * H) is None
    finally:
        await db.close()


async def test_nothing_can_be_written_there(path: Path) -> None:
    async with looked_at(path, 100 * H) as (db, _):
        with pytest.raises(DatabaseError) as refused:
            async with db.transaction():
                pass
        assert refused.value.code == "read_only"
        with pytest.raises(DatabaseError):
            async with db.read() as c:
                await c.run("DELETE FROM main.runs")


async def test_a_database_in_which_nothing_happened_has_no_past(tmp_path: Path) -> None:
    path = tmp_path / "siscon.db"
    await (await open_database(path)).close()

    with pytest.raises(DatabaseError, match="Nothing has ever happened"):
        await past.open_past(path, PastMoment(0))


def test_every_table_of_the_views_is_one_of_ours_with_these_columns(tmp_path: Path) -> None:
    import sqlite3
    from contextlib import closing

    from siscon.store import migrate

    with closing(sqlite3.connect(tmp_path / "x.db", isolation_level=None)) as connection:
        migrate.migrate(connection, tmp_path / "x.db", now_ms=0)
        for table, as_of in past.PAST.items():
            names = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
            assert set(as_of.columns) <= names, table
