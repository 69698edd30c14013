"""What a viewer reads holds no name and no personal value, whichever query asks; the file stays as it is."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from siscon.domain.errors import DatabaseError
from siscon.domain.records import Entity
from siscon.ops import rows
from siscon.store import integrations, masking
from siscon.store.sqlite import SqliteDatabase, open_database
from support.fake_sis import small_district
from support.house import NAME, TestHouse, test_house


@pytest.fixture
async def seen(tmp_path: Path) -> AsyncIterator[tuple[TestHouse, SqliteDatabase]]:
    async with test_house(tmp_path, small_district()) as house:
        await house.sync()
        db = await open_database(tmp_path / "siscon.db", masked=True)
        try:
            yield house, db
        finally:
            await db.close()


async def values(house: TestHouse) -> set[str]:
    """Every personal value that the roster holds."""
    told = set()
    for table, columns in masking.OF_RECORDS.items():
        for row in await house.rows(f"SELECT * FROM {table}"):
            told |= {str(row[one]) for one in columns if row[one]}
    return {one for one in told if len(one) > 2}


async def test_no_query_of_any_table_gives_a_personal_value(seen: tuple[TestHouse, SqliteDatabase]) -> None:
    house, db = seen
    kept_back = await values(house)
    assert kept_back
    tables = [one["name"] for one in await house.rows("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    async with db.read() as c:
        for table in tables:
            for row in await c.all(f"SELECT * FROM {table}"):
                words = {
                    word
                    for one in tuple(row)
                    for word in str(one).replace('"', " ").replace(",", " ").split()
                }
                assert not words & kept_back, table


async def test_lists_hold_initials_and_years(seen: tuple[TestHouse, SqliteDatabase]) -> None:
    _house, db = seen
    found = [one async for one in rows.record_rows(db, integration=NAME, entity=Entity.STUDENT)]

    assert found
    assert all(one["first_name"].endswith(".") and len(one["first_name"]) == 2 for one in found)
    assert all(one["external_id"] for one in found)
    assert {len(one["birth_date"]) for one in found if one["birth_date"]} <= {4}


async def test_mappings_that_come_later_are_masked_too(seen: tuple[TestHouse, SqliteDatabase]) -> None:
    house, db = seen
    async with db.read() as c:
        await c.all("SELECT 1")
    async with house.db.transaction() as c:
        await integrations.activate(
            c, name="mesa", provider="fake", title="Fake", schedule="", requests_per_minute=0, now_ms=1
        )
        await c.run(
            "INSERT INTO mesa_mappings (entity_type, external_id, sync_status, base) "
            """VALUES ('student', '1', 'synced', '{"last_name":"Okonkwo"}')"""
        )
    async with db.read() as c:
        row = await c.one("SELECT base FROM mesa_mappings")
    assert row is not None
    assert row["base"] == '{"last_name":"O."}'


async def test_the_file_has_no_view_and_can_still_be_written(
    seen: tuple[TestHouse, SqliteDatabase], tmp_path: Path
) -> None:
    _house, db = seen
    async with db.transaction() as c:
        await c.run("UPDATE integrations SET paused = 1")
    with closing(sqlite3.connect(tmp_path / "siscon.db")) as plain:
        assert plain.execute("SELECT count(*) FROM sqlite_schema WHERE type = 'view'").fetchone() == (0,)
    with pytest.raises(DatabaseError):
        async with db.read() as c:
            await c.run("DELETE FROM integrations")
