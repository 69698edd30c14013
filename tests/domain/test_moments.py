"""Moments as people write them."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from siscon.domain.errors import UsageError
from siscon.domain.moments import coming_ms, past_ms

OSLO = ZoneInfo("Europe/Oslo")


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=OSLO).timestamp() * 1000)


NOW_MS = ms("2027-03-01 12:00")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("06:00", "2027-03-02 06:00"),
        ("13:00", "2027-03-01 13:00"),
        ("90min", "2027-03-01 13:30"),
        ("2 d", "2027-03-03 12:00"),
        ("2027-03-04", "2027-03-04 00:00"),
        ("2027-03-04 06:00", "2027-03-04 06:00"),
    ],
)
def test_a_moment_to_come(text: str, meant: str) -> None:
    assert coming_ms(text, OSLO, now_ms=NOW_MS) == ms(meant)


def test_an_offset_counts_before_the_zone() -> None:
    assert coming_ms("2027-03-04T06:00:00+00:00", OSLO, now_ms=NOW_MS) == ms("2027-03-04 07:00")


@pytest.mark.parametrize(
    ("text", "said"), [("2027-02-01", "is over"), ("soon", "is no moment"), ("25:00", "time")]
)
def test_what_is_none_is_refused_with_what_would_be_right(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        coming_ms(text, OSLO, now_ms=NOW_MS)


def test_a_moment_that_is_over() -> None:
    assert past_ms("3d", OSLO, now_ms=NOW_MS) == ms("2027-02-26 12:00")
    with pytest.raises(UsageError, match="still to come"):
        past_ms("2028-01-01", OSLO, now_ms=NOW_MS)
