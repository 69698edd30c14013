"""Dead records: one open entry per record, grouped by cause."""

from __future__ import annotations

from typing import Any

from siscon.domain.mappings import SyncStatus
from siscon.domain.records import Entity
from siscon.store import dead_records, mappings, staged
from siscon.store.database import Connection, Database
from siscon.store.dead_records import DeadEntry
from siscon.store.mappings import Tie
from support.databases import activate
from support.runs import a_run


def entry(key: str, **changes: Any) -> DeadEntry:
    told: dict[str, Any] = {
        "integration": "a",
        "entity": Entity.STUDENT,
        "record_key": key,
        "external_id": key,
        "run_id": 1,
        "code": "missing_field",
        "category": "validation",
        "severity": "low",
        "field": "last_name",
        "reason": "last_name is missing",
        "raw": b"sealed",
        **changes,
    }
    return DeadEntry(**told)


async def keys(c: Connection, *, after_id: int = 0, limit: int = 200, **chosen: Any) -> list[str]:
    return [
        one.record_key
        for one in await dead_records.list_open(
            c, dead_records.Chosen(**chosen), after_id=after_id, limit=limit
        )
    ]


async def test_a_record_that_dies_again_counts_one_attempt_per_run(db: Database) -> None:
    async with db.transaction() as c:
        await activate(c, "a")
        await dead_records.bury(c, [entry("7")], now_ms=10)
        await dead_records.bury(c, [entry("7", code="other")], now_ms=11)
        await dead_records.bury(c, [entry("7", run_id=2, reason="still")], now_ms=20)
        [one] = await dead_records.list_open(c)

    assert (one.attempts, one.run_id, one.reason, one.first_seen_at_ms, one.last_seen_at_ms) == (
        *(2, 2, "still"),
        *(10, 20),
    )


async def test_a_mended_record_is_closed_and_what_was_kept_of_it_is_gone(db: Database) -> None:
    async with db.transaction() as c:
        await activate(c, "a")
    for _ in range(2):
        run_id = await a_run(db, 1, integration="a", entities=[Entity.STUDENT])
    async with db.transaction() as c:
        await c.run("UPDATE runs SET status = 'completed' WHERE id < :id", {"id": run_id})
        await dead_records.bury(c, [entry("7"), entry("8")], now_ms=10)
        place = dead_records.place_of("a", Entity.STUDENT, "7")
        assert await dead_records.raw(c, 1) == dead_records.Raw(b"sealed", place, "")
        ties = [
            Tie("7", 1, SyncStatus.SYNCED, "", "f", "{}"),
            Tie("never dead", 2, SyncStatus.SYNCED, "", "f", "{}"),
        ]
        await mappings.tie(c, "a", Entity.STUDENT, ties, now_ms=10)
        await mappings.mark(c, "a", Entity.STUDENT, [("8", "still dead")], status=SyncStatus.ERROR)
        read = [(one, "", "{}", "f", "unchanged", "") for one in ("7", "8", "never dead")]
        await staged.put(c, run_id, Entity.STUDENT, read)
        await dead_records.mend_settled(c, "a", Entity.STUDENT, run_id, table=mappings.table_of("a"))

        assert await keys(c) == ["8"]
        assert await dead_records.raw(c, 1) is None
        assert [one.status for one in await dead_records.by_ids(c, [1])] == ["mended"]
        await dead_records.bury(c, [entry("7")], now_ms=30)
        assert await keys(c) == ["8", "7"]


async def test_groups_tell_cause_number_and_time(db: Database) -> None:
    async with db.transaction() as c:
        await activate(c, "a", "b")
        await dead_records.bury(c, [entry("1", field="email", code="bad_email")], now_ms=5)
        await dead_records.bury(c, [entry(str(n)) for n in range(2, 5)], now_ms=10)
        await dead_records.bury(c, [entry("9", integration="b")], now_ms=20)
        groups = await dead_records.groups(c)

        assert [(one.integration, one.code, one.field, one.count) for one in groups] == [
            ("a", "missing_field", "last_name", 3),
            ("a", "bad_email", "email", 1),
            ("b", "missing_field", "last_name", 1),
        ]
        assert [one.count for one in await dead_records.groups(c, integration="b")] == [1]


async def test_listings_go_by_filter_and_page(db: Database) -> None:
    async with db.transaction() as c:
        await activate(c, "a", "b")
        await dead_records.bury(
            c, [entry("1"), entry("2", code="x"), entry("3", entity=Entity.STAFF)], now_ms=5
        )
        await dead_records.bury(c, [entry("4", integration="b")], now_ms=5)

        assert await keys(c, integration="a", entity=Entity.STUDENT) == ["1", "2"]
        assert await keys(c, after_id=2, limit=1) == ["3"]
        assert await dead_records.count_open(c, dead_records.Chosen(code="x")) == 1
        assert await dead_records.count_open(c) == 4
