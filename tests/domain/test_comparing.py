"""Imports side by side: what is sudden, what is chance, and what cannot be compared."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siscon.domain.comparing import Sudden, beside, names, sudden
from siscon.domain.records import Entity
from siscon.domain.runs import Counts, Lane, Phase, Run, RunKind, RunStatus


def a_run(run_id: int, *, full: bool = True) -> Run:
    return Run(
        *(run_id, "north", RunKind.IMPORT, Lane.BULK, RunStatus.COMPLETED, None, (), full, "clock", None),
        *(0, 0, 1, 1, None, None, None, "", "", 10, None),
    )


def students(fetched: int, failed: int = 0, *, pages: int = 1) -> list[Counts]:
    return [Counts(Entity.STUDENT, fetched=fetched, failed=failed, pages=pages)]


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        (9_812, 0, Sudden.GONE),
        (999, 0, Sudden.DOWN),
        (100, 151, Sudden.UP),
        (100, 150, None),
        (100, 49, Sudden.DOWN),
        (100, 50, None),
        (0, 20, Sudden.UP),
        (2, 19, None),
        (None, 500, None),
        (500, None, None),
    ],
)
def test_more_than_half_is_sudden_and_few_are_chance(
    before: int | None, now: int | None, told: Sudden | None
) -> None:
    change = sudden(before, now)

    assert (change.what if change else None) == told


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_a_change_is_never_told_the_wrong_way_round(before: int, now: int) -> None:
    change = sudden(before, now)

    assert change is None or (change.what is Sudden.UP) == (now > before)
    assert sudden(before, before) is None


def test_an_import_of_changes_is_not_compared_with_one_of_everything() -> None:
    found = beside(
        [
            (a_run(3, full=True), students(9_000)),
            (a_run(1, full=True), students(9_812)),
            (a_run(2, full=False), students(12)),
            (a_run(4, full=True), students(0, pages=1)),
        ]
    )

    assert [one.run.id for one in found] == [1, 2, 3, 4]
    assert [dict(one.sudden) for one in found[:3]] == [{}, {}, {}]
    assert {name: change.what for name, change in found[3].sudden.items()} == {
        "fetched": Sudden.GONE,
        "student": Sudden.GONE,
    }


def test_what_an_import_never_came_to_is_not_none_of_it() -> None:
    found = beside(
        [
            (a_run(1), students(9_812, 40)),
            (a_run(2), students(0, pages=0)),
            (a_run(3), [Counts(Entity.STUDENT, phase=Phase.PLAN)]),
        ]
    )

    assert (found[1].counts["student"], found[1].counts["fetched"]) == (None, None)
    assert dict(found[1].sudden) == {}
    assert found[2].sudden["student"].before == 9_812
    assert names(found)[-1] == "student failed"
