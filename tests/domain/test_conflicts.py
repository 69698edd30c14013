"""Three versions of a record."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siscon.domain.conflicts import AHEAD_MS, Moments, Policy, Strategy, resolve

FIELDS = st.dictionaries(st.sampled_from("abcd"), st.sampled_from(["1", "2", "3"]), max_size=4)


def test_a_field_that_the_sis_did_not_change_stays_ours():
    found = resolve({"a": "1"}, {"a": "ours"}, {"a": "1"})

    assert (found.take, found.ask) == ({}, ())


def test_a_field_that_we_did_not_change_is_taken_over():
    found = resolve({"a": "1"}, {"a": "1"}, {"a": "2"}, Policy(Strategy.MANUAL))

    assert (found.take, found.ask) == ({"a": "2"}, ())


def test_a_field_that_vanished_at_the_source_is_emptied():
    found = resolve({"a": "1"}, {"a": "1"}, {})

    assert found.take == {"a": None}


def test_both_making_the_same_change_is_no_conflict():
    found = resolve({"a": "1"}, {"a": "2"}, {"a": "2"}, Policy(Strategy.MANUAL))

    assert (found.take, found.ask) == ({}, ())


def test_the_strategy_of_a_field_comes_before_the_default():
    base, ours, theirs = {"a": "1", "b": "1", "c": "1"}, dict.fromkeys("abc", "2"), dict.fromkeys("abc", "3")
    strategies = {"a": Strategy.SIS_WINS, "b": Strategy.LOCAL_WINS}

    found = resolve(base, ours, theirs, Policy(Strategy.MANUAL, strategies))

    assert (found.take, found.ask) == ({"a": "3"}, ("c",))


@given(FIELDS, FIELDS, FIELDS)
def test_a_person_is_asked_only_where_all_three_differ(base, ours, theirs):
    found = resolve(base, ours, theirs, Policy(Strategy.MANUAL))

    for name in found.ask:
        assert len({base.get(name), ours.get(name), theirs.get(name)}) == 3
    for name in found.take:
        assert ours.get(name) == base.get(name) != theirs.get(name)


@given(FIELDS, FIELDS, FIELDS)
def test_what_is_taken_over_makes_a_second_look_find_nothing(base, ours, theirs):
    found = resolve(base, ours, theirs)
    after = {**ours, **found.take}

    assert resolve(theirs, after, theirs).take == {}


def newest(sis_ms, local_ms, now_ms=10_000_000):
    return Moments(sis_ms, local_ms, now_ms)


NEWEST = Policy(Strategy.NEWEST_WINS)


@pytest.mark.parametrize(
    ("moments", "taken", "asked"),
    [
        (newest(2, 1), {"a": "3"}, ()),
        (newest(1, 2), {}, ()),
        (newest(1, 1), {}, ("a",)),
        (newest(None, 1), {}, ("a",)),
        (newest(1, None), {}, ("a",)),
        (newest(AHEAD_MS + 3, 1, now_ms=2), {}, ("a",)),
        (newest(1, AHEAD_MS + 3, now_ms=2), {}, ("a",)),
    ],
)
def test_the_newest_wins_only_where_both_moments_are_sure(moments, taken, asked):
    found = resolve({"a": "1"}, {"a": "2"}, {"a": "3"}, NEWEST, moments)

    assert (found.take, found.ask) == (taken, asked)


def test_what_left_a_list_there_may_have_left_no_moment_so_ours_is_not_known_to_be_newer():
    base, ours = {"a": ("x", "y")}, {"a": ("x", "y", "z")}

    assert resolve(base, ours, {"a": ("x",)}, NEWEST, newest(1, 2)).ask == ("a",)
    assert resolve(base, ours, {}, NEWEST, newest(1, 2)).ask == ("a",)
    assert resolve(base, ours, {"a": ("x",)}, NEWEST, newest(2, 1)).take == {"a": ("x",)}
    assert resolve(base, ours, {"a": ("x", "y", "w")}, NEWEST, newest(1, 2)).ask == ()
