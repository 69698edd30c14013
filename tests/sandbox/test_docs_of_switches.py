"""The handbook of the sandbox names every switch and every fault that there is, and no other."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from siscon.sandbox.faults import Faults
from siscon.sandbox.quirks import Quirks
from siscon.sandbox.traffic import Traffic

TEXT = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text(encoding="utf-8")


def told(heading: str) -> set[str]:
    """The names in the first column of the table with this heading."""
    table = TEXT[TEXT.index(heading) :].partition("\n\n")[0]
    cells = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}


def test_switches() -> None:
    assert told("| switch | default | what it imitates |") == {one.name for one in fields(Quirks)}


def test_faults() -> None:
    assert told("| fault | meaning |") == {one.name for one in fields(Faults)} | {"revoke_tokens"}


def test_counts() -> None:
    assert told("| in `stats` | meaning |") - {"stats"} == set(Traffic().as_dict())
