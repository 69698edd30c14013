"""A window of time is read again: what changed later stays out, and the next syncs begin where they would have."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from siscon.domain.commands import Backfill, StartRun
from siscon.domain.records import Entity, Student
from siscon.domain.runs import RunStatus
from siscon.ops import backfills
from siscon.providers.contract import Page, ProviderSettings
from siscon.store import cursors
from siscon.store.sqlite import SqliteDatabase
from siscon.store.vault import Vault
from support.engines import living_engine, provider_over, settings_for
from support.fake_sis import FakeSis

SINCE_MS = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp() * 1000)
UNTIL_MS = int(datetime(2026, 4, 1, tzinfo=UTC).timestamp() * 1000)


def dated(sis: FakeSis, seen: list[str | None]) -> object:
    """A provider that can be asked by date, and notes from where it was asked."""
    base = provider_over(sis)("fake")

    class Dated(base):  # type: ignore[misc, valid-type] # made for this SIS
        @classmethod
        def cursor_at(cls, settings: ProviderSettings, moment: datetime) -> str | None:
            return moment.date().isoformat()

        async def pages(
            self, entity: Entity, *, cursor: str | None, resume: str | None
        ) -> AsyncIterator[Page]:
            seen.append(cursor)
            async for page in super().pages(entity, cursor=cursor, resume=resume):
                yield page

    return lambda _name: Dated


@pytest.fixture
def sis() -> FakeSis:
    one = FakeSis(mark="2026-05-01")
    one.hold(Student("S-1", first_name="Ada", last_name="Birch"))
    one.hold(Student("S-2", first_name="Bo", last_name="Cedar"))
    one.modified = {
        (Entity.STUDENT, "S-1"): "2026-03-10T00:00:00+00:00",
        (Entity.STUDENT, "S-2"): "2026-04-10T00:00:00+00:00",
    }
    return one


async def test_a_window_is_read_from_its_beginning_and_moves_no_watermark(
    db: SqliteDatabase, vault: Vault, tmp_path: Path, sis: FakeSis
) -> None:
    seen: list[str | None] = []
    settings = settings_for(tmp_path, entities=["student"])
    async with living_engine(db, settings, vault, load_provider=dated(sis, seen)) as living:  # type: ignore[arg-type]
        row = await living.ask(Backfill("harbor", (), SINCE_MS, UNTIL_MS, "the SIS was restored"))
        run = await living.reaches(row.run_id, RunStatus.COMPLETED)

    assert (run.full, seen) == (False, ["2026-03-01"])
    async with db.read() as c:
        assert [row["last_name"] for row in await c.all("SELECT last_name FROM students")] == ["Birch"]
        assert (await cursors.get(c, "harbor", Entity.STUDENT)).watermark is None


async def test_a_window_until_now_skips_nothing_that_changed_before_it(
    db: SqliteDatabase, vault: Vault, tmp_path: Path, sis: FakeSis
) -> None:
    seen: list[str | None] = []
    settings = settings_for(tmp_path, entities=["student"])
    async with living_engine(db, settings, vault, load_provider=dated(sis, seen)) as living:  # type: ignore[arg-type]
        row = await living.ask(StartRun("harbor", (), True))
        await living.reaches(row.run_id, RunStatus.COMPLETED)
        sis.mark = "2026-07-01"
        row = await living.ask(Backfill("harbor", (), UNTIL_MS, None, "the last days first"))
        await living.reaches(row.run_id, RunStatus.COMPLETED)

    async with db.read() as c:
        assert (await cursors.get(c, "harbor", Entity.STUDENT)).watermark == "2026-05-01"


async def test_who_cannot_be_asked_by_date_says_so(
    db: SqliteDatabase, vault: Vault, tmp_path: Path, sis: FakeSis
) -> None:
    async with living_engine(db, settings_for(tmp_path, entities=["student"]), vault, sis=sis) as living:
        row = await living.ask(Backfill("harbor", (), SINCE_MS, None, "why not"))
        run = await living.reaches(row.run_id, RunStatus.FAILED)

    assert run.error_code == "not_by_date"
    assert "siscon backfill harbor --entity E --id ID" in run.error


async def test_what_it_takes_is_told_as_the_last_whole_list_took_it(
    db: SqliteDatabase, vault: Vault, tmp_path: Path, sis: FakeSis
) -> None:
    settings = settings_for(tmp_path, entities=["student"], requests_per_minute=60)
    async with living_engine(db, settings, vault, sis=sis) as living:
        row = await living.ask(StartRun("harbor", (), True))
        await living.reaches(row.run_id, RunStatus.COMPLETED)
    async with db.transaction() as c:
        await c.run("UPDATE run_counts SET requests = 90")

    whole = await backfills.estimates(db, "harbor", ())
    assert [(one.requests, one.minutes) for one in whole] == [(90, 1.5)]
    assert backfills.in_words(whole) == "About 90 requests, 1.5 minutes at its rate."
    by_id = await backfills.estimates(db, "harbor", [Entity.STUDENT], ids=30)
    assert [(one.requests, one.minutes) for one in by_id] == [(30, 0.5)]
