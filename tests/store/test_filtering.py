"""A filter means the same to the database as to rows in memory, on every list."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from siscon.domain.filters import Kind, Named, Value, matches, parse, texts_of
from siscon.domain.mappings import SyncStatus
from siscon.domain.records import Entity
from siscon.store import conflicts, dead_records, filtered, filtering, mapping_lists, mappings
from siscon.store.conflicts import NewConflict
from siscon.store.database import Database
from siscon.store.dead_records import DeadEntry
from siscon.store.filtering import Fields, FromJson
from siscon.store.mappings import Tie
from support.databases import activate

NOW = 1_763_600_000_000
COLUMNS: Fields = {
    Named("id", Kind.ID): "id",
    Named("name"): "name",
    Named("word", Kind.WORD): "word",
    Named("n", Kind.NUMBER): "n",
    Named("age", Kind.PAST): "age",
}
# No row of ours holds NUL: what came with one was refused where it came in.
LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
TEXTS = st.none() | st.text(LETTERS, max_size=6) | st.text("aAbß éÉ%_*!'\u0301\u200b\U0010ffff", max_size=5)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "id": TEXTS,
            "name": TEXTS,
            "word": st.none() | st.sampled_from(["", "ok", "okay", "late", "so so"]),
            "n": st.none() | st.integers(-3, 12),
            "age": st.none() | st.integers(NOW - 3 * 86_400_000, NOW),
        }
    ),
    max_size=8,
)
QUOTED = st.text(LETTERS, max_size=4).map(lambda text: f'"{text.replace(chr(34), "")}"')
VALUES = (
    QUOTED | st.text("aAbß éÉ%_'\u0301\U0010ffff", max_size=3).map(lambda text: f'"{text}"') | st.just("")
)
TERMS = st.one_of(
    st.builds("{}{}{}".format, st.sampled_from(["", "!"]), VALUES, st.sampled_from(["", "*"])),
    st.builds(
        "{}{}{}{}{}".format,
        st.sampled_from(["", "!"]),
        st.sampled_from(["id", "name"]),
        st.sampled_from(["=", "!="]),
        VALUES,
        st.sampled_from(["", "*"]),
    ),
    st.builds(
        "{}word{}{}".format,
        st.sampled_from(["", "!"]),
        st.sampled_from(["=", "!="]),
        st.sampled_from(["ok", "ok*", ""]),
    ),
    st.builds(
        "{}n{}{}".format,
        st.sampled_from(["", "!"]),
        st.sampled_from(["=", "!=", "<", "<=", ">", ">="]),
        st.integers(-4, 13),
    ),
    st.builds(
        "age{}{}".format,
        st.sampled_from(["=", "!=", "<", "<=", ">", ">="]),
        st.sampled_from(["1d", "36h", "2025-11-19"]),
    ),
)


def dead(key: str, reason: str) -> DeadEntry:
    return DeadEntry("a", Entity.STUDENT, key, key, 1, "bad_date", "validation", "low", "birth_date", reason)


def question(number: int, field: str) -> NewConflict:
    sides = [{field: value} for value in ("before", "theirs", "ours")]
    return NewConflict("a", Entity.STUDENT, str(number), number, 1, *sides, "mark", 1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, terms=st.lists(TERMS, max_size=3))
async def test_a_filter_means_the_same_in_both_places(
    db: Database, rows: list[dict[str, Value]], terms: list[str]
) -> None:
    where = parse(" ".join(terms), COLUMNS, now_ms=NOW)
    async with db.transaction() as c:
        await c.run("DROP TABLE IF EXISTS probe")
        await c.run(
            "CREATE TABLE probe (at INTEGER, id TEXT, name TEXT, word TEXT, n INTEGER, age INTEGER) STRICT"
        )
        await c.many(
            "INSERT INTO probe VALUES (:at, :id, :name, :word, :n, :age)",
            [{"at": at, **row} for at, row in enumerate(rows)],
        )
        sql = f"SELECT at FROM probe WHERE {filtering.clause(where, COLUMNS)} ORDER BY at"
        found = [row[0] for row in await c.all(sql, filtering.params(where))]

    expected = [at for at, row in enumerate(rows) if matches(where, row, texts_of(COLUMNS, row))]
    assert found == expected


LISTS: dict[str, tuple[str, Fields]] = {
    "dead records": ("dead_records", filtered.DEAD_RECORDS),
    "conflicts": ("conflicts", filtered.CONFLICTS),
    "mappings": ("a_mappings", filtered.MAPPINGS),
    "runs": ("runs", filtered.RUNS),
    "events": ("events", filtered.EVENTS),
    "requests": ("commands", filtered.REQUESTS),
    "audit": ("audit", filtered.AUDIT),
    "planned records": ("staged", filtered.PLANNED),
}
A_VALUE = {Kind.NUMBER: ">=3", Kind.PAST: ">2d", Kind.AHEAD: "<2d"}


@pytest.mark.parametrize("name", LISTS)
async def test_every_column_of_every_list_can_be_asked_for(db: Database, name: str) -> None:
    table, fields = LISTS[name]
    each = [f"{column.name}{A_VALUE.get(column.kind, '=a*')} {column.name}!=" for column in fields]
    async with db.transaction() as c:
        await activate(c, "a")
        for text in [*each, "okonkwo", "!okonkwo*"]:
            where = parse(text, fields, now_ms=NOW)
            sql = f"SELECT count(*) FROM {table} WHERE {filtering.clause(where, fields)}"
            assert await c.one(sql, filtering.params(where)) is not None


@pytest.mark.parametrize("name", LISTS)
def test_a_name_stands_for_one_column_of_a_list(name: str) -> None:
    names = [one for column in LISTS[name][1] for one in (column.name, *column.also)]

    assert len(names) == len(set(names))


async def test_errors_are_chosen_by_a_filter(db: Database) -> None:
    where = parse("attempts>=1 id=S-1* !sunday", filtered.DEAD_RECORDS, now_ms=NOW)
    chosen = dead_records.Chosen("a", where=where)
    told = [("S-1", "no name"), ("S-2", "no name"), ("S-10", "not on a Sunday"), ("S-11", "no name")]
    async with db.transaction() as c:
        await activate(c, "a")
        await dead_records.bury(c, [dead(key, reason) for key, reason in told], now_ms=NOW)

        assert await dead_records.count_open(c, chosen) == 2
        assert [one.record_key for one in await dead_records.list_open(c, chosen)] == ["S-1", "S-11"]
        assert [one.count for one in await dead_records.summary(c, chosen)] == [2]
        assert await dead_records.named(c, chosen) == ["S-1", "S-11"]
        assert await dead_records.discard(c, chosen, actor="kim", reason="gone", now_ms=NOW) == 2
        assert await dead_records.count_open(c) == 2


async def test_conflicts_are_chosen_by_a_filter(db: Database) -> None:
    where = parse("field=email", filtered.CONFLICTS, now_ms=NOW)
    chosen = conflicts.Chosen("a", where=where)
    async with db.transaction() as c:
        await activate(c, "a")
        await conflicts.open_many(c, [question(7, "email"), question(8, "last_name")], now_ms=NOW)

        assert [one.external_id for one in await conflicts.list_open(c, chosen)] == ["7"]
        assert await conflicts.count_open(c, chosen) == 1


async def test_a_mapping_is_called_in_the_database_as_on_the_screen(db: Database) -> None:
    bodies = {
        Entity.STUDENT: '{"first_name": "Ngozi", "last_name": "Okonkwo"}',
        Entity.SECTION: '{"title": "Algebra", "number": "", "period": "3"}',
        Entity.SCHOOL: "{}",
    }
    where = parse("name=", filtered.MAPPINGS, now_ms=NOW)
    called = next(one.sql for one in filtered.MAPPINGS.values() if isinstance(one, FromJson))
    async with db.transaction() as c:
        await activate(c, "a")
        for n, (entity, body) in enumerate(bodies.items(), 1):
            one = Tie(f"X-{n}", n, SyncStatus.SYNCED, "", "", body)
            await mappings.tie(c, "a", entity, [one], now_ms=NOW)
        told = [
            (row[0], row[1])
            for row in await c.all(f"SELECT external_id, {called} FROM a_mappings ORDER BY id")
        ]
        shown = {
            row.mapping.external_id: row.mapping.called
            for row in await mapping_lists.page(c, mapping_lists.Chosen("a"))
        }
        nameless = await c.all(
            f"SELECT external_id FROM a_mappings WHERE {filtering.clause(where, filtered.MAPPINGS)}"
        )

    assert dict(told) == shown == {"X-1": "Ngozi Okonkwo", "X-2": "Algebra 3", "X-3": ""}
    assert [row[0] for row in nameless] == ["X-3"]
