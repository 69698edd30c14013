"""Deliveries laid over one another: what is told, and that others get their turn while nothing is."""

from __future__ import annotations

from itertools import takewhile
from pathlib import Path

from siscon.providers.oneroster_csv.package import Package, read_zip
from siscon.providers.oneroster_csv.tables import QUIET_ROWS, Chain
from support.csv_drops import PEOPLE, zipped


def package(path: Path, at_ms: int) -> Package:
    return read_zip(
        path.name, path, modified_at_ms=at_ms, digest=path.name, without_manifest="refuse", version="auto"
    )


def test_others_get_their_turn_while_many_changes_are_gathered(tmp_path: Path) -> None:
    head = PEOPLE["users"].partition("\n")[0]
    rows = [f"n{at},active,,true,s1,student,n{at},Nia,Berg" for at in range(5 * QUIET_ROWS)]
    bulk = zipped(tmp_path / "a.zip", PEOPLE)
    delta = zipped(tmp_path / "b.zip", {"users": "\n".join([head, *rows, ""])}, state="delta")
    chain = Chain([package(bulk, 1), package(delta, 2)], "utf-8")

    told = list(chain.rows("users"))

    assert len(list(takewhile(lambda one: one is None, told))) == 5
    assert sum(one is not None for one in told) == 3 + len(rows)
