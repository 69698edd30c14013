"""Lists that grow: runs, dead records, conflicts, mappings."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from siscon.domain.filters import Filter, Named, Order, parse
from siscon.domain.mappings import SyncStatus
from siscon.domain.records import Entity
from siscon.domain.runs import RunStatus
from siscon.ops import conflicts, dead_records, records, runs
from siscon.ops.activity import AuditLog, EventLog, RequestLog
from siscon.ops.listing import Listing
from siscon.ops.record_views import HistoryList
from siscon.store import mappings
from siscon.store.database import Database
from siscon.store.mappings import Tie
from support.clock import LIMIT_S
from support.console_data import NOW_MS, fill


async def all_ids(listing: Listing[Any]) -> list[int]:
    found: list[int] = []
    async for chunk in listing.ids():
        found += chunk
    return found


def told(text: str, columns: Sequence[Named]) -> Filter:
    return parse(text, columns, now_ms=NOW_MS)


def lists(db: Database) -> Sequence[Listing[Any]]:
    return (
        runs.RunHistory(db),
        runs.RunHistory(db, "harbor"),
        dead_records.DeadList(db),
        dead_records.DeadList(db, dead_records.Chosen("harbor", Entity.STUDENT, "bad_date")),
        conflicts.ConflictList(db),
        conflicts.ConflictList(db, conflicts.Chosen("harbor")),
        records.MappingList(db, "harbor"),
        records.MappingList(db, "harbor", Entity.STUDENT, SyncStatus.ERROR),
        records.MappingList(db, "harbor", where=told("id=S-104-77-00*", records.COLUMNS)),
        records.MappingList(db, "harbor", Entity.COURSE),
        records.MappingList(db, "harbor", Entity.STUDENT, where=told("invented", records.COLUMNS)),
        records.MappingList(db, "harbor", where=told("status!=synced", records.COLUMNS)),
        records.MappingList(db, "harbor", order=Order("id", down=True)),
        records.MappingList(db, "harbor", order=Order("synced")),
        runs.RunHistory(db, where=told("status=failed", runs.COLUMNS)),
        runs.RunHistory(db, order=Order("integration", down=True)),
        dead_records.DeadList(db, order=Order("reason")),
        conflicts.ConflictList(db, order=Order("age", down=True)),
    )


async def test_who_has_read_a_part_of_a_list_keeps_nobody_from_reading(db: Database) -> None:
    logs: list[Listing[Any]] = [EventLog(db), AuditLog(db), RequestLog(db), HistoryList(db, 1)]
    under_way = [listing.ids() for listing in (*lists(db), *logs)]
    for ids in under_way:
        await anext(ids, [])

    async with asyncio.timeout(LIMIT_S), db.read() as c:
        assert await c.one("SELECT 1") is not None


@pytest.mark.parametrize("place", range(18))
async def test_ids_rows_and_count_of_a_list_agree(db: Database, place: int) -> None:
    listing = lists(db)[place]
    ids = await all_ids(listing)

    assert len(ids) == len(set(ids)) == await listing.count()
    assert set(await listing.rows(ids)) == set(ids)


async def test_the_history_is_newest_first_with_sums(db: Database) -> None:
    history = runs.RunHistory(db)
    ids = await all_ids(history)
    rows = await history.rows(ids)

    assert ids == sorted(ids, reverse=True)
    assert rows[2].run.status is RunStatus.WITH_ERRORS
    assert (rows[2].sums.fetched, rows[2].sums.failed) == (70_226, 3)


async def test_active_runs_tell_pace_and_time_left(db: Database) -> None:
    running, queued = await runs.active_runs(db, now_ms=NOW_MS)

    assert running.run.status is RunStatus.RUNNING
    assert running.per_minute == pytest.approx(62.2)
    assert running.left.requests == 58
    assert running.left.whole is False
    assert queued.run.status is RunStatus.QUEUED
    assert (running.waits_for, queued.waits_for) == ("", "An engine takes it in a moment.")


async def test_a_run_in_full_has_counts_and_news(db: Database) -> None:
    detail = await runs.run_detail(db, 2, now_ms=NOW_MS)

    assert detail is not None
    assert [one.entity for one in detail.active.counts][:2] == [Entity.SCHOOL, Entity.STAFF]
    assert await EventLog(db, run_id=2).count() == 2
    assert await runs.run_detail(db, 999, now_ms=NOW_MS) is None


async def test_dead_records_are_grouped_the_largest_first(db: Database) -> None:
    groups = await dead_records.groups(db)

    assert [(group.code, group.count) for group in groups] == [
        ("unknown_parent", 412),
        ("bad_date", 37),
        ("no_id", 1),
    ]


async def test_a_mapping_leads_to_its_record(db: Database) -> None:
    row = await records.record(db, "harbor", Entity.STUDENT, "S-104-77-0003")

    assert row is not None
    assert row.record.last_name == "Invented 3"
    assert await records.record(db, "harbor", Entity.STUDENT, "S-104-77-bad-1") is None


async def test_a_hundred_thousand_mappings_open_in_chunks(blank: Database) -> None:
    await fill(blank, mapped=1)
    async with blank.transaction() as c:
        ties = [Tie(f"M-{n}", 10_000 + n, SyncStatus.SYNCED, "", "f" * 32, "{}") for n in range(100_000)]
        await mappings.tie(c, "mesa", Entity.STUDENT, ties, now_ms=NOW_MS)
    listing = records.MappingList(blank, "mesa")
    ids = await all_ids(listing)
    rows = await listing.rows(ids[90_000:90_256])

    assert (len(ids), len(rows)) == (100_000, 256)
