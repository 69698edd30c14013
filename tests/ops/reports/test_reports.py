"""What reports say of runs that were really entered; what they must not say of pupils."""

from __future__ import annotations

from dataclasses import replace
from datetime import time
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from siscon.domain.errors import UsageError
from siscon.domain.periods import Wished
from siscon.domain.records import Entity
from siscon.domain.runs import Lane, RunKind, RunStatus
from siscon.domain.tables import Report, Share
from siscon.ops.reports.asked import FORMS, Asked, make
from siscon.store import integrations, run_counts, runs
from siscon.store.database import Database
from siscon.store.sqlite import open_database
from support.console_data import DAY_MS, HOUR_MS, MINUTE_MS, NOW_MS, Names, fill
from support.timetables import put_lines

ZONE = ZoneInfo("Europe/Oslo")
"""NOW_MS is 03:00 there."""


@pytest.fixture
async def blank(tmp_path: Any) -> Any:
    db = await open_database(tmp_path / "home" / "siscon.db", synchronous="normal")
    for name in ("north", "south"):
        async with db.transaction() as c:
            await integrations.activate(
                c,
                name=name,
                provider="powerschool",
                title="P",
                schedule="0 2 * * *",
                requests_per_minute=60,
                now_ms=1,
            )
            await put_lines(c, name, "0 2 * * *")
    yield db
    await db.close()


async def ran(
    db: Database,
    ago_ms: int,
    status: RunStatus = RunStatus.COMPLETED,
    *,
    name: str = "north",
    by: str = "clock",
    lane: Lane = Lane.BULK,
    error_code: str = "",
    students: int = 100,
    failed: int = 0,
    done: bool = True,
) -> int:
    """An import that ended so long ago, after ten minutes."""
    ended_ms = NOW_MS - ago_ms
    told = {"entities": (), "full": True, "due_at_ms": None, "now_ms": ended_ms - 10 * MINUTE_MS}
    async with db.transaction() as c:
        run_id = await runs.enqueue(
            c,
            integration=name,
            kind=RunKind.IMPORT,
            lane=lane,
            requested_by=by,
            schedule="main" if by == "clock" else "",
            **told,
        )
        assert run_id is not None
        await runs.claim(c, run_id, engine="e1", now_ms=ended_ms - 10 * MINUTE_MS)
        await run_counts.start(c, run_id, [Entity.STUDENT])
        await run_counts.add(
            c, run_id, Entity.STUDENT, fetched=students, created=students - failed, failed=failed
        )
        await run_counts.note(c, run_id, Entity.STUDENT, done=done)
        await runs.move(c, run_id, status, now_ms=ended_ms, error_code=error_code)
    return run_id


async def told(db: Database, name: str, **more: Any) -> Report:
    asked = replace(Asked(name), **more)
    return await make(db, asked, now_ms=NOW_MS, zone=ZONE)


def rows(report: Report, key: str) -> list[dict[str, Any]]:
    table = next(one for one in report.tables if one.key == key)
    return [dict(zip([one.key for one in table.columns], row, strict=True)) for row in table.rows]


async def test_what_had_no_run_is_neither_all_well_nor_all_bad(blank: Database) -> None:
    await ran(blank, HOUR_MS)
    found = {row["integration"]: row for row in rows(await told(blank, "success"), "integrations")}

    assert found["north"]["success"] == Share(1, 1)
    assert found["south"]["success"].percent is None
    assert "no run" in FORMS["text"](await told(blank, "success"))


async def test_a_rate_counts_neither_what_people_cancelled_nor_plans_put_away_as_success(
    blank: Database,
) -> None:
    await ran(blank, HOUR_MS)
    await ran(blank, 2 * HOUR_MS, RunStatus.WITH_ERRORS, failed=7)
    await ran(blank, 3 * HOUR_MS, RunStatus.FAILED, done=False)
    await ran(blank, 4 * HOUR_MS, RunStatus.CANCELLED, done=False)
    await ran(blank, 5 * HOUR_MS, RunStatus.CANCELLED, error_code="discarded", done=False)
    await ran(blank, 30 * DAY_MS, RunStatus.FAILED)
    await ran(blank, HOUR_MS, RunStatus.FAILED, lane=Lane.SINGLE)

    report = await told(blank, "success", integration="north")
    [row] = rows(report, "integrations")
    [entity] = rows(report, "entities")
    assert row["success"] == Share(2, 4)
    assert (row["good"], row["errors"], row["failed"], row["put_away"], row["cancelled"]) == (1, 1, 1, 1, 1)
    assert (row["mean_s"], entity["success"]) == (600, Share(2, 5))
    assert entity["in_error_share"] == Share(7, 500)
    assert [(one["lane"], one["failed"]) for one in rows(report, "others")] == [("single", 1)]


async def test_a_dry_run_that_is_thrown_away_counts_neither_way(blank: Database) -> None:
    await ran(blank, HOUR_MS)
    looked_at = await ran(blank, 2 * HOUR_MS, RunStatus.CANCELLED, error_code="superseded", done=False)
    async with blank.transaction() as c:
        await c.run("UPDATE runs SET dry = 1 WHERE id = :id", {"id": looked_at})

    [row] = rows(await told(blank, "success", integration="north"), "integrations")
    assert (row["success"], row["put_away"], row["cancelled"]) == (Share(1, 1), 0, 1)


