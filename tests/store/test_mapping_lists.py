"""Long lists are read in short stretches, and all that is meant comes once and in order, from whatever place on."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from siscon.domain.filters import Order, parse
from siscon.domain.mappings import SyncStatus
from siscon.domain.records import Entity
from siscon.store import filtered, mapping_lists, mappings, walking
from siscon.store.database import Database
from siscon.store.mapping_lists import Chosen
from siscon.store.mappings import Tie
from support.databases import activate

COLUMNS = tuple(filtered.MAPPINGS)
NAMES = st.text("aZ0-\U0010ffff", min_size=1, max_size=4)


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few rows are as many stretches as a million else are."""
    monkeypatch.setattr(walking, "FIRST", 2)
    monkeypatch.setattr(walking, "CHUNK", 3)
    monkeypatch.setattr(walking, "MANY", 4)


def chosen(text: str) -> Chosen:
    return Chosen("a", where=parse(text, COLUMNS, now_ms=1))


async def fill(db: Database, ties: set[tuple[Entity, str]]) -> None:
    async with db.transaction() as c:
        await activate(c, "a")
        await c.run("DELETE FROM a_mappings")
        for n, (entity, external_id) in enumerate(sorted(ties, key=lambda tie: tie[1][::-1]), 1):
            status = SyncStatus.ERROR if n % 2 else SyncStatus.SYNCED
            await mappings.tie(c, "a", entity, [Tie(external_id, n, status, "", "", "{}")], now_ms=n)


async def every(ids: AsyncIterator[list[int]]) -> list[int]:
    return [one async for chunk in ids for one in chunk]


TIES = st.sets(st.tuples(st.sampled_from([Entity.STUDENT, Entity.STAFF, Entity.TERM]), NAMES), max_size=20)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(ties=TIES, text=NAMES)
async def test_a_list_from_a_place_on_and_what_lies_before_are_the_list(
    db: Database, ties: set[tuple[Entity, str]], text: str
) -> None:
    await fill(db, ties)
    whole = await every(mapping_lists.ids(db, chosen(""), Order()))
    place = await mapping_lists.first_from(db, chosen(""), text)

    assert len(whole) == len(ties)
    assert (place is None) is all(name < text for _, name in ties)
    if place is not None:
        after = await every(mapping_lists.from_place(db, chosen(""), place))
        assert after[0] == place.id
        assert await every(mapping_lists.before_place(db, chosen(""), place)) + after == whole


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    ties=TIES,
    text=st.one_of(
        NAMES.map("id={}*".format),
        NAMES.map("!id={}*".format),
        NAMES,
        st.sampled_from(["status=error", "status!=synced", "internal>=1", "synced>=1970-01-01", "name="]),
    ),
)
async def test_every_way_to_walk_tells_of_each_row_once_and_counts_as_many(
    db: Database, ties: set[tuple[Entity, str]], text: str
) -> None:
    await fill(db, ties)
    meant = chosen(text).meant
    async with db.read() as c:
        sql = f"SELECT id FROM a_mappings WHERE {meant.chosen} ORDER BY id"
        expected = [row[0] for row in await c.all(sql, meant.params)]

    for down in (False, True):
        by_id = await every(walking.by_id(db, meant, down=down))
        assert by_id == expected[::-1] if down else by_id == expected
        by_name = await every(mapping_lists.ids(db, chosen(text), Order("id", down)))
        assert sorted(by_name) == expected
    assert await walking.count(db, meant) == len(expected)


async def test_a_beginning_is_walked_from_its_first_id_and_not_from_the_first_of_all(db: Database) -> None:
    await fill(db, {(Entity.STUDENT, "S-1")})

    assert mapping_lists._between(chosen("id=S-10* !id=S-2*")) == ("S-10", "S-11")
