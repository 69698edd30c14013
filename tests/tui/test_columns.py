"""Ids that begin alike stay apart in a narrow column."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from siscon.tui.present import foreign
from siscon.tui.widgets.columns import Column, cut


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("9b2f1c1e-0001", 13, "9b2f1c1e-0001"),
        ("9b2f1c1e-77aa-0001", 11, "9b2f1…-0001"),
        ("9b2f1c1e-77aa-0001", 2, "9…"),
        ("9b2f1c1e-77aa-0001", 1, "9"),
        ("9b2f", 6, "9b2f  "),
    ],
)
def test_of_an_id_that_is_too_long_both_ends_stay(text: str, width: int, shown: str) -> None:
    assert cut(text, width, middle=True) == shown


@given(text=st.text(), width=st.integers(1, 30))
def test_an_id_fills_its_column_exactly_whatever_it_holds(text: str, width: int) -> None:
    shown = foreign(text).text

    assert cell_len(cut(shown, width, middle=True)) == width


def test_integrations_that_differ_at_their_end_stay_apart_where_names_are_cut() -> None:
    column = Column("Integration", 11)
    east, west = (cut(name, 11, middle=column.has_names) for name in ("northfield_east", "northfield_west"))
    assert east != west
    assert east.startswith("north")
