"""Both sides changed: a person decides by the commands they type, takes it back, and reads who did what."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from support.district import District, open_district

MANUAL = "    conflicts: {default: manual}\n"


@pytest.fixture
async def district(tmp_path: Path) -> AsyncIterator[District]:
    async with open_district(tmp_path, students=300, more=MANUAL) as opened:
        yield opened


def edit_here(district: District) -> None:
    """Another program writes to the roster: every student gets another grade and address."""
    with closing(sqlite3.connect(district.folder / "here" / "siscon.db")) as connection, connection:
        connection.execute(
            "UPDATE students SET grade_level = 'K' || id, email = 'local' || id || '@example.org'"
        )


async def questions(district: District) -> list[dict[str, object]]:
    """The open questions about fields; this district has its namesakes, too."""
    return [row for row in await district.rows("conflicts", "list") if row["kind"] == "fields"]


async def roster(district: District) -> list[dict[str, object]]:
    rows = await district.rows("records", "list", "--entity", "student")
    return [{name: value for name, value in row.items() if name != "updated_at"} for row in rows]


@pytest.mark.long
async def test_conflicts_are_decided_one_and_all_remembered_undone_and_told(district: District) -> None:
    await district.siscon("sync", "north", "--full", "--wait")
    edit_here(district)
    for _ in range(12):
        await district.control("advance")
    await district.siscon("sync", "north", "--full", "--wait")
    asked = await questions(district)
    assert len(asked) >= 3, await district.rows("runs", "list")

    first = asked[0]
    code, told = await district.siscon("conflicts", "show", str(first["id"]))
    assert (code, "local" in told) == (0, True), told
    code, told = await district.siscon("conflicts", "settle", str(first["id"]), "--take", "sis")
    assert code == 0, told
    code, told = await district.siscon("conflicts", "settle", str(first["id"]), "--take", "local")
    assert (code, "settled already by" in told) == (2, True), told
    history = await district.rows("records", "history", "north", "student", first["external_id"])
    assert [row["what"] for row in history][-1] == "settled"

    rest = len(asked) - 1
    everything = ["conflicts", "settle-all", "north", "--take", "local", "--reason", "our clerks know"]
    code, told = await district.siscon(*everything, "--wait")
    assert (code, f"{rest} open conflicts match" in told, "add --yes" in told) == (2, True, True), told
    before = await roster(district)
    code, told = await district.siscon(*everything, "--wait", "--yes")
    assert code == 0, told
    for _ in range(2):
        code, told = await district.siscon("sync", "north", "--full", "--wait")
        assert await questions(district) == [], told

    bulk = next(
        row
        for row in await district.rows("runs", "list")
        if row["kind"] == "settle" and row["updated"] == rest
    )
    code, told = await district.siscon("undo", str(bulk["id"]), "--reason", "they did not", "--yes", "--wait")
    assert code in (0, 3), told
    if code == 3:
        undo = (await district.rows("runs", "list"))[0]
        code, told = await district.siscon("apply", str(undo["id"]), "--reason", "all of it", "--wait")
        assert code == 0, told
    assert await roster(district) == before
    await district.siscon("sync", "north", "--full", "--wait")
    assert {row["external_id"] for row in await questions(district)} == {
        row["external_id"] for row in asked[1:]
    }


@pytest.mark.long
async def test_a_clerk_edits_gives_back_and_withdraws(district: District) -> None:
    await district.siscon("sync", "north", "--full", "--wait")
    student = (await district.rows("records", "list", "--entity", "student", "--limit", "1"))[0]
    me = ["north", "student", student["external_id"]]

    code, told = await district.siscon(
        "records", "edit", *me, "--set", "middle_name=Sea", "--reason", "asked"
    )
    assert (code, "siscon undo" in told) == (0, True), told
    (edit,) = await district.rows("records", "edits", "north")
    assert (edit["field"], edit["local"]) == ("middle_name", "Sea")
    await district.siscon("sync", "north", "--full", "--wait")
    assert len(await district.rows("records", "edits", "north")) == 1

    release = ["records", "release", "north", "student", "--all", "--reason", "enough"]
    code, told = await district.siscon(*release)
    assert (code, "1 student record would" in told, "add --yes" in told) == (2, True, True), told
    assert (await district.siscon(*release, "--yes"))[0] == 0
    assert await district.rows("records", "edits", "north") == []

    withdraw = ["records", "withdraw", *me, "--reason", "moved away", "--yes"]
    assert (await district.siscon(*withdraw))[0] == 0
    code, told = await district.siscon(*withdraw)
    assert (code, "no active student" in told) == (2, True), told
    await district.siscon("sync", "north", "--full", "--wait")
    (row,) = await district.rows("records", "show", *me)
    assert row["status"] == "inactive"
    code, told = await district.siscon("records", "edit", *me, "--set", "status=here", "--reason", "x")
    assert code == 2, told
