"""A watermark moves with the last batch of its entity and never before, wherever the engine dies."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from siscon.domain.errors import DatabaseError
from siscon.domain.leases import Lease
from siscon.domain.runs import RunStatus
from siscon.store.database import Connection, Database
from support.fake_sis import small_district
from support.house import test_house

MARK = "2026-11-20T00:00:00Z"


class Dying:
    """A database that dies within its n-th transaction: nothing of that one is kept, and none comes after."""

    def __init__(self, db: Database, n: int) -> None:
        self._db, self.left = db, n

    def read(self) -> AbstractAsyncContextManager[Connection]:
        return self._db.read()

    @asynccontextmanager
    async def transaction(self, lease: Lease | None = None) -> AsyncIterator[Connection]:
        async with self._db.transaction(lease) as c:
            yield c
            self.left -= 1
            if self.left <= 0:
                raise DatabaseError("the power is gone")


@pytest.mark.parametrize("n", [1, 5, 12, 20, 25, 30, 33, 36, 39, 42, 45, 48, 51, 55])
async def test_no_watermark_stands_before_its_entity_is_applied(tmp_path: Path, n: int) -> None:
    async with test_house(tmp_path, small_district()) as house:
        house.sis.mark = MARK
        job = await house.start(await house.enqueue())
        dying = Dying(house.db, n)
        with pytest.raises(DatabaseError):
            await house.go_on(replace(job, db=dying))

        marked = {
            one["entity"] for one in await house.rows("SELECT entity FROM cursors WHERE watermark NOT NULL")
        }
        done = {one["entity"] for one in await house.rows("SELECT entity FROM run_counts WHERE done = 1")}
        assert marked == done
        assert await house.rows("SELECT * FROM dead_records") == []

        assert await house.go_on(await house.start(job.run.id)) is RunStatus.COMPLETED
        marks = await house.rows("SELECT entity, watermark FROM cursors")
        assert {one["watermark"] for one in marks} == {MARK}
