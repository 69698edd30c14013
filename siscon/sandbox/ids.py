"""How each system names its records: PowerSchool by number, Infinite Campus by GUID, Skyward by digits with zeros.

Every name is computed from the index and can be turned back into it.
"""

from __future__ import annotations

from typing import Protocol

from siscon.sandbox.people import derive

KINDS = (
    "district", "school", "term", "staff", "affiliation", "student", "course", "section", "enrollment",
    "teaching", "missing",
)  # fmt: skip

_FIRST = {
    "district": 1, "school": 1011, "term": 140, "staff": 877, "affiliation": 940, "student": 4101,
    "course": 88, "section": 7730, "enrollment": 58214, "teaching": 1, "missing": 990_000_000,
}  # fmt: skip
_SHAPE = {
    "district": ("000", 0), "school": ("000", 4), "term": ("00", 4), "staff": ("09", 6),
    "affiliation": ("08", 6), "student": ("00", 7), "course": ("00", 6), "section": ("000", 6),
    "enrollment": ("00", 8), "teaching": ("07", 7), "missing": ("06", 7),
}  # fmt: skip
_GUID_MASK = (1 << 48) - 1
_GUID_ODD = 0x9E3779B97F4B
_GUID_BACK = pow(_GUID_ODD, -1, 1 << 48)


class Ids(Protocol):
    """Names for the records of one system."""

    def text(self, kind: str, index: int) -> str:
        """The external id of a record."""

    def index(self, kind: str, text: str) -> int | None:
        """The record that an external id names, or None if it cannot be one of this kind."""


class NumberIds:
    """Integer row numbers (DCIDs). Each kind starts elsewhere, yet numbers of two kinds overlap, as in life."""

    def text(self, kind: str, index: int) -> str:
        return str(_FIRST[kind] + index)

    def number(self, kind: str, index: int) -> int:
        """The external id as the number it is on the wire."""
        return _FIRST[kind] + index

    def index(self, kind: str, text: str) -> int | None:
        if not (text.isascii() and text.isdigit()) or len(text) > 18:
            return None
        index = int(text) - _FIRST[kind]
        return index if index >= 0 else None


class GuidIds:
    """GUIDs that look random: the last group is the index times an odd number, which can be undone."""

    def __init__(self, seed: int) -> None:
        self._parts: dict[str, tuple[str, int]] = {}
        for kind in KINDS:
            head = f"{derive(seed, kind, 'head'):016x}"
            salt = derive(seed, kind, "salt") & _GUID_MASK
            self._parts[kind] = f"{head[:8]}-{head[8:12]}-4{head[13:]}-a{head[1:4]}-", salt

    def text(self, kind: str, index: int) -> str:
        head, salt = self._parts[kind]
        return f"{head}{index * _GUID_ODD + salt & _GUID_MASK:012x}"

    def index(self, kind: str, text: str) -> int | None:
        head, salt = self._parts[kind]
        if not text.startswith(head):
            return None
        try:
            low = int(text[len(head) :], 16)
        except ValueError:
            return None
        index = (low - salt) * _GUID_BACK & _GUID_MASK
        return index if self.text(kind, index) == text else None


class RenamedIds:
    """Names of which some kinds have a mark in front, as after a change of the year or of the version."""

    def __init__(self, ids: Ids, marks: dict[str, str]) -> None:
        self._ids, self._marks = ids, marks

    def text(self, kind: str, index: int) -> str:
        return self._marks.get(kind, "") + self._ids.text(kind, index)

    def index(self, kind: str, text: str) -> int | None:
        mark = self._marks.get(kind, "")
        return self._ids.index(kind, text[len(mark) :]) if text.startswith(mark) else None


class ZeroedIds:
    """Digit strings with leading zeros, which are lost as soon as somebody reads them as numbers."""

    def text(self, kind: str, index: int) -> str:
        head, digits = _SHAPE[kind]
        return f"{head}{index + 1:0{digits}d}"

    def index(self, kind: str, text: str) -> int | None:
        head, _ = _SHAPE[kind]
        tail = text[len(head) :]
        if not text.startswith(head) or not (tail.isascii() and tail.isdigit()) or len(tail) > 18:
            return None
        index = int(tail) - 1
        return index if index >= 0 and self.text(kind, index) == text else None
