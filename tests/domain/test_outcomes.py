"""How the last days are cut into slots, and what each of them says."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siscon.domain.outcomes import (
    DAYS,
    SLOTS_A_DAY,
    Ended,
    Outcome,
    by_day,
    edges,
    outcome_of,
    slots,
    worst,
)
from siscon.domain.runs import RunStatus

NEW_YORK = ZoneInfo("America/New_York")
ZONES = st.sampled_from(
    [ZoneInfo(one) for one in ("UTC", "America/New_York", "Africa/Cairo", "Asia/Kathmandu")]
)
MOMENTS = st.integers(1_000_000_000_000, 2_500_000_000_000)


def at(*told: int) -> int:
    return int(datetime(*told, tzinfo=NEW_YORK).timestamp() * 1000)  # type: ignore[arg-type,misc] # year to minute


@given(MOMENTS, ZONES)
def test_the_slots_grow_and_hold_the_present_moment_today(now_ms: int, zone: ZoneInfo) -> None:
    between = edges(now_ms, zone)

    assert len(between) == DAYS * SLOTS_A_DAY + 1
    assert between == sorted(set(between))
    assert between[-1 - SLOTS_A_DAY] <= now_ms < between[-1]


def test_a_day_that_is_an_hour_shorter_has_as_many_slots_as_any_other() -> None:
    now_ms = at(2026, 3, 9, 12)
    between = edges(now_ms, NEW_YORK, days=2)

    assert len(between) == 2 * SLOTS_A_DAY + 1
    assert between[SLOTS_A_DAY] - between[0] == 23 * 3600 * 1000
    assert [slot.day for slot in slots([], now_ms, NEW_YORK, days=2)][::SLOTS_A_DAY] == [
        date(2026, 3, 8),
        date(2026, 3, 9),
    ]


def test_what_has_not_begun_lies_ahead() -> None:
    found = slots([], at(2026, 11, 20, 9, 30), NEW_YORK, days=1)

    assert [slot.ahead for slot in found] == [False, False, False, True, True, True]


def test_the_worst_of_a_slot_and_the_most_errors_of_one_run_are_told() -> None:
    ended = [
        Ended(0, RunStatus.COMPLETED, "", 3, 0),
        Ended(0, RunStatus.WITH_ERRORS, "", 2, 412),
        Ended(1, RunStatus.FAILED, "auth", 1, None),
    ]
    found = slots(ended, at(2026, 11, 20, 23), NEW_YORK, days=1)

    assert [(slot.outcome, slot.failed, slot.runs) for slot in found[:3]] == [
        (Outcome.ERRORS, 412, 5),
        (Outcome.FAILED, None, 1),
        (Outcome.NONE, None, 0),
    ]
    assert by_day(found) == [(date(2026, 11, 20), 412)]


def test_a_day_without_a_count_is_not_a_day_without_errors() -> None:
    now_ms = at(2026, 11, 20, 23)
    found = slots([Ended(SLOTS_A_DAY, RunStatus.COMPLETED, "", 1, 0)], now_ms, NEW_YORK, days=2)

    assert by_day(found) == [(date(2026, 11, 19), None), (date(2026, 11, 20), 0)]


@pytest.mark.parametrize(
    ("status", "code", "outcome"),
    [
        (RunStatus.WITH_WARNINGS, "", Outcome.GOOD),
        (RunStatus.CANCELLED, "", Outcome.NONE),
        (RunStatus.CANCELLED, "discarded", Outcome.HELD),
        (RunStatus.HELD, "", Outcome.HELD),
        (RunStatus.RUNNING, "", Outcome.NONE),
    ],
)
def test_every_end_has_an_outcome(status: RunStatus, code: str, outcome: Outcome) -> None:
    assert outcome_of(status, code) is outcome


def test_nothing_is_worse_than_what_waits_for_a_person() -> None:
    assert worst([Outcome.GOOD, Outcome.HELD, Outcome.FAILED]) is Outcome.HELD
    assert worst([]) is Outcome.NONE
