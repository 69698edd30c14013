"""Integrations: activated once, brought up to date ever after."""

from __future__ import annotations

import pytest

from siscon.domain.errors import DatabaseError
from siscon.domain.integrations import Integration
from siscon.store import integrations, mappings
from siscon.store.database import Database
from support.databases import activate
from support.timetables import arm, put_lines


async def test_activating_makes_the_table_of_mappings_and_again_changes_only_what_is_configured(
    db: Database,
) -> None:
    async with db.transaction() as c:
        await activate(c, "north")
        await integrations.set_paused(c, "north", True)
        await put_lines(c, "north", "0 2 * * *")
        await arm(c, "north", 77)
        await integrations.activate(
            c,
            name="north",
            provider="other",
            title="North",
            schedule="0 2 * * *",
            requests_per_minute=60,
            now_ms=9,
        )

        assert await mappings.count(c, "north") == 0
        assert await integrations.all_integrations(c) == [
            Integration(
                name="north",
                provider="other",
                title="North",
                enabled=True,
                paused=True,
                schedule="0 2 * * *",
                requests_per_minute=60,
                activated_at_ms=1,
                next_due_at_ms=77,
                last_good_at_ms=None,
                last_error="",
                failing_since_ms=None,
            )
        ]


@pytest.mark.parametrize("name", ["", "A", "1a", "a-b", "a b", 'a"; DROP TABLE runs; --', "a" * 32])
async def test_a_name_that_cannot_be_a_table_is_refused(db: Database, name: str) -> None:
    with pytest.raises(DatabaseError):
        async with db.transaction() as c:
            await activate(c, name)

    async with db.read() as c:
        assert await integrations.all_integrations(c) == []


async def test_the_first_failure_in_a_row_is_remembered_until_a_run_comes_through(db: Database) -> None:
    async with db.transaction() as c:
        await activate(c, "a")
        await integrations.note_failure(c, "a", "first", 10)
        await integrations.note_failure(c, "a", "second", 20)
        failing = await integrations.one(c, "a")
        await integrations.note_good(c, "a", 30)
        good = await integrations.one(c, "a")
        await integrations.set_enabled(c, "a", False)
        off = await integrations.one(c, "a")

        assert await integrations.one(c, "b") is None
    assert failing is not None
    assert good is not None
    assert off is not None
    assert (failing.last_error, failing.failing_since_ms) == ("second", 10)
    assert (good.last_error, good.failing_since_ms, good.last_good_at_ms) == ("", None, 30)
    assert off.enabled is False
