"""What a person means by a time in the past."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siscon.domain.errors import UsageError
from siscon.domain.past import PastMoment, moment_of

CHICAGO = ZoneInfo("America/Chicago")


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def past(at: str = "2026-11-21T02:00:00") -> PastMoment:
    return PastMoment(ms(at), ms("2026-11-10T00:00:00"), ms("2026-11-21T02:00:00"))


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("01:30", "2026-11-21T01:30:59.999"),
        ("1:30", "2026-11-21T01:30:59.999"),
        (" 01:30:05 ", "2026-11-21T01:30:05"),
        ("05:12", "2026-11-20T05:12:59.999"),
        ("02:00", "2026-11-21T02:00:00"),
        ("2026-11-12T05:12", "2026-11-12T05:12:59.999"),
        ("2026-11-12 05:12:07", "2026-11-12T05:12:07"),
        ("2026-11-12T05:12:07+02:00", "2026-11-12T03:12:07"),
        ("2026-11-10 00:00", "2026-11-10T00:00:59.999"),
    ],
)
def test_a_time_is_of_the_day_that_is_looked_at_and_of_its_whole_minute(text: str, meant: str) -> None:
    assert moment_of(text, past(), UTC) == ms(meant)


def test_a_time_of_day_is_that_of_the_zone_and_of_the_day_there() -> None:
    assert moment_of("19:30", past("2026-11-15T03:00:00"), CHICAGO) == ms("2026-11-15T01:30:59.999")


@pytest.mark.parametrize(
    "text", ["", "x", "25:00", "05:60", "5", "2026-13-01T00:00", "05:12\x1b[2J", "9" * 400]
)
def test_what_is_no_time_is_refused_in_safe_words(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        moment_of(text, past(), UTC)

    assert refused.value.sentence.isprintable()


@pytest.mark.parametrize(
    "text", ["2026-11-09T23:00", "2026-11-22T00:00", "0001-01-01T00:00", "9999-12-31T23:59"]
)
def test_a_time_of_which_the_file_does_not_tell_is_refused_with_what_it_tells(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        moment_of(text, past(), UTC)

    assert "no time" in refused.value.sentence or "Nov 10 00:00 to Nov 21 02:00" in refused.value.sentence


@given(st.text(max_size=30))
def test_whatever_is_typed_gives_a_moment_of_the_file_or_a_refusal(text: str) -> None:
    one = past()
    try:
        found = moment_of(text, one, CHICAGO)
    except UsageError:
        return
    assert one.covers(found)
