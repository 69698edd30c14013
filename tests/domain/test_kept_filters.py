"""A filter that is kept in a command means to the engine what it meant on the screen."""

from __future__ import annotations

import json
from datetime import UTC
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siscon.domain.audited import COLUMNS_TOLD, for_audit
from siscon.domain.commands import RetryDead
from siscon.domain.errors import UsageError
from siscon.domain.filters import ALL, parse
from siscon.domain.kept_filters import keep, read
from siscon.store.filtered import CONFLICTS, DEAD_RECORDS

TERMS = st.sampled_from(
    [
        "age>2d",
        "seen<2026-11-20",
        "!okonkwo",
        '"a b"',
        "id=S-1*",
        "field=",
        "attempts>=3",
        "age>=2026-03-08T02:30",
    ]
)


@given(
    terms=st.lists(TERMS, max_size=4),
    at_ms=st.integers(0, 2**42),
    zone=st.sampled_from([UTC, ZoneInfo("America/Chicago"), ZoneInfo("Europe/Vienna")]),
)
def test_what_is_kept_is_read_as_the_same_filter_whenever_that_is(terms, at_ms, zone) -> None:
    shown = parse(" ".join(terms), DEAD_RECORDS, now_ms=at_ms, zone=zone)
    assert read(keep(shown), DEAD_RECORDS) == shown
    assert bool(keep(shown)) is bool(terms)


def test_no_filter_is_every_row() -> None:
    assert read({"entity": "student"}, DEAD_RECORDS) is ALL


@pytest.mark.parametrize(
    "kept",
    [
        {"filter": "okonkwo"},
        {"filter": "", "filter_at_ms": "1", "filter_zone": "UTC"},
        {"filter": "okonkwo=5", "filter_at_ms": "1", "filter_zone": "UTC"},
        {"filter": "okonkwo", "filter_at_ms": "soon", "filter_zone": "UTC"},
        {"filter": "okonkwo", "filter_at_ms": "1", "filter_zone": "Okonkwo/Home"},
        {"filter": "okonkwo", "filter_at_ms": "1", "filter_zone": "../okonkwo"},
        {"filter_at_ms": "1"},
    ],
)
def test_a_damaged_one_is_refused_without_a_word_of_it_and_never_taken_for_every_row(kept) -> None:
    with pytest.raises(UsageError) as refused:
        read(kept, DEAD_RECORDS)
    assert "okonkwo" not in refused.value.sentence.lower()


def test_the_audit_names_the_columns_of_a_filter_and_nothing_else_of_it() -> None:
    shown = parse('!okonkwo id=S-1* AGE>2d code="Ann Reed"', DEAD_RECORDS, now_ms=1)
    told = for_audit(RetryDead("harbor", (), {"entity": "student", **keep(shown)}, 412))
    assert told["where"]["filter"] == ["a value", "id", "age", "code"]
    assert told["expected"] == 412
    forged = RetryDead("harbor", (), {"filter": 'reed=1 "', "filter_at_ms": "reed", "filter_zone": "reed"}, 1)
    unknown = RetryDead("harbor", (), {"filter": "reed=1 ann"}, 1)
    for one in (forged, unknown):
        assert "reed" not in json.dumps(for_audit(one)).lower()


def test_every_column_of_the_lists_it_is_kept_for_may_be_named() -> None:
    names = {name for one in (*DEAD_RECORDS, *CONFLICTS) for name in (one.name, *one.also)}
    assert names == COLUMNS_TOLD
