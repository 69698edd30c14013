"""Whatever goes wrong between pages, who follows ``next`` to the end has met every row that is there."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from siscon.sandbox.oneroster_pages import page_at, told_total
from siscon.sandbox.quirks import Quirks


@given(
    total=st.integers(0, 300),
    limit=st.integers(1, 60),
    overlap=st.integers(0, 9),
    empty_middle=st.booleans(),
    short_pages=st.booleans(),
)
def test_no_row_is_lost_on_the_way(
    *, total: int, limit: int, overlap: int, empty_middle: bool, short_pages: bool
) -> None:
    quirks = Quirks(overlap_rows=overlap, empty_middle=empty_middle, short_pages=short_pages)
    met: list[int] = []
    offset: int | None = 0
    pages = empty = 0
    while offset is not None:
        page = page_at(quirks, "/users", offset, limit, total)
        rows = range(total)[page.start : page.start + page.size]
        met += rows
        empty += not rows
        pages += 1
        assert page.following is None or page.following > offset
        offset = page.following

    assert sorted(set(met)) == list(range(total))
    assert len(met) <= total + overlap * pages
    assert empty == (1 if empty_middle and total > limit else 0) + (total == 0)


@given(total=st.integers(0, 300), page=st.integers(0, 50))
def test_only_right_totals_are_right(total: int, page: int) -> None:
    told = {
        kind: told_total(Quirks(total_count=kind), total, page)
        for kind in ("right", "wrong", "low", "moving", "none")
    }

    assert told["right"] == str(total)
    assert int(told["wrong"] or 0) > total
    assert int(told["low"] or 0) <= total / 2
    assert told["moving"] == str(total + page)
    assert told["none"] is None
