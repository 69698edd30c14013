"""When a kind of record is late, and when a success is none."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from siscon.domain.freshness import Fresh, judged
from siscon.domain.integrations import Integration, IntegrationState, state_of
from siscon.domain.records import Entity

ZONE = ZoneInfo("America/New_York")
HOUR_MS = 3_600_000
MINUTE_MS = 60_000


def at(hour: int, minute: int = 0, day: int = 20) -> int:
    return int(datetime(2026, 11, day, hour, minute, tzinfo=ZONE).timestamp() * 1000)


def fresh(began_ms: int, *, took_ms: int = 10 * MINUTE_MS, **told: int) -> Fresh:
    values = {"fetched": 10, "known": 10, **told}
    return Fresh(Entity.STUDENT, 1, began_ms, began_ms + took_ms, full=True, **values)


@pytest.mark.parametrize(
    ("schedule", "now_ms", "late"),
    [
        ("0 2 * * *", at(1, day=21), False),
        ("0 2 * * *", at(2, 34, day=21), False),
        ("0 2 * * *", at(2, 36, day=21), True),
        ("0 2 * * 1-5", at(2, day=23), False),
        ("", at(2, day=29), False),
        ("no cron", at(2, day=29), False),
    ],
)
def test_late_is_what_missed_its_next_time(schedule: str, now_ms: int, late: bool) -> None:
    assert judged(fresh(at(2)), schedule, ZONE, now_ms=now_ms).late is late


def test_an_import_that_takes_long_has_longer() -> None:
    slow = fresh(at(2), took_ms=3 * HOUR_MS)

    assert not judged(slow, "0 2 * * *", ZONE, now_ms=at(8, day=21)).late
    assert judged(slow, "0 2 * * *", ZONE, now_ms=at(9, day=21)).late


def test_nothing_where_thousands_were_is_no_success() -> None:
    assert fresh(at(2), fetched=0, known=4_000).emptied
    assert not fresh(at(2), fetched=0, known=0).emptied
    assert not fresh(at(2), fetched=1, known=4_000).emptied
    changes_only = Fresh(Entity.STUDENT, 1, at(2), at(3), 0, 4_000, full=False)
    assert not changes_only.emptied


def test_the_state_of_an_integration_says_so() -> None:
    one = Integration("north", "p", "P", True, False, "", 60, 1, None, at(2), "", None)

    def state(**told: bool) -> IntegrationState:
        return state_of(one, **{"running": False, "held": False, **told}, now_ms=at(3))

    assert state() is IntegrationState.OK
    assert state(running=True) is IntegrationState.RUNNING
    assert state(running=True, late=True) is IntegrationState.LATE
    assert state(emptied=True, late=True) is IntegrationState.EMPTY
    assert state(late=True) is IntegrationState.LATE


@pytest.mark.parametrize("due", ["next_due_at_ms"])
@pytest.mark.parametrize("last_good_at_ms", [None, at(2)])
def test_what_is_due_and_does_not_begin_is_late_also_where_nothing_ever_ran(
    due: str, last_good_at_ms: int | None
) -> None:
    one = Integration("north", "p", "P", True, False, "", 60, 1, None, last_good_at_ms, "", None)
    one = replace(one, **{due: at(2)})

    def state(now_ms: int) -> IntegrationState:
        return state_of(one, running=False, held=False, now_ms=now_ms)

    assert state(at(2, 15)) is (IntegrationState.OK if last_good_at_ms else IntegrationState.NEW)
    assert state(at(2, 16)) is IntegrationState.LATE
