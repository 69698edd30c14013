"""Foreign values at the border: tables and properties."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siscon.domain.errors import RecordError
from siscon.providers.kit.coerce import (
    as_bool,
    as_choice,
    as_date,
    as_id,
    as_list,
    as_map,
    as_ref,
    as_text,
    required,
)

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
ONE: list[Callable[[Any, str], Any]] = [as_id, as_ref, as_text, as_bool, as_date]


@pytest.mark.parametrize("coerce", ONE, ids=lambda one: one.__name__)
@given(value=ANYTHING)
def test_anything_is_taken_or_refused_with_the_fields_name_and_without_the_value(
    coerce: Callable[[Any, str], Any], value: Any
) -> None:
    refusal = None
    found = None
    try:
        found = coerce(value, "the_field")
    except RecordError as error:
        refusal = error
    if refusal is not None:
        assert refusal.field == "the_field"
        assert refusal.sentence.startswith("the_field ")
        assert not isinstance(value, str) or len(value) <= 12 or value not in refusal.sentence
        return
    assert found is None or isinstance(found, (str, bool))
    if isinstance(found, str):
        found.encode()


@given(st.integers())
def test_a_whole_number_becomes_an_id_by_its_exact_digits(number: int) -> None:
    assert as_id(number, "id") == str(number)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=100))
def test_an_id_keeps_case_zeros_and_inner_characters(text: str) -> None:
    if text.strip():
        assert as_id(f" {text}\n", "id") == text.strip()


@pytest.mark.parametrize(
    "value", [None, "", "  ", 1.0, float("nan"), True, [], {}, "x" * 300, "a\ud800", "a\0b"]
)
def test_what_is_no_id_is_refused(value: Any) -> None:
    with pytest.raises(RecordError):
        as_id(value, "id")


@given(st.dates())
def test_a_date_is_kept_and_a_timestamp_gives_its_date(day: date) -> None:
    text = day.isoformat()
    for ending in ("", "T00:00:00", "T23:59:59.123Z", " 08:15", "T08:15:00-05:00"):
        assert as_date(text + ending, "d") == text


@pytest.mark.parametrize(
    "value", ["2026-02-30", "2026-13-01", "0000-01-01", "26-01-01", "2026-01-01x", 20260101, "٢٠٢٦-01-01", []]
)
def test_no_calendar_date_is_refused(value: Any) -> None:
    with pytest.raises(RecordError):
        as_date(value, "d")


@pytest.mark.parametrize(
    ("value", "expected"),
    [(True, True), ("True", True), ("false", False), (0, False), ("1", True), ("", None), (None, None)],
)
def test_booleans_in_all_their_forms(value: Any, expected: bool | None) -> None:
    assert as_bool(value, "b") is expected


def test_lists_maps_and_choices() -> None:
    assert [as_list(one) for one in (None, "", [1], {"a": 1}, "x")] == [[], [], [1], [{"a": 1}], ["x"]]
    assert [as_map(one) for one in (None, "", {"a": 1}, [])] == [{}, {}, {"a": 1}, {}]
    assert as_choice(" ACTIVE ", "c", {"active": "yes"}) == "yes"
    assert as_choice("else", "c", {"active": "yes"}, other="no") == "no"
    with pytest.raises(RecordError):
        as_choice("else", "c", {"active": "yes"})


@pytest.mark.parametrize("value", [None, "", " \t"])
def test_a_required_value_must_say_something(value: str | None) -> None:
    with pytest.raises(RecordError):
        required(value, "last_name")
