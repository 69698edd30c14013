"""Two ids have one state id: a person looks, keeps apart, thinks better of it, merges, and splits again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from support.district import District, open_district

SYNC = ("sync", "north", "--full", "--wait")
CHANGED = ("created", "updated")


@pytest.fixture
async def district(tmp_path: Path) -> AsyncIterator[District]:
    async with open_district(tmp_path, students=300) as opened:
        yield opened


async def open_ones(district: District) -> list[dict[str, Any]]:
    return [row for row in await district.rows("conflicts", "list") if row["kind"] == "duplicate"]


async def nothing_changes(district: District) -> None:
    """Two more syncs, after one that may bring in what was decided."""
    for round_ in range(3):
        await district.siscon(*SYNC)
        run = (await district.rows("runs", "list"))[0]
        assert round_ == 0 or not any(run[name] for name in CHANGED), run


@pytest.mark.long
async def test_two_ids_are_kept_apart_merged_and_split(district: District) -> None:
    assert (await district.siscon(*SYNC))[0] == 0
    for _ in range(6):
        await district.control("advance")
    await district.siscon(*SYNC)
    asked = await open_ones(district)
    assert asked, "two students of this district have one state id"
    one = asked[0]
    me, number = ["north", "student", str(one["external_id"])], str(one["id"])
    assert one["why"] == "the same state id"

    code, told = await district.siscon("conflicts", "show", number)
    assert (code, "NEWCOMER" in told, "KNOWN" in told) == (0, True, True), told
    code, told = await district.siscon("conflicts", "settle", number, "--take", "sis", "--reason", "x")
    assert (code, "choose" in told) == (2, True), told
    code, told = await district.siscon("conflicts", "settle", number, "--take", "apart")
    assert (code, "--reason" in told) == (2, True), told

    settle = ["conflicts", "settle", number, "--reason", "asked the school"]
    code, told = await district.siscon(*settle, "--take", "apart")
    assert (code, "not asked again" in told) == (0, True), told
    code, told = await district.siscon(*settle, "--take", "merge")
    assert (code, "settled already by" in told) == (2, True), told
    await nothing_changes(district)
    assert len(await open_ones(district)) == len(asked) - 1

    undo = ["--reason", "a slip", "--yes", "--wait"]
    decision = next(row for row in await district.rows("runs", "list") if row["kind"] == "settle")
    code, told = await district.siscon("undo", str(decision["id"]), *undo)
    assert code == 0, told
    code, told = await district.siscon(*settle, "--take", "merge")
    assert (code, "is merged into" in told) == (0, True), told
    await nothing_changes(district)
    assert await district.rows("records", "show", *me) == []
    (alias,) = await district.rows("records", "aliases", "north")
    assert (alias["external_id"], alias["survivor"]) == (one["external_id"], one["other_external_id"])
    them = ["north", "student", str(one["other_external_id"])]
    history = await district.rows("records", "history", *them)
    assert [row["what"] for row in history][-1] == "merged"

    code, told = await district.siscon("records", "split", *me, "--reason", "two people after all")
    assert (code, "creates a record of its own" in told) == (0, True), told
    await nothing_changes(district)
    assert len(await district.rows("records", "show", *me)) == 1
    assert await district.rows("records", "aliases", "north") == []
    history = await district.rows("records", "history", *them)
    assert [row["what"] for row in history][-1] == "split"
    code, told = await district.siscon("records", "split", *me, "--reason", "again")
    assert (code, "is no alias" in told) == (2, True), told
