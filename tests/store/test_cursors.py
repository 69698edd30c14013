"""Where an entity stands, inside a run and across runs."""

from __future__ import annotations

from siscon.domain.records import Entity
from siscon.store import cursors
from siscon.store.cursors import Cursor
from siscon.store.database import Database
from support.databases import activate


async def test_an_entity_that_was_never_fetched_stands_nowhere(db: Database) -> None:
    async with db.read() as c:
        assert await cursors.get(c, "a", Entity.STAFF) == Cursor()


async def test_a_new_run_begins_anew_but_keeps_the_watermark(db: Database) -> None:
    async with db.transaction() as c:
        await activate(c, "a")
        place = (c, "a", Entity.STAFF)
        await cursors.begin(*place, 1)
        await cursors.save_resume(*place, resume=None, next_watermark="monday", complete=True)
        assert await cursors.commit_watermark(*place, run_id=7, now_ms=50) is False
        assert await cursors.commit_watermark(*place, run_id=1, now_ms=50) is True
        whole = await cursors.get(*place)
        await cursors.begin(*place, 1)
        same = await cursors.get(*place)
        await cursors.begin(*place, 2)
        fresh = await cursors.get(*place)

    assert whole == same == Cursor("monday", 1, None, "monday", True, False)
    assert fresh == Cursor("monday", 2)


async def test_a_fetch_that_did_not_reach_its_end_moves_no_watermark(db: Database) -> None:
    async with db.transaction() as c:
        await activate(c, "a")
        place = (c, "a", Entity.STAFF)
        await cursors.begin(*place, 1)
        await cursors.save_resume(*place, resume="page 2", next_watermark="monday", complete=False)

        assert await cursors.commit_watermark(*place, run_id=1, now_ms=50) is False
        assert await cursors.get(*place) == Cursor(run_id=1, resume="page 2", next_watermark="monday")


async def test_a_fetch_that_may_lack_records_moves_no_watermark(db: Database) -> None:
    async with db.transaction() as c:
        await activate(c, "a")
        place = (c, "a", Entity.STAFF)
        await cursors.begin(*place, 1)
        await cursors.save_resume(
            *place, resume="page 2", next_watermark="monday", complete=False, partial=True
        )
        await cursors.save_resume(*place, resume=None, next_watermark="monday", complete=True)

        assert await cursors.commit_watermark(*place, run_id=1, now_ms=50) is False
        assert (await cursors.get(*place)).watermark is None
