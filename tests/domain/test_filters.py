"""The language of filters: what is typed, what it means, what is refused and how."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from siscon.domain.errors import UsageError
from siscon.domain.filters import ALL, Filter, Kind, Named, Value, matches, parse, texts_of
from support.hostile import HOSTILE

KNOWN = (
    Named("id", Kind.ID, ("external_id",)),
    Named("name"),
    Named("entity", Kind.WORD),
    Named("attempts", Kind.NUMBER),
    Named("age", Kind.PAST),
    Named("next", Kind.AHEAD),
)
NOW = int(datetime(2026, 11, 20, 2, 0, tzinfo=UTC).timestamp() * 1000)
HOUR, DAY = 3_600_000, 86_400_000
ROW: dict[str, Value] = {
    "id": "S-104",
    "name": "Ngozi Okonkwo",
    "entity": "student",
    "attempts": 3,
    "age": NOW - 2 * DAY,
    "next": NOW + HOUR,
}


def told(text: str) -> Filter:
    return parse(text, KNOWN, now_ms=NOW)


def meets(text: str, **changes: Value) -> bool:
    row = {**ROW, **changes}
    return matches(told(text), row, texts_of(KNOWN, row))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "okonkwo",
        "OKON",
        "ngozi okon",
        '"Ngozi Okonkwo"',
        "S-1* student",
        "entity=student",
        "ENTITY=Student",
        "entity!=staff",
        "!entity=staff",
        "!east",
        "id=S-104",
        "external_id=S-10*",
        'name="ngozi okonkwo"',
        'name="Ngozi O"*',
        "name=*",
        "attempts>=3",
        "attempts<=3",
        "attempts=3",
        "attempts!=4",
        "attempts>2 attempts<4",
        "age>=2d",
        "age<49h",
        "age=2d",
        "age>47h",
        "age<2026-11-19",
        "age=2026-11-18",
        "age>=2026-11-18T02:00",
        "age<2026-11-18T02:01Z",
        "next<2h",
        "next>=60min",
        "3",
    ],
)
def test_a_row_is_met_by_what_is_true_of_it(text: str) -> None:
    assert meets(text)


@pytest.mark.parametrize(
    "text",
    [
        "okonkwa",
        "!okonkwo",
        "entity!=student",
        "id=s-104",
        "id=S-10",
        "id=04*",
        "name=Ngozi",
        "name=",
        "name!=*",
        "attempts>3",
        "attempts<3",
        "attempts=",
        "age>2d",
        "age<48h",
        "age=1d",
        "age>2026-11-18",
        "next>60min",
        "okonkwo entity=staff",
        '"name=*"',
        str(NOW),
    ],
)
def test_a_row_is_not_met_by_what_is_not(text: str) -> None:
    assert not meets(text)


def test_what_is_nothing_meets_no_comparison_but_every_inversion() -> None:
    assert not meets("attempts>=0", attempts=None)
    assert meets("attempts!=3", attempts=None)
    assert meets("attempts=", attempts=None)
    assert meets("name=", name="")


def test_a_day_is_a_day_where_the_person_is() -> None:
    there = ZoneInfo("America/Denver")
    where = parse("age=2026-11-17", KNOWN, now_ms=NOW, zone=there)

    assert matches(where, ROW, ())


def test_nothing_typed_is_every_row() -> None:
    assert told("  ") == ALL == told('""')
    assert not told(" ")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("colour=red", "There is no column 'colour' here. There are age, attempts, entity, id, name, next."),
        ("name>3", "name is no number and no time"),
        ("attempts=many", "attempts is a number: write it like attempts>=3."),
        ("attempts=3*", "attempts is a number"),
        ("age>soon", "age is a time: write it like age>2d"),
        ("age>2026-02-30", "age is a time"),
        ("age=9999-12-31", "age is a time"),
        ('"ngozi', "A quote is not closed"),
        ("a " * 21, "at most 20 terms"),
        ("x" * 1001, "at most 1000 characters"),
        ("\ud800", "A filter is text"),
    ],
)
def test_a_mistake_is_refused_with_what_would_do(text: str, sentence: str) -> None:
    with pytest.raises(UsageError) as refused:
        told(text)

    assert sentence in refused.value.sentence


def test_quotes_make_text_of_what_looks_like_a_column() -> None:
    assert meets('"colour=red"', name="colour=red")


@given(
    st.text(max_size=60)
    | st.text(alphabet='abidnme!=<>"* 0129-:TdhZ\u0130\u212a', max_size=40)
    | st.sampled_from(HOSTILE)
)
@example("age<0001-01-01")
@example("age>999999w")
@example("attempts=-999999999999999999")
def test_hostile_text_is_a_filter_or_is_refused(text: str) -> None:
    try:
        where = told(text)
    except UsageError:
        return
    assert matches(where, ROW, texts_of(KNOWN, ROW)) in (True, False)
    assert told(where.text) == where
