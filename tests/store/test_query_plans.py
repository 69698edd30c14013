"""Hot statements reach their rows by the key they are given: none walks or sorts a whole entity for a batch."""

from __future__ import annotations

import re

import pytest

from siscon.domain.records import Entity
from siscon.store import arrivals, mappings, mends, notices, outcomes, overtaken, records, staged
from siscon.store.database import Database
from support.databases import activate

TABLE = "a_mappings"
ARRIVING = {
    f"{entity} {number}": sql
    for entity in Entity
    for number, sql in enumerate(arrivals._statements("a", entity).writing)
}
BY_KEY = {
    "internal ids": mappings.INTERNAL_IDS.format(table=TABLE),
    "external ids": mappings.EXTERNAL_IDS.format(table=TABLE),
    "judge": staged.JUDGE_PLAIN.format(table=TABLE),
    "unjudged": staged.UNJUDGED.format(table=TABLE),
    "to change": staged.TO_CHANGE.format(table=TABLE),
    "pass over": overtaken.PASS_OVER,
    "tell": overtaken.TELL,
    "page": records.PAGE.format(mappings=TABLE, table="students"),
    **ARRIVING,
}
WALKS = re.compile(r"\(entity_type=\?( AND internal_id>\?)?\)|SCAN \w+_mappings|SCAN staged|ORDER BY$")
ARRIVED = "m USING INDEX"
"""What a batch has brought in is found from its first new id on; nothing older lies behind that."""


async def plan_of(db: Database, sql: str) -> list[str]:
    params = dict.fromkeys(re.findall(r":(\w+)", sql), 1)
    async with db.transaction() as c:
        await activate(c, "a")
        return [row["detail"] for row in await c.all(f"EXPLAIN QUERY PLAN {sql}", params)]


@pytest.mark.parametrize("name", BY_KEY)
async def test_a_hot_statement_walks_no_entity(db: Database, name: str) -> None:
    steps = [one for one in await plan_of(db, BY_KEY[name]) if ARRIVED not in one]

    assert [one for one in steps if WALKS.search(one) and "RIGHT PART" not in one] == []


LOOKED_AT = {
    "ended": outcomes.ENDED,
    "held": outcomes.HELD,
    "newest": outcomes.NEWEST,
    "fresh": outcomes.FRESH,
}


FEW_AMONG_MANY = {"causes that are not closed": notices.NOT_CLOSED, "what was mended": mends.OF_STAGED}


@pytest.mark.parametrize("name", FEW_AMONG_MANY)
async def test_the_few_that_are_meant_are_found_by_an_index_of_them(db: Database, name: str) -> None:
    steps = await plan_of(db, FEW_AMONG_MANY[name])

    assert " USING INDEX " in steps[0]


@pytest.mark.parametrize("name", LOOKED_AT)
async def test_what_screens_draw_of_runs_is_found_by_an_index(db: Database, name: str) -> None:
    steps = await plan_of(db, LOOKED_AT[name])

    assert [one for one in steps if re.match(r"SCAN (r|g|h|c|k|runs|run_counts)\b", one)] == []
