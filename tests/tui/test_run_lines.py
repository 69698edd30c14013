"""What moves under one's eyes moves in steps that can be read, and never says more than is so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siscon.tui.run_lines import pace_words, pages_words, stepped


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_a_stepped_count_never_runs_ahead_or_backwards(one: int, other: int) -> None:
    low, high = sorted((one, other))

    assert stepped(low) <= stepped(high) <= high
    assert high - stepped(high) <= max(99, high // 100)


@pytest.mark.parametrize(
    ("value", "shown"), [(999, 999), (4_321, 4_300), (58_010, 58_000), (1_234_567, 1_230_000)]
)
def test_the_last_digits_of_great_counts_stand_still(value: int, shown: int) -> None:
    assert stepped(value) == shown


@pytest.mark.parametrize(("pages", "words"), [(0, ""), (7, "7 pages"), (58, "60 pages"), (121, "130 pages")])
def test_pages_left_are_told_rather_high_than_low(pages: int, words: str) -> None:
    assert pages_words(pages) == words


@pytest.mark.parametrize(("pace", "words"), [(None, ""), (3.4, "3/min"), (87.2, "85/min"), (88, "90/min")])
def test_the_pace_does_not_flicker(pace: float | None, words: str) -> None:
    assert pace_words(pace) == words
