"""The guard: when a plan needs a person."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siscon.domain.guards import (
    Emptied,
    Expected,
    GuardLimits,
    Lost,
    Mass,
    Sight,
    Tally,
    guard,
    in_short,
)
from siscon.domain.plans import PlanCounts
from siscon.domain.records import Entity


def sight(entity=Entity.STUDENT, *, week=None, places=None, **counts):
    """A plan by its counts; ``week`` overrides what came together in seven days."""
    told = {"known": 1000, "create": 0, "update": 0, "unchanged": 1, "conflict": 0, "dead": 0, "missing": 0}
    plan = PlanCounts(entity=entity, **{**told, **counts})
    own = {
        "created": plan.create,
        "updated": plan.update - plan.completed,
        "missing": plan.missing + plan.withdraw + plan.deactivated,
    }
    together = {**own, **(week or {})}
    tallies = {name: Tally(n, max(n, together[name])) for name, n in own.items()}
    return Sight(plan, plan.known, **tallies, **(places or {}))


def test_the_first_import_passes_whatever_it_creates():
    assert guard(sight(known=0, create=10_000), GuardLimits()).excesses == ()


@pytest.mark.parametrize(
    ("counts", "held"),
    [
        ({"update": 750}, False),
        ({"update": 751}, True),
        ({"update": 900, "completed": 400}, False),
        ({"create": 500}, False),
        ({"create": 501}, True),
        ({"missing": 100}, False),
        ({"missing": 101}, True),
        ({"missing": 40, "withdraw": 30, "deactivated": 30}, False),
        ({"missing": 40, "withdraw": 30, "deactivated": 31}, True),
        ({"dead": 501}, True),
        ({"known": 12, "missing": 5}, False),
        ({"known": 12, "missing": 6}, True),
    ],
)
def test_a_plan_is_held_when_it_passes_share_and_number(counts, held):
    assert bool(guard(sight(**counts), GuardLimits()).excesses) is held


def test_the_sentence_tells_count_known_and_limit():
    (excess,) = guard(sight(missing=300), GuardLimits()).excesses

    assert excess.sentence == "300 of 1000 student records are missing at the source (30 %, limit 10 %)"


def test_what_earlier_runs_did_is_added_and_said():
    (excess,) = guard(sight(missing=99, week={"missing": 198}), GuardLimits()).excesses

    assert excess.sentence == (
        "198 of 1000 student records are missing at the source, the last 7 days together (20 %, limit 10 %)"
    )


def test_what_the_plan_does_not_add_to_is_no_reason_to_hold_it():
    quiet = dataclasses.replace(sight(), missing=Tally(0, 400), updated=Tally(0, 999), created=Tally(0, 999))

    assert guard(quiet, GuardLimits()).excesses == ()


def test_why_a_plan_is_held_is_one_sentence_with_the_largest_first():
    counted = ((Entity.STAFF, 13), (Entity.ENROLLMENT, 800), (Entity.COURSE, 56), (Entity.STUDENT, 200))
    excesses = [
        excess
        for entity, n in counted
        for excess in guard(sight(entity, known=n, missing=n), GuardLimits()).excesses
    ]

    assert in_short(excesses[:1]) == "13 of 13 staff records are missing at the source (100 %, limit 10 %)"
    assert in_short(excesses) == (
        "800 of 800 enrollment records are missing at the source (100 %, limit 10 %); "
        "200 of 200 student records are missing at the source (100 %, limit 10 %); and 2 more"
    )


@pytest.mark.parametrize("known", [1, 3, 4000])
@pytest.mark.parametrize("expected", [(), (Expected(1, Entity.STUDENT, Mass.MISSING, 1.0),)])
def test_an_empty_list_of_what_was_there_is_always_held(known, expected):
    limits = GuardLimits(at_least=1_000_000, missing_share=1.0)
    found = guard(sight(known=known, missing=known, unchanged=0), limits, expected).excesses

    assert [one.count for one in found] == [known]
    assert "came back empty" in found[0].sentence


def test_an_empty_list_of_what_was_missing_before_is_not():
    assert guard(sight(known=3, unchanged=0), GuardLimits()).excesses == ()


def test_one_school_may_be_wrecked_while_the_district_looks_well():
    one = {"schools": [Lost("s1 (Harbor)", 60, 200), Lost("s2 (Hill)", 40, 700)]}
    (excess,) = guard(sight(missing=100, places=one), GuardLimits()).excesses

    assert excess.sentence == (
        "60 of 200 student records of school s1 (Harbor) are missing at the source (30 %, limit 25 %)"
    )


def test_an_emptied_section_is_held_unless_that_is_switched_off_or_was_declared():
    emptied = sight(Entity.ENROLLMENT, missing=9, places={"sections": [Emptied("x1", 9)]})
    told = [Expected(1, Entity.SECTION, Mass.MISSING, 0.9)]

    assert "of section x1 would be gone" in guard(emptied, GuardLimits()).excesses[0].sentence
    assert guard(emptied, GuardLimits(section_emptied=False)).excesses == ()
    assert guard(emptied, GuardLimits(at_least=9)).excesses != ()
    assert guard(emptied, GuardLimits(at_least=10)).excesses == ()
    assert guard(emptied, GuardLimits(), told).excesses == ()


def test_other_limits_may_hold_for_one_entity():
    limits = GuardLimits(entities={Entity.ENROLLMENT: {"missing_share": 0.5}})

    assert guard(sight(missing=200), limits).excesses
    assert not guard(sight(Entity.ENROLLMENT, missing=200), limits).excesses


def test_what_was_declared_is_let_through_up_to_its_share_and_said():
    told = [Expected(7, Entity.STUDENT, Mass.MISSING, 0.4)]

    through = guard(sight(missing=400), GuardLimits(), told)
    above = guard(sight(missing=401), GuardLimits(), told)
    other = guard(sight(Entity.STAFF, missing=400), GuardLimits(), told)

    assert (through.excesses, [number for number, _ in through.expected]) == ((), [7])
    assert above.excesses[0].limit == 0.4
    assert other.excesses


SHARES = st.floats(0, 1)
NUMBERS = st.integers(0, 500)


@given(n=NUMBERS, more=NUMBERS, share=SHARES, at_least=NUMBERS, mass=st.sampled_from(("create", "missing")))
def test_more_is_never_less_to_fear(n, more, share, at_least, mass):
    limits = GuardLimits(created_share=share, missing_share=share, at_least=at_least)
    fewer, greater = sight(**{mass: n}), sight(**{mass: n + more})

    if guard(fewer, limits).excesses:
        assert guard(greater, limits).excesses


@given(n=NUMBERS, week=NUMBERS, share=SHARES, declared=SHARES)
def test_a_declaration_never_holds_what_would_pass_without_it(n, week, share, declared):
    looked, limits = sight(missing=n, week={"missing": n + week}), GuardLimits(missing_share=share)
    told = [Expected(1, Entity.STUDENT, Mass.MISSING, declared)]

    if not guard(looked, limits).excesses:
        assert not guard(looked, limits, told).excesses
