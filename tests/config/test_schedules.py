"""Schedules and windows of a configuration: read as they are meant, refused with what would be right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from siscon.config import Settings
from siscon.domain.blackouts import Due
from siscon.domain.records import Entity
from siscon.domain.timetables import Missed, Starts

INTEGRATION = {"provider": "powerschool", "base_url": "http://127.0.0.1:9"}


def settings(home: Path, own: dict[str, Any] | None = None, **more: Any) -> Settings:
    told = {
        "home": home,
        "time_zone": "Europe/Oslo",
        "integrations": {"north": {**INTEGRATION, **(own or {})}},
    }
    return Settings.model_validate({**told, **more})


def test_short_forms_and_named_schedules_are_one_timetable(tmp_path: Path) -> None:
    named = [
        {"name": "students", "cron": "*/30 7-17 * * 1-5", "entities": ["student", "school"], "jitter_s": 60},
        {"name": "weekly", "cron": "@weekly", "kind": "full", "missed": "skip", "time_zone": "UTC"},
    ]
    one = settings(tmp_path, {"schedule": "0 2 * * *", "full_schedule": "0 4 * * 0", "schedules": named})
    main, full, students, weekly = one.integrations["north"].timetable(one.time_zone)

    assert [(it.name, it.starts) for it in (main, full)] == [("main", Starts.CHANGES), ("full", Starts.FULL)]
    assert (students.entities, students.zone, students.jitter_s) == (
        (Entity.SCHOOL, Entity.STUDENT),
        "Europe/Oslo",
        60,
    )
    assert (weekly.zone, weekly.missed) == ("UTC", Missed.SKIP)


def test_windows_of_all_and_of_one_integration(tmp_path: Path) -> None:
    own = {"blackouts": [{"name": "lessons", "begins": "07:30", "ends": "16:00", "days": ["mon", "Tuesday"]}]}
    all_of_them = [{"name": "rollover", "begins": "2027-07-01", "ends": "2027-08-15", "due": "skip"}]
    found = settings(tmp_path, own, blackouts=all_of_them).all_blackouts

    assert [(it.name, it.integration, it.days, it.due) for it in found] == [
        ("rollover", "", (), Due.SKIP),
        ("lessons", "north", (1, 2), Due.LATER),
    ]


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({"schedules": [{"name": "a", "cron": "0 25 * * *"}]}, "must lie between 0 and 23"),
        ({"schedules": [{"name": "a", "cron": ""}]}, "at least 1"),
        (
            {"schedule": "0 2 * * *", "schedules": [{"name": "main", "cron": "0 3 * * *"}]},
            "are called 'main'",
        ),
        ({"schedules": [{"name": "a", "cron": "@daily", "time_zone": "Mars/Base"}]}, "is no time zone"),
        ({"blackouts": [{"name": "a", "begins": "07:00", "ends": "2027-01-01"}]}, "both be moments, or both"),
        (
            {"blackouts": [{"name": "a", "begins": "2027-02-01", "ends": "2027-01-01"}]},
            "ends before it begins",
        ),
        ({"blackouts": [{"name": "a", "begins": "late", "ends": "later"}]}, "is no time: write"),
        ({"blackouts": [{"name": "a", "begins": "07:00", "ends": "07:00"}]}, "all day, every day"),
        ({"blackouts": [{"name": "a", "begins": "07:00", "ends": "08:00", "days": ["x"]}]}, "is no day"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, own: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        settings(tmp_path, own)
