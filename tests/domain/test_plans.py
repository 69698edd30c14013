"""The guard."""

from __future__ import annotations

import pytest

from siscon.domain.plans import GuardLimits, PlanCounts, guard, in_short
from siscon.domain.records import Entity


def plan(**counts):
    told = {"known": 1000, "create": 0, "update": 0, "unchanged": 0, "conflict": 0, "dead": 0, "missing": 0}
    return PlanCounts(entity=Entity.STUDENT, **{**told, **counts})


def test_the_first_import_passes_whatever_it_creates():
    assert guard(plan(known=0, create=10_000), GuardLimits()) == []


@pytest.mark.parametrize(
    ("counts", "held"),
    [
        ({"update": 750}, False),
        ({"update": 751}, True),
        ({"create": 500}, False),
        ({"create": 501}, True),
        ({"missing": 100}, False),
        ({"missing": 101}, True),
        ({"dead": 501}, True),
        ({"known": 12, "missing": 5}, False),
        ({"known": 12, "missing": 6}, True),
    ],
)
def test_a_plan_is_held_when_it_passes_share_and_number(counts, held):
    assert bool(guard(plan(**{"unchanged": 1, **counts}), GuardLimits())) is held


def test_the_sentence_tells_count_known_and_limit():
    (excess,) = guard(plan(missing=300, unchanged=1), GuardLimits())

    assert excess.sentence == "300 of 1000 student records are missing at the source (30 %, limit 10 %)"


def test_why_a_plan_is_held_is_one_sentence_with_the_largest_first():
    def missing(entity, count):
        return PlanCounts(
            entity, known=count, create=0, update=0, unchanged=1, conflict=0, dead=0, missing=count
        )

    counted = ((Entity.STAFF, 13), (Entity.ENROLLMENT, 800), (Entity.COURSE, 56), (Entity.STUDENT, 200))
    excesses = [
        excess for entity, count in counted for excess in guard(missing(entity, count), GuardLimits())
    ]

    assert in_short(excesses[:1]) == "13 of 13 staff records are missing at the source (100 %, limit 10 %)"
    assert in_short(excesses) == (
        "800 of 800 enrollment records are missing at the source (100 %, limit 10 %); "
        "200 of 200 student records are missing at the source (100 %, limit 10 %); and 2 more"
    )


@pytest.mark.parametrize("known", [1, 3, 4000])
def test_an_empty_list_of_what_was_there_is_always_held(known):
    found = guard(plan(known=known, missing=known), GuardLimits(at_least=1_000_000, missing_share=1.0))

    assert [one.count for one in found] == [known]
    assert "came back empty" in found[0].sentence


def test_an_empty_list_of_what_was_missing_before_is_not():
    assert guard(plan(known=3, missing=0), GuardLimits()) == []
