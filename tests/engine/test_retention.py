"""What is too old goes for good, in small steps; what anything still refers to stays, and so does the audit."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from siscon.config.upkeep import UpkeepSettings
from siscon.domain.leases import Lease
from siscon.domain.records import Entity
from siscon.domain.retention import DAY_MS
from siscon.engine.leases import Holdings
from siscon.engine.retention import Retention
from siscon.ops import retention as desk
from siscon.store import audit, chores, retention
from siscon.store.dead_records import place_of
from siscon.store.sqlite import SqliteDatabase
from siscon.store.vault import Vault
from support.clock import HandClock

LONG_AGO, NAME = 500 * DAY_MS, "Zephyrine-Quillfeather"
COUNTS = (
    "SELECT (SELECT count(*) FROM runs) AS runs, (SELECT count(*) FROM changes) AS images,"
    " (SELECT count(*) FROM events) AS events, (SELECT count(*) FROM commands) AS requests,"
    " (SELECT count(*) FROM conflicts) AS questions, (SELECT count(*) FROM dead_records) AS errors,"
    " (SELECT count(raw) FROM dead_records) AS raw"
)


@pytest.fixture
async def lease(db: SqliteDatabase, clock: HandClock) -> Lease:
    found = await Holdings(db, "one", now_ms=clock.now_ms).take("chores", on_lost=lambda: None)
    assert found is not None
    return found


@pytest.fixture(autouse=True)
def few_are_new(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 3)
    monkeypatch.setattr(retention, "OLD_RUNS", retention.OLD_RUNS.replace("OFFSET 49", "OFFSET 0"))


class Yard:
    """A database with old and new things, and the chore over it."""

    def __init__(self, db: SqliteDatabase, clock: HandClock, vault: Vault, lease: Lease, **days: int) -> None:
        self.db, self.clock, self.vault, self.lease = db, clock, vault, lease
        self.days = UpkeepSettings().days | days
        self.home = db.path.parent
        self.chore = Retention(db, self.home, db.path, vault, self.days, clock.now_ms)

    async def do(self, sql: str, **params: object) -> None:
        async with self.db.transaction() as c:
            await c.run(sql, params)

    async def run(
        self, run_id: int, age_ms: int = LONG_AGO, status: str = "completed", images: int = 7
    ) -> None:
        at = self.clock.now_ms() - age_ms
        await self.do(
            "INSERT INTO runs (id, integration, kind, lane, status, entities, requested_by, queued_at_ms,"
            " finished_at_ms) VALUES (:id, 'harbor', 'import', 'bulk', :status, '[]', 'x', :at, :at)",
            id=run_id,
            status=status,
            at=at,
        )
        await self.do(
            "INSERT INTO run_counts (run_id, entity, position) VALUES (:id, 'student', 0)", id=run_id
        )
        for number in range(images):
            await self.do(
                "INSERT INTO changes (at_ms, run_id, integration, entity, external_id, internal_id, kind, after)"
                " VALUES (:at, :id, 'harbor', 'student', 'x', :n, 'created', :after)",
                at=at,
                id=run_id,
                n=number,
                after=f'{{"last_name": "{NAME}"}}',
            )

    async def dead(self, key: str, age_ms: int, status: str = "open", mended: bytes | None = None) -> None:
        place = place_of("harbor", Entity.STUDENT, key)
        await self.do(
            "INSERT INTO dead_records (integration, entity, record_key, run_id, status, code, category, severity,"
            " reason, first_seen_at_ms, last_seen_at_ms, raw, mended) VALUES ('harbor', 'student', :key, 1, :status,"
            " 'c', 'validation', 'low', 'r', :at, :at, :raw, :mended)",
            key=key,
            status=status,
            at=self.clock.now_ms() - age_ms,
            raw=self.vault.seal(NAME, place=place),
            mended=mended,
        )

    async def question(
        self, run_id: int, age_ms: int, status: str, kind: str = "fields", by: int | None = None
    ) -> None:
        await self.do(
            "INSERT INTO conflicts (integration, entity, external_id, internal_id, run_id, status, base, sis, local,"
            " sis_fingerprint, local_version, opened_at_ms, settled_at_ms, kind, settled_run_id)"
            " VALUES ('harbor', 'student', :name, 1, :run, :status, '{}', :sis, '{}', 'f', 1, 1, :at, :kind, :by)",
            name=f"{run_id} {status} {kind}",
            run=run_id,
            status=status,
            sis=f'{{"last_name": "{NAME}"}}',
            at=None if status == "open" else self.clock.now_ms() - age_ms,
            kind=kind,
            by=by,
        )

    async def counts(self) -> dict[str, int]:
        async with self.db.read() as c:
            row = await c.one(COUNTS)
        assert row is not None
        return dict(row)  # type: ignore[call-overload, no-any-return]

    async def preview(self) -> dict[str, int]:
        rows = await desk.preview(self.db, self.home, self.days, now_ms=self.clock.now_ms())
        return {row["what"]: row["count"] for row in rows}

    def somewhere(self, name: str) -> bool:
        """Whether a name stands in any file of the home, as bytes."""
        return any(name.encode() in one.read_bytes() for one in self.home.rglob("*") if one.is_file())


@pytest.fixture
def yard(db: SqliteDatabase, clock: HandClock, vault: Vault, lease: Lease) -> Yard:
    return Yard(db, clock, vault, lease)


async def test_what_was_shown_goes_and_no_file_holds_it_any_more(yard: Yard):
    await yard.run(1)
    await yard.run(2)
    await yard.run(3, age_ms=DAY_MS, images=0)
    await yard.question(1, LONG_AGO, "settled", by=1)
    await yard.do("UPDATE conflicts SET settled_run_id = NULL")
    for number in range(8):
        at = yard.clock.now_ms() - (LONG_AGO if number < 5 else DAY_MS)
        await yard.do(
            "INSERT INTO events (at_ms, kind, level, text) VALUES (:at, 'page note', 'info', 'x')", at=at
        )
        await yard.do(
            "INSERT INTO commands (kind, body, actor, left_at_ms, status, answered_at_ms)"
            " VALUES ('edit_record', :body, 'x', 1, 'done', :at)",
            body=f'{{"last_name": "{NAME}"}}' if number < 5 else "{}",
            at=at,
        )
    assert yard.somewhere(NAME)
    shown = await yard.preview()
    told = await yard.chore.purge(yard.lease)

    assert shown == {"runs": 2, "images": 14, "events": 5, "requests": 5, "settled questions": 1}
    assert told == "5 events, 5 requests, 14 images, 2 runs, 1 settled question went"
    assert await yard.counts() == {
        "runs": 1,
        "images": 0,
        "events": 3,
        "requests": 3,
        "questions": 0,
        "errors": 0,
        "raw": 0,
    }
    assert not yard.somewhere(NAME)
    assert await yard.preview() == {}
    assert await yard.chore.purge(yard.lease) == "nothing is too old"
    async with yard.db.read() as c:
        [act] = await audit.entries(c)
    assert (act.actor, act.action, act.detail["images"], act.detail["days"]) == (
        "engine",
        "purge",
        14,
        yard.days,
    )


async def test_what_an_answer_of_the_sis_held_goes_after_a_month_and_the_reason_stays(yard: Yard):
    await yard.run(1, age_ms=DAY_MS)
    await yard.dead("old", 31 * DAY_MS)
    await yard.dead("new", 29 * DAY_MS)
    await yard.chore.purge(yard.lease)

    counts = await yard.counts()
    assert (counts["errors"], counts["raw"]) == (2, 1)


async def test_what_is_still_referred_to_stays_however_old(yard: Yard):
    for number in range(1, 8):
        await yard.run(number, images=1)
    await yard.run(8, status="held", images=0)
    await yard.run(9, age_ms=DAY_MS, images=0)
    await yard.question(1, LONG_AGO, "open")
    await yard.dead("open one", DAY_MS)
    await yard.do("UPDATE dead_records SET run_id = 2")
    await yard.do(
        "UPDATE runs SET request = '{\"run_id\": 3}', kind = 'undo', status = 'queued' WHERE id = 9"
    )
    await yard.do("UPDATE run_counts SET done = 1 WHERE run_id = 4")
    await yard.do(
        "INSERT INTO events (at_ms, run_id, kind, level, text) VALUES (1, 8, 'run held', 'warning', 'why')"
    )
    await yard.question(5, LONG_AGO, "settled", kind="duplicate")
    await yard.dead("mended by hand", LONG_AGO, status="mended", mended=b"values")
    await yard.do(
        "INSERT INTO commands (kind, body, actor, left_at_ms, status) VALUES ('x', '{}', 'x', 1, 'pending')"
    )
    await yard.chore.purge(yard.lease)

    async with yard.db.read() as c:
        left = [row["id"] for row in await c.all("SELECT id FROM runs ORDER BY id")]
    assert left == [1, 2, 3, 4, 8, 9]
    counts = await yard.counts()
    assert counts == {
        "runs": 6,
        "images": 4,
        "events": 1,
        "requests": 1,
        "questions": 2,
        "errors": 2,
        "raw": 1,
    }


async def test_the_newest_runs_stay_and_for_ever_means_for_ever(
    db: SqliteDatabase, clock: HandClock, vault: Vault, lease: Lease
):
    yard = Yard(db, clock, vault, lease, runs=0, raw=0, events=0, requests=0, logs=0, copies=0)
    await yard.run(1)
    await yard.run(2)
    assert await yard.chore.purge(lease) == "nothing is too old"
    yard = Yard(db, clock, vault, lease)
    await yard.chore.purge(lease)
    assert (await yard.counts())["runs"] == 1, "the newest stays"


async def test_a_sync_writes_between_two_steps(yard: Yard):
    await yard.run(1, images=40)
    await yard.run(2, images=0)
    written = 0

    async def a_writer() -> None:
        nonlocal written
        while True:
            await yard.do("UPDATE sequences SET next = next + 1")
            written += 1

    writing = asyncio.create_task(a_writer())
    await yard.chore.purge(yard.lease)
    writing.cancel()
    await asyncio.wait([writing])
    assert written > 10


async def test_old_files_go_and_those_in_use_stay(yard: Yard):
    logs = yard.home / "logs"
    logs.mkdir()
    old = ["logs/engine.jsonl.1", "logs/crash-ab.txt", "siscon.db.before-7", "siscon.db.replaced-2026"]
    kept = ["logs/engine.jsonl", "logs/audit-heads.jsonl", "siscon.key", "logs/serve.log"]
    for name in (*old, *kept):
        path: Path = yard.home / name
        path.write_text("x")
        os.utime(path, (1, 1))
    (logs / "engine.jsonl.2").write_text("young")
    os.utime(logs / "engine.jsonl.2", (yard.clock.now_ms() / 1000, yard.clock.now_ms() / 1000))
    assert await yard.preview() == {"log files": 2, "old copies of the database": 2}
    await yard.chore.purge(yard.lease)

    assert not [name for name in old if (yard.home / name).exists()]
    assert all((yard.home / name).exists() for name in (*kept, "logs/engine.jsonl.2"))


async def test_an_event_whose_clock_was_wrong_takes_no_others_along(yard: Yard):
    for at in (yard.clock.now_ms() - DAY_MS, 1, yard.clock.now_ms()):
        await yard.do(
            "INSERT INTO events (at_ms, kind, level, text) VALUES (:at, 'page note', 'info', 'x')", at=at
        )
    await yard.chore.purge(yard.lease)
    assert (await yard.counts())["events"] == 3


async def test_runs_of_the_last_week_stay_for_the_guard_counts_them(yard: Yard):
    yard.days["runs"] = 1
    for number, days in ((1, 10), (2, 6), (3, 2), (4, 0)):
        await yard.run(number, age_ms=days * DAY_MS, images=1)
    await yard.chore.purge(yard.lease)

    async with yard.db.read() as c:
        assert [row["id"] for row in await c.all("SELECT id FROM runs ORDER BY id")] == [2, 3, 4]


async def test_a_clock_that_leaps_ahead_for_a_while_takes_nothing_along(yard: Yard):
    await yard.run(1, age_ms=DAY_MS)
    await yard.run(2, age_ms=0)
    async with yard.db.transaction() as c:
        await chores.set_due(c, "retention", yard.clock.now_ms())
    yard.clock.forward(3 * 365 * 24 * 3600)
    assert (await yard.chore.purge(yard.lease)).startswith("put off until the next time")
    assert (await yard.counts())["runs"] == 2

    async with yard.db.transaction() as c:
        await chores.set_due(c, "retention", yard.clock.now_ms())
    await yard.chore.purge(yard.lease)
    assert (await yard.counts())["runs"] == 1


async def test_an_event_of_a_clock_that_was_years_ahead_keeps_no_others_for_years(yard: Yard):
    now_ms = yard.clock.now_ms()
    for at in (now_ms + 3650 * DAY_MS, 1, 2, now_ms):
        await yard.do(
            "INSERT INTO events (at_ms, kind, level, text) VALUES (:at, 'page note', 'info', 'x')", at=at
        )
    await yard.chore.purge(yard.lease)
    assert (await yard.counts())["events"] == 1
