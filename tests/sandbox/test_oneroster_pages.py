"""Everything that may go wrong between two pages of a OneRoster list, seen over the wire."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from sandbox.running import Running
from siscon.sandbox.oneroster_pages import FOREIGN

FAMILY = pytest.mark.parametrize("system", ["infinite_campus", "skyward", "oneroster"])


@dataclass
class Walk:
    """What a client met that followed ``next`` from the first page, for so many pages at most."""

    pages: list[list[str]] = field(default_factory=list)
    totals: list[int] = field(default_factory=list)
    links: list[str] = field(default_factory=list)

    @property
    def rows(self) -> list[str]:
        return [one for page in self.pages for one in page]


async def walked(sandbox: Running, system: str, path: str, *, pages: int = 60, **query: Any) -> Walk:
    walk, target, params = Walk(), f"/{path}", query
    while target and len(walk.pages) < pages:
        answer = await sandbox.get(system, target, params=params)
        assert answer.status_code == 200, answer.text
        walk.pages.append([row["sourcedId"] for row in next(iter(answer.json().values()))])
        walk.totals.append(int(answer.headers.get("X-Total-Count", -1)))
        following = answer.links.get("next", {}).get("url", "")
        walk.links.append(following)
        target, params = following[following.rindex(f"/{path}") :] if following else "", None
    return walk


async def switched(sandbox: Running, system: str, **quirks: Any) -> None:
    await sandbox.control(system, "quirks", quirks)


@FAMILY
async def test_deleted_rows_make_a_walk_miss_others_and_the_total_fall(sandbox: Running, system: str) -> None:
    whole = (await walked(sandbox, system, "students", limit=500)).rows
    await switched(sandbox, system, shift_rows=5)

    first = await walked(sandbox, system, "students", limit=30)
    second = await walked(sandbox, system, "students", limit=30)

    assert first.totals == [120, 120, 115, 115]
    assert [one for one in whole if one not in first.rows] == whole[60:65]
    assert second.rows == whole[5:]
    assert set(second.totals) == {115}


@FAMILY
async def test_inserted_rows_make_a_walk_meet_others_twice(sandbox: Running, system: str) -> None:
    whole = (await walked(sandbox, system, "students", limit=500)).rows
    await switched(sandbox, system, insert_rows=4)

    first = await walked(sandbox, system, "students", limit=30)
    second = await walked(sandbox, system, "students", limit=30)

    assert first.totals == [116, 116, 120, 120]
    assert len(first.rows) - len(set(first.rows)) == 4
    assert set(whole) - set(first.rows) == set(whole[:4])
    assert second.rows == whole


async def test_each_list_moves_by_itself(sandbox: Running) -> None:
    await switched(sandbox, "oneroster", shift_rows=5)
    await walked(sandbox, "oneroster", "students", limit=30)

    filtered = await walked(sandbox, "oneroster", "students", limit=500, filter="status='active'")

    assert filtered.totals == [119]


@FAMILY
async def test_every_page_after_the_second_is_the_second_again(sandbox: Running, system: str) -> None:
    await switched(sandbox, system, repeat_page=True)

    walk = await walked(sandbox, system, "students", limit=30, pages=6)

    assert walk.pages[0] != walk.pages[1]
    assert walk.pages[1:] == [walk.pages[1]] * 5
    assert walk.links[1:] == [walk.links[1]] * 5


@FAMILY
async def test_pages_overlap(sandbox: Running, system: str) -> None:
    await switched(sandbox, system, overlap_rows=3)

    walk = await walked(sandbox, system, "students", limit=30)

    assert len(set(walk.rows)) == 120
    for before, after in zip(walk.pages, walk.pages[1:], strict=False):
        assert after[:3] == before[-3:]


@FAMILY
@pytest.mark.parametrize("limit", [30, 50, 119])
async def test_an_empty_page_stands_in_the_middle(sandbox: Running, system: str, limit: int) -> None:
    await switched(sandbox, system, empty_middle=True)

    walk = await walked(sandbox, system, "students", limit=limit)

    assert walk.pages.count([]) == 1
    assert 0 < walk.pages.index([]) < len(walk.pages) - 1
    assert len(walk.rows) == len(set(walk.rows)) == 120
    assert set(walk.totals) == {120}


@FAMILY
async def test_pages_may_be_shorter_than_asked_for(sandbox: Running, system: str) -> None:
    await switched(sandbox, system, short_pages=True)

    walk = await walked(sandbox, system, "students", limit=30)
    again = await walked(sandbox, system, "students", limit=30)

    assert len({len(page) for page in walk.pages}) > 2
    assert all(1 <= len(page) <= 30 for page in walk.pages)
    assert len(walk.rows) == len(set(walk.rows)) == 120
    assert again.pages == walk.pages


@FAMILY
async def test_half_of_everything_is_gone_and_the_totals_agree(sandbox: Running, system: str) -> None:
    await switched(sandbox, system, half_pages=True)

    for path, count in (("students", 60), ("teachers", 4), ("enrollments", 251)):
        walk = await walked(sandbox, system, path, limit=100)
        assert len(walk.rows) == count
        assert set(walk.totals) == {count}


@FAMILY
@pytest.mark.parametrize(
    ("kind", "totals"),
    [
        ("right", [120, 120, 120]),
        ("wrong", [127, 127, 127]),
        ("low", [60, 60, 60]),
        ("moving", [120, 121, 122]),
        ("none", [-1, -1, -1]),
    ],
)
async def test_totals_may_lie(sandbox: Running, system: str, kind: str, totals: list[int]) -> None:
    await switched(sandbox, system, total_count=kind)

    assert (await walked(sandbox, system, "students", limit=50)).totals == totals


@FAMILY
async def test_next_may_point_to_another_host(sandbox: Running, system: str) -> None:
    await switched(sandbox, system, foreign_next=True)

    links = (await sandbox.get(system, "/students?limit=50")).links

    assert links["next"]["url"].startswith(f"{FOREIGN}/")
    assert links["last"]["url"].startswith(sandbox.url(system))


@FAMILY
async def test_a_page_too_large_is_clamped_without_a_word_or_refused(sandbox: Running, system: str) -> None:
    await switched(sandbox, system, max_page_size=40, over_cap="clamp")
    clamped = await walked(sandbox, system, "students", limit=5000)
    await switched(sandbox, system, over_cap="error")
    refused = await sandbox.get(system, "/students?limit=41")

    assert [len(page) for page in clamped.pages] == [40, 40, 40]
    assert refused.status_code == 400
