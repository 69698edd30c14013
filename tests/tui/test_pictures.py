"""Pictures of characters: never wider than told, never lying, and readable without colour and without seeing."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from siscon.domain.outcomes import SLOTS_A_DAY, Outcome, Slot
from siscon.tui import pictures
from siscon.tui.present import GLYPHS, Look

LOOKS = [Look(glyphs) for glyphs in GLYPHS.values()]
ANY_LOOK = st.sampled_from(LOOKS)
WIDTHS = st.integers(-3, 90)
NUMBERS = st.none() | st.integers(-5, 10**12) | st.floats(-1e300, 1e300)
ASCII = Look(GLYPHS["ascii"])
DAY = date(2026, 11, 20)
SLOTS = st.builds(
    Slot,
    st.just(DAY),
    st.sampled_from(Outcome),
    st.none() | st.integers(0, 9),
    st.integers(0, 9),
    st.booleans(),
)


def week(*outcomes: Outcome) -> list[Slot]:
    """The same outcome in every slot of each day, the last one being a Friday."""
    first = DAY - timedelta(days=len(outcomes) - 1)
    return [
        Slot(first + timedelta(days=at), outcome, runs=int(outcome is not Outcome.NONE))
        for at, outcome in enumerate(outcomes)
        for _ in range(SLOTS_A_DAY)
    ]


@given(st.lists(NUMBERS, max_size=40), WIDTHS, ANY_LOOK)
def test_a_sparkline_is_never_wider_than_told(values: list[float | None], width: int, look: Look) -> None:
    drawn = pictures.sparkline(values, width, look)

    assert cell_len(drawn) == max(0, min(width, len(values)))
    assert set(drawn) <= set(look.glyphs.levels) | {" "}


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=40), ANY_LOOK)
def test_of_two_values_the_greater_never_stands_lower(values: list[int], look: Look) -> None:
    drawn = [look.glyphs.levels.index(sign) for sign in pictures.sparkline(values, len(values), look)]

    pairs = sorted(zip(values, drawn, strict=True))
    assert [level for _, level in pairs] == sorted(level for _, level in pairs)
    assert all((level == 0) == (value == 0) for value, level in pairs)


@given(st.lists(st.none() | st.integers(0, 99), min_size=1, max_size=40), st.integers(1, 40))
def test_no_peak_is_lost_where_values_share_a_cell(values: list[int | None], width: int) -> None:
    known = [one for one in values if one is not None]

    assert max((one for one in pictures.merged(values, width) if one is not None), default=None) == max(
        known, default=None
    )


@pytest.mark.parametrize("look", LOOKS, ids=GLYPHS)
def test_what_nobody_knows_is_a_gap_and_not_zero(look: Look) -> None:
    drawn = pictures.sparkline([None, 0, 1], 3, look)

    assert len(set(drawn)) == 3
    assert drawn[0] == " "


@given(NUMBERS.filter(lambda one: one is not None), st.integers(-1, 10**9), WIDTHS, ANY_LOOK)
def test_a_gauge_is_exactly_as_wide_as_told(left: float, whole: int, width: int, look: Look) -> None:
    assert cell_len(pictures.gauge(left, whole, width, look)) == max(0, width)


@given(st.integers(0, 500), st.integers(0, 500), st.integers(1, 500), st.integers(4, 40), ANY_LOOK)
def test_a_gauge_grows_with_what_is_left(one: int, other: int, whole: int, width: int, look: Look) -> None:
    def filled(left: int) -> int:
        return pictures.gauge(left, whole, width, look).count(look.glyphs.full)

    low, high = sorted((one, other))
    assert filled(low) <= filled(high)
    assert (filled(low) == width - 2) == (low >= whole)
    assert (filled(low) == 0) == (low == 0)


@given(st.lists(SLOTS, max_size=120), WIDTHS, ANY_LOOK)
def test_a_timeline_is_never_wider_than_told(slots: list[Slot], width: int, look: Look) -> None:
    names, cells = pictures.timeline(slots, width, look)

    size = sum(cell_len(cell.text) for cell in cells)
    assert size <= max(0, width)
    assert cell_len(names) >= size or not names


@pytest.mark.parametrize("look", LOOKS, ids=GLYPHS)
def test_every_outcome_has_a_sign_of_its_own(look: Look) -> None:
    assert len({pictures.sign_of(one, look.glyphs) for one in Outcome}) == len(Outcome)


def test_a_week_goes_to_the_right_with_its_days_named() -> None:
    slots = week(*[Outcome.GOOD] * 4, Outcome.FAILED, Outcome.NONE, Outcome.HELD)

    wide, cells = pictures.timeline(slots, 60, ASCII)
    assert wide == "Sat    Sun    Mon    Tue    Wed    Thu    Fri   "
    assert "".join(cell.text for cell in cells) == "****** ****** ****** ****** xxxxxx ...... !!!!!!"
    narrow, cells = pictures.timeline(slots, 20, ASCII)
    assert (narrow, "".join(cell.text for cell in cells)) == ("Sa Su Mo Tu We Th Fr", "** ** ** ** xx .. !!")
    assert pictures.timeline(slots, 6, ASCII) == ("", ())


def test_the_worst_of_the_hours_that_share_a_sign_is_shown() -> None:
    slots = week(Outcome.GOOD)
    slots[4] = Slot(DAY, Outcome.FAILED)

    assert "".join(cell.text for cell in pictures.timeline(slots, 2, ASCII)[1]) == "*x"


def days(*counts: int | None) -> list[tuple[date, int | None]]:
    first = DAY - timedelta(days=len(counts) - 1)
    return [(first + timedelta(days=at), count) for at, count in enumerate(counts)]


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ((0, 412, 0, 0), "errors: 4 days, most 412 on Nov 18, none since Nov 19"),
        ((0, 0), "errors: 2 days, none"),
        ((None, None), "errors: 2 days, nothing is known"),
        ((None, 0, 7), "errors: 3 days, most 7 on Nov 20, nothing known of 1 day"),
        ((9, 3), "errors: 2 days, most 9 on Nov 19, 3 on Nov 20"),
        ((5, 5), "errors: 2 days, most 5 on Nov 19, 5 on Nov 20"),
        ((), "errors: 0 days, nothing is known"),
    ],
)
def test_errors_can_be_heard(counts: tuple[int | None, ...], words: str) -> None:
    assert pictures.errors_words(days(*counts)) == words


@given(st.lists(st.none() | st.integers(0, 10**9), max_size=20))
def test_words_are_found_for_any_days(counts: list[int | None]) -> None:
    assert pictures.errors_words(days(*counts)).startswith("errors: ")


@given(st.lists(SLOTS, max_size=100))
def test_words_are_found_for_any_week(slots: list[Slot]) -> None:
    assert pictures.timeline_words(slots).startswith("runs: ")


def test_a_week_can_be_heard() -> None:
    assert pictures.timeline_words([]) == "runs: nothing is known"
    assert (
        pictures.timeline_words(week(Outcome.GOOD, Outcome.GOOD)) == "runs: 2 days, 12 runs, every day good"
    )
    assert (
        pictures.timeline_words(week(Outcome.GOOD, Outcome.HELD, Outcome.NONE))
        == "runs: 3 days, 12 runs; Wed good, Thu held, Fri none"
    )
    assert pictures.timeline_words(week(Outcome.NONE)) == "runs: 1 day, 0 runs"


def test_a_budget_and_a_pace_can_be_heard() -> None:
    assert pictures.gauge_words(60, 90, "requests") == "60 of 90 requests left"
    assert pictures.gauge_words(0, 0, "requests") == "no limit of requests is told"
    assert pictures.pace_words([None, 120, 88.4], "requests") == (
        "requests a minute: 88 now, most 120, in 3 minutes"
    )
    assert pictures.pace_words([], "records") == "records a minute: nothing is known yet"