async def test_what_a_schedule_started_is_told_apart_from_what_people_did(blank: Database) -> None:
    await ran(blank, HOUR_MS)
    await ran(blank, 2 * HOUR_MS, RunStatus.FAILED, by="kim(1000)")
    found = [
        (row["integration"], row["started_by"], row["success"])
        for row in rows(await told(blank, "success"), "schedules")
    ]

    assert found == [
        ("north", "its schedule", Share(1, 1)),
        ("north", "somebody", Share(0, 1)),
        ("south", "its schedule", Share(0, 0)),
    ]


async def test_webhooks_and_what_a_schedule_missed_are_told_too(blank: Database) -> None:
    await ran(blank, HOUR_MS, by="webhook")
    async with blank.transaction() as c:
        for at_ms in (NOW_MS - HOUR_MS, NOW_MS - 40 * DAY_MS):
            await c.run(
                "INSERT INTO schedule_misses (integration, schedule, at_ms, moments, text)"
                " VALUES ('south', 'main', :at, 3, '')",
                {"at": at_ms},
            )
    found = {
        (row["integration"], row["started_by"]): (row["runs"], row["missed"])
        for row in rows(await told(blank, "success"), "schedules")
    }

    assert found["north", "webhooks"] == (1, None)
    assert found["south", "its schedule"] == (0, 3)


async def test_history_says_how_many_it_leaves_out(blank: Database) -> None:
    ids = [await ran(blank, n * HOUR_MS) for n in range(1, 6)]
    report = await told(blank, "history", limit=2)

    assert [row["run"] for row in rows(report, "runs")] == ids[:2]
    assert "2 of 5" in report.tables[0].notes[0]


async def test_what_has_not_ended_stands_first(blank: Database) -> None:
    await ran(blank, HOUR_MS)
    held = await ran(blank, 40 * DAY_MS, RunStatus.HELD)

    assert rows(await told(blank, "history"), "runs")[0]["run"] == held


async def test_a_trend_has_a_row_for_each_day_and_says_how_old_the_data_were_in_the_morning(
    blank: Database,
) -> None:
    await ran(blank, 20 * HOUR_MS + 30 * MINUTE_MS, failed=3)  # Friday 06:30
    await ran(blank, 19 * HOUR_MS, RunStatus.FAILED, done=False)
    await ran(blank, DAY_MS + HOUR_MS, RunStatus.WITH_ERRORS, failed=9)  # Friday 02:00
    found = rows(await told(blank, "trend", integration="north", wished=Wished(last="3d")), "days")

    assert [str(row["day"]) for row in found] == ["2026-11-19", "2026-11-20", "2026-11-21"]
    assert [row["runs"] for row in found] == [0, 3, 0]
    assert [row["success"].percent for row in found] == [None, 66.7, None]
    assert (found[1]["in_error"], found[1]["age_s"], found[1]["stalest"]) == (9, 0, "student")
    assert found[2]["age_s"] is None, "that morning is still to come"
    early = rows(
        await told(blank, "trend", integration="north", at=time(5), wished=Wished(last="2d")), "days"
    )
    assert early[0]["age_s"] == 3 * 3600


async def test_who_is_not_there_is_named_with_those_that_are(blank: Database) -> None:
    for asked in ({"name": "trend"}, {"name": "success"}, {"name": "history"}):
        with pytest.raises(UsageError, match="north, south"):
            await told(blank, asked["name"], integration="east")
    with pytest.raises(UsageError, match="no run 99"):
        await told(blank, "run", run_id=99)


@pytest.mark.parametrize("name", ["history", "success", "run", "trend", "morning"])
async def test_no_report_holds_a_pupils_name_value_or_id(tmp_path: Any, name: str) -> None:
    db = await open_database(tmp_path / "siscon.db", synchronous="normal")
    await fill(db, names=Names(external_id="PUPIL-77", value="Zanthippe", address="zan@pupil.example"))
    for run_id in (2, 21):
        report = await told(db, name, run_id=run_id, integration="harbor" if name == "trend" else None)
        for form in FORMS:
            text = FORMS[form](report)
            assert not [one for one in ("PUPIL", "Zanthippe", "pupil.example", "31/02/2011") if one in text]
    await db.close()


async def test_the_morning_says_what_a_person_must_do_most_urgent_first(tmp_path: Any) -> None:
    db = await open_database(tmp_path / "siscon.db", synchronous="normal")
    await fill(db)
    report = await told(db, "morning")
    tasks = rows(report, "to_do")
    facts = {one.key: one.text for one in report.facts}
    await db.close()

    assert [row["command"] for row in tasks] == [
        "siscon plans show 21",
        "siscon tokens authorise lakeside",
        "siscon conflicts list",
        "siscon errors causes",
    ]
    assert facts["ran"].startswith("4 imports of 3 integrations")
    assert facts["held"] == "run 21 of harbor"
    assert len(FORMS["text"](report).splitlines()) <= 32


async def test_an_empty_installation_has_reports_too(tmp_path: Any) -> None:
    db = await open_database(tmp_path / "siscon.db", synchronous="normal")
    for name in ("history", "success", "morning"):
        for form in FORMS.values():
            assert form(await told(db, name))
    await db.close()
