"""What SQLite finds wrong in a database file, without what it only believes to find."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

CHECK = "PRAGMA quick_check(1000)"
THOROUGH_CHECK = "PRAGMA integrity_check(1000)"
"""So many sentences at the most; a false alarm must not hide what stands behind it."""
FALSE_ALARM = "NULL value in blackout_news.end_ms"
"""SQLite 3.40 says so of every row of a table without rowid in which a column stands before one of the key, as did
this one before schema 14."""


class Told(Protocol):
    """A row that holds a sentence."""

    def __getitem__(self, key: int, /) -> Any: ...


def faults(verdict: Iterable[Told]) -> list[str]:
    """The sentences of a check that mean something; none: the file is sound."""
    told = (str(row[0]) for row in verdict)
    return [text for text in told if text not in ("ok", FALSE_ALARM)]
