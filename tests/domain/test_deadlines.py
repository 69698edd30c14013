"""Deadlines fire on the absence of a good import, on the days they are for, whoever ran or did not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from siscon.domain.blackouts import Blackout
from siscon.domain.deadlines import HOUR_MS, Deadline, last_moments, passed
from siscon.domain.freshness import Fresh
from siscon.domain.quiet import Window, is_quiet
from siscon.domain.records import Entity

OSLO = ZoneInfo("Europe/Oslo")


def ms(text: str, zone: ZoneInfo = OSLO) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)


def good(ended: str, entity: Entity = Entity.STUDENT, fetched: int = 100) -> Fresh:
    ended_ms = ms(ended)
    return Fresh(entity, 1, ended_ms - 60_000, ended_ms, fetched, 100, full=True)


BY_HALF_PAST_SIX = Deadline("harbor", (Entity.STUDENT,), "30 6 * * mon-fri", 12 * HOUR_MS)


def stale(
    now: str, *fresh: Fresh, deadline: Deadline = BY_HALF_PAST_SIX, since: str = "2026-11-01T00:00"
) -> list[int]:
    found = passed(deadline, fresh, (), OSLO, now_ms=ms(now), active_since_ms=ms(since))
    return [one.missed for one in found]


@pytest.mark.parametrize(
    ("now", "last_good", "missed"),
    [
        ("2026-11-26T06:29", "2026-11-25T02:00", []),  # a Thursday; that of Wednesday was kept
        ("2026-11-26T06:30", "2026-11-25T02:00", [1]),
        ("2026-11-26T06:30", "2026-11-26T02:00", []),
        ("2026-11-26T06:30", "2026-11-25T22:00", []),
        ("2026-11-26T06:30", "2026-11-25T15:00", [1]),
        ("2026-11-26T08:00", "2026-11-26T07:45", []),  # late, but there
        ("2026-11-28T12:00", "2026-11-27T02:00", []),  # Saturday asks nothing
        ("2026-11-30T07:00", "2026-11-27T02:00", [1]),
        ("2026-11-27T07:00", "2026-11-24T02:00", [3]),
    ],
)
def test_a_deadline_asks_for_a_good_import_not_long_before_it(now: str, last_good: str, missed: list[int]):
    assert stale(now, good(last_good)) == missed


@pytest.mark.parametrize(
    ("window", "now", "missed"),
    [
        (Blackout("rollover", "Europe/Oslo", "2026-11-24 18:00", "2026-11-26"), "2026-11-26T07:00", []),
        (Blackout("rollover", "Europe/Oslo", "2026-11-24 18:00", "2026-11-26"), "2026-11-27T07:00", [1]),
        (Blackout("early", "Europe/Oslo", "05:00", "08:00"), "2026-11-26T07:00", [2]),
    ],
    ids=["within", "the first morning after", "every day"],
)
def test_within_a_window_with_dates_nothing_need_be_fresh(window: Blackout, now: str, missed: list[int]):
    deadline = replace(BY_HALF_PAST_SIX, windows=(window,))
    assert stale(now, good("2026-11-24T02:00"), deadline=deadline) == missed


def test_what_was_never_imported_is_stale_but_not_before_the_integration_was_there():
    assert stale("2026-11-26T07:00") == [6], "the working days of the eight before"
    assert stale("2026-11-26T07:00", since="2026-11-26T06:45") == []


def test_a_list_that_came_empty_is_no_success():
    assert stale("2026-11-26T07:00", good("2026-11-26T02:00", fetched=0)) != []


def test_an_import_from_the_future_of_a_clock_that_was_wrong_silences_no_deadline():
    assert stale("2026-11-26T07:00", good("2027-11-26T02:00")) != []
    assert stale("2026-11-26T07:00", good("2026-11-26T07:01")) == [], "a clock that is put right by a little"


def test_without_entities_all_that_is_imported_is_meant():
    every = Deadline("harbor", (), "30 6 * * *", 12 * HOUR_MS)
    fresh = [good("2026-11-26T02:00"), good("2026-11-24T02:00", Entity.SECTION)]
    found = passed(every, fresh, (), OSLO, now_ms=ms("2026-11-26T07:00"), active_since_ms=0)
    assert [one.entity for one in found] == [Entity.SECTION]


@settings(max_examples=25)
@given(st.integers(1_700_000_000_000, 1_900_000_000_000))
def test_the_last_moments_end_before_now_and_leave_none_out(now_ms: int):
    found = last_moments("30 6 * * *", OSLO, now_ms)
    assert 7 <= len(found) <= 9
    assert found == sorted(found)
    assert now_ms - 25 * HOUR_MS <= found[-1] <= now_ms


@pytest.mark.parametrize(
    ("moment", "quiet"),
    [
        ("2026-11-25T21:59", False),
        ("2026-11-25T22:00", True),  # Wednesday
        ("2026-11-26T05:59", True),
        ("2026-11-26T06:00", False),
        ("2026-11-27T23:00", False),  # Friday evening does not begin one
        ("2026-11-28T03:00", False),
        ("2026-11-30T03:00", True),  # begun on Sunday
    ],
)
def test_quiet_hours_belong_to_the_day_they_begin_on(moment: str, quiet: bool):
    window = Window("22:00", "06:00", (0, 1, 2, 3, 4))
    assert is_quiet([window], OSLO, ms(moment)) is quiet


def test_a_whole_day_can_be_quiet():
    window = Window("00:00", "00:00", (0, 6))
    assert is_quiet([window], OSLO, ms("2026-11-28T12:00"))
    assert not is_quiet([window], OSLO, ms("2026-11-27T12:00"))
    assert not is_quiet([], UTC, 0)
