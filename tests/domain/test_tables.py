"""Shares that are not rounded into a lie, and moments that say of which zone."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from siscon.domain.tables import Share, lasted, minute, short_minute

NOW_MS = 1_795_226_400_000


@given(st.integers(0, 10**7), st.integers(0, 10**7))
def test_a_share_is_all_only_where_it_is_all_and_none_only_where_it_is_none(one: int, other: int) -> None:
    part, whole = sorted((one, other))
    percent = Share(part, whole).percent

    assert (percent is None) == (whole == 0)
    if percent is not None:
        assert (percent == 100) == (part == whole)
        assert (percent == 0) == (part == 0)
        assert abs(percent - 100 * part / whole) <= 0.1


def test_moments_name_their_offset_with_half_hours_too() -> None:
    assert short_minute(NOW_MS, ZoneInfo("Asia/Kolkata")) == "Nov 21 07:30 +05:30"
    assert short_minute(NOW_MS, ZoneInfo("America/Chicago")) == "Nov 20 20:00 -06"
    assert minute(NOW_MS, ZoneInfo("UTC")) == "2026-11-21 02:00+00:00"


def test_spans_are_said_as_people_say_them() -> None:
    assert [lasted(s) for s in (0.26, 59, 61, 3_600, 12_000, 200_000)] == [
        *("0.3 s", "59 s", "1 min", "1 h", "3 h 20 min", "2 d 7 h")
    ]
