"""Conflicts: one open entry per record, with what each side says."""

from __future__ import annotations

from typing import Any

from siscon.domain.conflicts import Conflict
from siscon.domain.records import Entity
from siscon.store import conflicts, staged
from siscon.store.conflicts import NewConflict
from siscon.store.database import Database
from support.databases import activate
from support.runs import a_run


def conflict(external_id: str, **changes: Any) -> NewConflict:
    told: dict[str, Any] = {
        "integration": "a",
        "entity": Entity.STUDENT,
        "external_id": external_id,
        "internal_id": 5,
        "run_id": 1,
        "base": {"email": "old@example.org"},
        "sis": {"email": "sis@example.org"},
        "local": {"email": None},
        "sis_fingerprint": "f",
        "local_version": 3,
        **changes,
    }
    return NewConflict(**told)


async def test_a_conflict_comes_back_with_all_three_versions(db: Database) -> None:
    async with db.transaction() as c:
        await activate(c, "a")
        await conflicts.open_many(c, [conflict("7")], now_ms=10)

        assert await conflicts.get(c, 99) is None
        assert await conflicts.get(c, 1) == Conflict(
            id=1,
            integration="a",
            entity=Entity.STUDENT,
            external_id="7",
            internal_id=5,
            run_id=1,
            status="open",
            base={"email": "old@example.org"},
            sis={"email": "sis@example.org"},
            local={"email": None},
            opened_at_ms=10,
            sis_fingerprint="f",
            local_version=3,
        )


async def test_the_same_conflict_found_again_is_brought_up_to_date(db: Database) -> None:
    async with db.transaction() as c:
        await activate(c, "a")
        await conflicts.open_many(c, [conflict("7")], now_ms=10)
        await conflicts.open_many(c, [conflict("7", run_id=2, sis={"email": "new@example.org"})], now_ms=20)
        [one] = await conflicts.list_open(c)

    assert (one.id, one.run_id, one.sis, one.opened_at_ms) == (1, 2, {"email": "new@example.org"}, 10)


async def test_a_conflict_is_closed_once_a_run_finds_nothing_to_ask_and_may_come_again(db: Database) -> None:
    async with db.transaction() as c:
        await activate(c, "a")
    run_id = await a_run(db, 1, integration="a")
    async with db.transaction() as c:
        found = [conflict(one, run_id=run_id - 1) for one in ("7", "8", "9")]
        later = [conflict("5", run_id=run_id), conflict("6", run_id=run_id + 1)]
        await conflicts.open_many(c, [*found, *later], now_ms=10)
        verdicts = [("5", "unchanged"), ("6", "unchanged"), ("7", "update"), ("8", "conflict")]
        rows = [(external_id, "", "{}", "f", verdict, "") for external_id, verdict in verdicts]
        await staged.put(c, run_id, Entity.STUDENT, rows)

        assert await conflicts.close_gone(c, "a", Entity.STUDENT, run_id, now_ms=20) == 1
        assert [one.external_id for one in await conflicts.list_open(c)] == ["8", "9", "5", "6"]
        await conflicts.open_many(c, [conflict("7")], now_ms=30)
        assert [one.external_id for one in await conflicts.list_open(c)] == ["8", "9", "5", "6", "7"]


async def test_listings_go_by_filter_and_page(db: Database) -> None:
    async with db.transaction() as c:
        await activate(c, "a", "b")
        rows = [conflict("1"), conflict("2", entity=Entity.STAFF), conflict("3", integration="b")]
        await conflicts.open_many(c, rows, now_ms=10)

        assert [one.id for one in await conflicts.list_open(c, after_id=1, limit=1)] == [2]
        assert [one.id for one in await conflicts.list_open(c, conflicts.Chosen(entity=Entity.STAFF))] == [2]
        assert await conflicts.count_open(c) == 3
        assert await conflicts.count_open(c, conflicts.Chosen("b")) == 1
        assert {one.external_id for one in await conflicts.by_ids(c, [1, 3])} == {"1", "3"}
