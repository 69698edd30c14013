"""Names for people by the commands a person types, over a real server, and what a run came to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.district import District, open_district

ACCOUNTS = """
    accounts:
      student: {username: "{last}{birth_year:-2}", email: "{username}@students.example.org"}
      staff: {username: "{first:1}{last}"}
"""


@pytest.fixture
async def district(tmp_path: Path) -> AsyncIterator[District]:
    async with open_district(tmp_path) as opened:
        yield opened


@pytest.mark.long
async def test_people_are_named_by_command_and_what_a_run_came_to_is_said(district: District) -> None:
    code, told = await district.siscon("sync", "north", "--wait")
    assert code in (0, 4), told
    assert "processed  " in told
    assert "took  " in told
    code, told = await district.siscon("accounts", "preview", "north")
    assert (code, "does not say how people of north are named" in told) == (2, True)

    file = district.folder / "config.yaml"
    file.write_text(file.read_text(encoding="utf-8").rstrip() + ACCOUNTS, encoding="utf-8")
    lacking = {row["entity"]: row for row in await district.rows("accounts", "preview", "north")}
    assert lacking["student"]["people"] > 0, lacking
    example = lacking["student"]["examples"][0]
    code, told = await district.siscon("accounts", "create", "north", "--reason", "names for all")
    assert (code, "add --yes" in told) == (2, True)
    code, told = await district.siscon(
        "accounts", "create", "north", "--reason", "names for all", "--yes", "--wait"
    )
    assert code == 0, told
    assert f"{lacking['student']['people']} student records" in told

    record = await district.rows("records", "show", "north", "student", example["external_id"])
    assert record[0]["username"] == example["username"]
    listed = {row["name"]: row for row in await district.rows("accounts", "list", "north")}
    assert listed[example["username"]]["external_id"] == example["external_id"]
    assert all(row["in_use"] for row in listed.values())
    (newest, *_) = await district.rows("runs", "list", "--limit", "1")
    (shown,) = await district.rows("runs", "show", str(newest["id"]))
    assert shown["summary"]["accounts"]["student"] == lacking["student"]["people"]
    code, told = await district.siscon("sync", "north", "--full", "--wait")
    assert code in (0, 4), told
    (newest, *_) = await district.rows("runs", "list", "--limit", "1")
    assert (newest["created"], newest["updated"]) == (0, 0)

    section = (await district.rows("records", "list", "--entity", "section"))[0]["external_id"]
    (one,) = await district.rows("records", "classes", "north", "section", section)
    assert one["course_title"]
    code, told = await district.siscon("records", "classes", "north", "section", section)
    assert (code, f"Section {section}" in told, "Teachers: " in told) == (0, True, True)
