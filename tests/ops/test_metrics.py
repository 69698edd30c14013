"""What metrics say, that their sums never fall, and that no label holds what it must not."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from prometheus_client.parser import text_string_to_metric_families as parsed

from siscon.domain.metrics import METRICS, Family
from siscon.domain.records import Entity
from siscon.domain.runs import Lane, RunKind, RunStatus
from siscon.metrics.exposition import exposition
from siscon.ops import metrics
from siscon.store import paces, run_counts, runs
from siscon.store.database import Database
from siscon.store.sqlite import open_database
from support.console_data import NOW_MS, Names, fill

UTC = ZoneInfo("UTC")
MIGRATIONS = Path(__file__).resolve().parents[2] / "siscon" / "store" / "migrations"


@pytest.fixture
async def db(tmp_path: Path) -> Any:
    db = await open_database(tmp_path / "siscon.db", synchronous="normal")
    await fill(db)
    yield db
    await db.close()


async def read(db: Any, now_ms: int = NOW_MS) -> list[Family]:
    return await metrics.read(db, db.path, now_ms=now_ms)


async def values(db: Database) -> dict[tuple[str, ...], float]:
    return {(one.metric.name, *labels): n for one in await read(db) for labels, n in one.samples}


async def test_every_metric_is_told_and_no_other(db: Database) -> None:
    assert [one.metric for one in await read(db)] != []
    assert {one.metric.name for one in await read(db)} == {one.name for one in METRICS}


async def test_the_values_are_those_of_the_database(db: Database) -> None:
    found = await values(db)

    assert found["siscon_engine_up",] == 1
    assert found["siscon_integration_state", "harbor", "held"] == 1
    assert found["siscon_integration_state", "harbor", "ok"] == 0
    assert found["siscon_runs_active", "harbor", "held"] == 1
    assert found["siscon_runs_total", "lakeside", "import", "failed"] == 3
    assert found["siscon_conflicts_open", "northfield"] == 12
    assert found["siscon_dead_records_open", "harbor"] == 449
    assert found["siscon_run_last_success_records", "harbor", "student"] == 9_812
    assert found["siscon_token_needs_person", "lakeside"] == 1
    assert found["siscon_database_bytes",] > 100_000


async def test_it_is_text_that_prometheus_reads(db: Database) -> None:
    families = await read(db)
    text, kind = exposition(families)
    told = {one.name: one for one in parsed(text.decode())}
    openly, open_kind = exposition(families, "application/openmetrics-text; version=1.0.0")

    assert kind.startswith("text/plain; version=0.0.4")
    assert {one.name.removesuffix("_total") for one in METRICS} == set(told)
    assert all(one.documentation for one in told.values())
    assert open_kind.startswith("application/openmetrics-text")
    assert openly.endswith(b"# EOF\n")


async def run_through(db: Database, *, requests: int, created: int) -> int:
    """A run that asks, writes and ends."""
    told = {"entities": (), "full": True, "requested_by": "clock", "due_at_ms": None, "now_ms": NOW_MS}
    async with db.transaction() as c:
        run_id = await runs.enqueue(c, integration="mesa", kind=RunKind.IMPORT, lane=Lane.QUICK, **told)
        assert run_id is not None
        await runs.claim(c, run_id, engine="e1", now_ms=NOW_MS)
        await run_counts.start(c, run_id, [Entity.STUDENT])
        for _ in range(2):
            await runs.add_requests(c, run_id, requests)
            await paces.add(c, run_id, now_ms=NOW_MS, requests=requests, failed=1, throttled=2)
            await run_counts.add(c, run_id, Entity.STUDENT, fetched=created, created=created)
        await runs.move(c, run_id, RunStatus.COMPLETED, now_ms=NOW_MS)
    return run_id


async def test_what_never_failed_is_counted_from_nought_on_so_that_its_first_failure_is_a_step(
    db: Database,
) -> None:
    found = await values(db)

    assert found["siscon_runs_total", "northfield", "import", "failed"] == 0
    async with db.transaction() as c:
        await c.run("DELETE FROM request_tallies WHERE integration = 'northfield'")
    assert (await values(db))["siscon_requests_failed_total", "northfield"] == 0


async def test_sums_never_fall_when_old_runs_and_events_go(db: Database) -> None:
    run_id = await run_through(db, requests=5, created=40)
    before = await values(db)
    async with db.transaction() as c:
        await c.run("DELETE FROM run_minutes")
        await c.run("DELETE FROM run_counts WHERE run_id <= :id", {"id": run_id})
        await c.run("DELETE FROM runs WHERE finished_at_ms IS NOT NULL")
        await c.run("DELETE FROM events")
    after = await values(db)

    sums = {key: n for key, n in before.items() if key[0].endswith("_total")}
    assert {key: after[key] for key in sums} == sums
    assert after["siscon_runs_total", "mesa", "import", "completed"] == 1
    assert after["siscon_requests_total", "mesa"] == 10
    assert (
        after["siscon_requests_failed_total", "mesa"],
        after["siscon_requests_throttled_total", "mesa"],
    ) == (2, 4)
    assert after["siscon_records_total", "mesa", "student", "created"] == 80

    await run_through(db, requests=1, created=1)
    assert (await values(db))["siscon_runs_total", "mesa", "import", "completed"] == 2


async def test_a_run_that_starts_over_takes_back_nothing_that_was_told(db: Database) -> None:
    run_id = await run_through(db, requests=1, created=40)
    async with db.transaction() as c:
        await run_counts.clear(c, run_id)
        await run_counts.start(c, run_id, [Entity.STUDENT])
        await run_counts.add(c, run_id, Entity.STUDENT, fetched=3)
        await c.run("UPDATE run_counts SET fetched = 2 WHERE run_id = :id", {"id": run_id})

    assert (await values(db))["siscon_records_total", "mesa", "student", "fetched"] == 83


async def test_what_was_counted_before_the_sums_were_kept_is_in_them(tmp_path: Path) -> None:
    path = tmp_path / "siscon.db"
    db = await open_database(path, synchronous="normal")
    await fill(db)
    await db.close()
    tables = ("run_tallies", "request_tallies", "record_tallies", "event_tallies", "webhook_tallies")
    [script] = [one.read_text() for one in MIGRATIONS.glob("*_tallies.sql")]
    with closing(sqlite3.connect(path)) as opened, opened as c:
        kept = [sorted(c.execute(f"SELECT * FROM {one}")) for one in tables]
        for (name,) in c.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND name LIKE '%tallied'"
        ).fetchall():
            c.execute(f"DROP TRIGGER {name}")
        for one in tables:
            c.execute(f"DROP TABLE {one}")
        c.executescript(script)
        made = [sorted(c.execute(f"SELECT * FROM {one}")) for one in tables]

    assert all(kept[:4])
    assert made[0] == kept[0]
    assert [one for one in made[1] if any(one[1:])] == kept[1]
    assert [one for one in made[2] if any(one[2:])] == kept[2]
    assert made[3] == kept[3]


async def test_no_label_holds_a_pupils_name_value_or_id(tmp_path: Path) -> None:
    db = await open_database(tmp_path / "siscon.db", synchronous="normal")
    names = Names(
        external_id="PUPIL-77", value="Zanthippe", address="zan@pupil.example", event="Zanthippe came"
    )
    await fill(db, names=names)
    text, _ = exposition(await read(db))
    await db.close()

    assert not [
        one
        for one in ("PUPIL", "Zanthippe", "pupil.example", "31/02/2011", "roster-01")
        if one in text.decode()
    ]


async def test_an_empty_installation_has_metrics_too(tmp_path: Path) -> None:
    db = await open_database(tmp_path / "siscon.db", synchronous="normal")
    assert (await values(db))["siscon_engine_up",] == 0
    await db.close()
