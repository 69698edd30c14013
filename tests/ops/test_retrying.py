"""When a record in error is tried again by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from siscon.domain.dead_records import DeadRecord
from siscon.ops.dead_records import one
from siscon.ops.retrying import next_try
from siscon.store import integrations
from siscon.store.database import Database
from support.console_data import HOUR_MS, MINUTE_MS, NOW_MS


@pytest.fixture
async def dead(db: Database) -> DeadRecord:
    found = await one(db, 1)
    assert found is not None
    assert found.integration == "harbor"
    return found


async def test_the_next_scheduled_run_tries_it(db: Database, dead: DeadRecord) -> None:
    told = await next_try(db, dead, now_ms=NOW_MS)

    assert told.at_ms == NOW_MS + 23 * HOUR_MS + 30 * MINUTE_MS
    assert "at most dead_after times" in told.why


@pytest.mark.parametrize(
    ("code", "words"),
    [("unknown_reference", "until what it needs is here"), ("kills_the_engine", "not by itself")],
)
async def test_the_cause_decides_how_often(db: Database, dead: DeadRecord, code: str, words: str) -> None:
    assert words in (await next_try(db, replace(dead, code=code), now_ms=NOW_MS)).why


async def test_what_is_paused_or_settled_is_not_tried(db: Database, dead: DeadRecord) -> None:
    assert (await next_try(db, replace(dead, status="discarded"), now_ms=NOW_MS)).why == "it waits no more"
    async with db.transaction() as c:
        await integrations.set_paused(c, "harbor", True)
    told = await next_try(db, dead, now_ms=NOW_MS)
    assert (told.at_ms, told.why.endswith("harbor is paused")) == (None, True)
