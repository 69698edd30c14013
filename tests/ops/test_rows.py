"""Rows for the command line: stable keys first, page by page, and no more than asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from siscon.domain.records import FIELDS, Entity, School, Student
from siscon.ops import dead_records, rows, run_rows
from siscon.providers.contract import Rejected
from support.fake_sis import FakeSis
from support.house import NAME, test_house

SCHOOL = School("s1", name="Harbor Elementary")
STUDENTS = [Student(f"p{n}", first_name="Ada", last_name=f"Test{n}", school="s1") for n in range(5)]
BAD = Rejected("p9", "missing_field", "last_name is missing.", "last_name", "{}")


@pytest.mark.parametrize(
    ("at_ms", "told"),
    [(None, None), (0, "1970-01-01T00:00:00.000Z"), (1_800_000_000_007, "2027-01-15T08:00:00.007Z")],
)
def test_moments_are_iso_in_utc(at_ms: int | None, told: str | None) -> None:
    assert rows.iso(at_ms) == told


async def test_rows_come_page_by_page_with_stable_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "PAGE", 2)
    sis = FakeSis()
    sis.hold(SCHOOL, *STUDENTS)
    sis.hold(BAD, entity=Entity.STUDENT)
    async with test_house(tmp_path, sis) as house:
        await house.sync()
        db = house.db
        run_id = (await run_rows.run_rows(db))[0]["id"]

        students = [row async for row in rows.record_rows(db, integration=NAME, entity=Entity.STUDENT)]
        everything = [row async for row in rows.record_rows(db, integration=None, entity=None)]
        some = [row async for row in rows.record_rows(db, integration=None, entity=None, limit=3)]
        ties = [row async for row in rows.mapping_rows(db, integration=NAME, entity=None)]
        errors = [row async for row in rows.error_rows(db, dead_records.Chosen(NAME))]
        one = await rows.one_record(db, NAME, Entity.STUDENT, "p3")
        found = await run_rows.one_run(db, run_id)
        summary = await run_rows.summary(db, [run_id])

    assert [row["external_id"] for row in students] == ["p0", "p1", "p2", "p3", "p4"]
    fields = [rule.name for rule in FIELDS[Entity.STUDENT]]
    head = ["integration", "entity", "external_id", "internal_id"]
    assert list(students[0]) == [*head, *fields, "missing_since", "updated_at"]
    assert students[0]["school"] == "s1"
    assert (len(everything), len(some)) == (6, 3)
    assert list(ties[0])[:7] == [*head, "sync_status", "last_synced_at", "error_message"]
    assert [(row["external_id"], row["code"]) for row in errors] == [("p9", "missing_field")]
    assert one == students[3]
    assert found is not None
    assert {row["entity"] for row in summary} >= {"school", "student"}
    keys = ["integration", "entity", "fetched", "created", "updated", "unchanged", "failed", "missing"]
    assert list(summary[0])[:10] == [*keys, "requests", "seconds"]
