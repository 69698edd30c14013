"""What foreign text must not do, wherever it comes out."""

from __future__ import annotations

import csv
import re
import unicodedata
from pathlib import Path

from siscon.ops.files import FORMULA

ACTS = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Categories of characters that a terminal acts on, or that show other than what is there."""


def assert_acts_on_nothing(text: str) -> None:
    """No character but a line feed does anything but stand there."""
    acting = {one for one in text if unicodedata.category(one) in ACTS} - {"\n"}
    assert not acting, sorted(map(ascii, acting))


def assert_only_ours(wire: str) -> None:
    """Of what a terminal was sent, only what the console itself paints with acts on it."""
    text = re.sub("\x1b\\]22;[a-z]*(?:\x07|\x1b\\\\)", "", wire)  # the pointer's shape, which Textual sets
    assert not re.search("\x1b[]PX^_k]", text), "no string for the device"
    assert not {
        one
        for one in text
        if unicodedata.category(one) in ("Cf", "Cs", "Zl", "Zp") or "\x80" <= one <= "\x9f"
    }
    assert set(re.findall("[\x00-\x1f\x7f]", text)) <= {"\x1b", "\r", "\n"}


def harmless_cells(file: Path) -> list[str]:
    """The cells of a file for spreadsheets, none of which calculates anything."""
    with file.open(newline="", encoding="utf-8") as opened:
        cells = [one for row in csv.reader(opened) for one in row]
    assert not [one for one in cells if one.startswith(FORMULA)]
    return cells
