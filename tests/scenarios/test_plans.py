"""Plans by the commands a person types: a dry run, its file, its end; ids changed at the source, tied again."""

from __future__ import annotations

import csv
import stat
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from support.district import District, open_district


@pytest.fixture
async def district(tmp_path: Path) -> AsyncIterator[District]:
    async with open_district(tmp_path) as opened:
        yield opened


@pytest.mark.long
async def test_a_plan_is_made_looked_at_written_down_and_applied_or_thrown_away(district: District) -> None:
    code, told = await district.siscon("plan", "north")
    assert (code, "Nothing was changed" in told) == (0, True), told
    assert await district.rows("records", "list") == []
    (waiting,) = await district.rows("plans", "list")
    run = str(waiting["run_id"])
    assert (waiting["status"], waiting["create"] > 60) == ("planned", True)

    students = await district.rows("plans", "show", run, "--entity", "student", "--verdict", "create")
    assert {key: value for key, value in students[0]["changes"][0].items() if key != "new"} == {
        "field": "first_name",
        "old": None,
    }
    file, elsewhere = district.folder / "plan.csv", district.folder / "elsewhere"
    elsewhere.write_text("not ours", encoding="utf-8")
    file.symlink_to(elsewhere)
    await district.siscon("plans", "show", run, "--entity", "student", "--csv", str(file))
    assert elsewhere.read_text(encoding="utf-8") == "not ours"
    assert (file.is_symlink(), stat.S_IMODE(file.stat().st_mode)) == (False, 0o600)
    with file.open(encoding="utf-8", newline="") as listed:
        written = list(csv.DictReader(listed))
    assert {row["external_id"] for row in written} >= {row["external_id"] for row in students}

    code, told = await district.siscon("apply", run, "--entity", "school", "--wait")
    assert code in (0, 4), told
    assert {row["entity"] for row in await district.rows("records", "list")} == {"school"}
    code, _ = await district.siscon("plans", "show", run)
    assert code == 2

    await district.siscon("plan", "north", "--entity", "student")
    (waiting,) = await district.rows("plans", "list")
    code, told = await district.siscon("plans", "discard", str(waiting["run_id"]))
    assert (code, await district.rows("plans", "list")) == (0, []), told


@pytest.mark.long
async def test_users_with_other_ids_keep_their_records(district: District) -> None:
    await district.siscon("sync", "north", "--full", "--wait")
    students, staff = await district.ties("student"), await district.ties("staff")

    await district.control("quirks", ids_epoch=1)
    code, told = await district.siscon("plan", "north")
    assert code == 3, told
    code, told = await district.siscon("sync", "north", "--full", "--wait")
    assert code == 3, told
    run = next(row for row in await district.rows("runs", "list") if row["status"] == "held")
    assert run["error_code"] == "rekeyed", run
    code, told = await district.siscon("runs", "remap", str(run["id"]), "--reason", "another version")
    assert (code, "add --yes" in told) == (2, True), told
    code, told = await district.siscon(
        "runs", "remap", str(run["id"]), "--reason", "another version", "--yes"
    )
    assert code == 0, told
    code, told = await district.siscon("sync", "north", "--full", "--wait")
    assert code in (0, 4), told

    after = await district.ties("student"), await district.ties("staff")
    assert [ties.keys() for ties in after] == [students.keys(), staff.keys()]
    assert not set(after[0].values()) & set(students.values())
    await district.siscon("sync", "north", "--full", "--wait")
    last = (await district.rows("runs", "list"))[0]
    assert last["created"] == last["updated"] == last["missing"] == 0, last


@pytest.mark.long
async def test_a_mass_change_is_expected_by_the_command_line(district: District) -> None:
    await district.siscon("sync", "north", "--full", "--wait")
    told = ["rollover", "declare", "north", "--entity", "student", "--what", "missing", "--share", "0.9"]

    past = await district.siscon(*told, "--until", "2001-01-01", "--reason", "the new year")
    (row,) = [await district.siscon(*told, "--until", _soon(), "--reason", "the new year")]
    (listed,) = await district.rows("rollover", "list")
    ended = await district.siscon("rollover", "end", str(listed["id"]))
    (after,) = await district.rows("rollover", "list")

    assert (past[0], row[0], ended[0]) == (2, 0, 0), (past, row, ended)
    assert (listed["active"], after["active"], listed["share"]) == (True, False, 0.9)


def _soon() -> str:
    return (datetime.now(UTC) + timedelta(days=20)).date().isoformat()
