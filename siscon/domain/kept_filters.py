"""A filter inside a command: its text as it was typed, the moment its ages count from, the zone of its dates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC
from zoneinfo import ZoneInfo

from siscon.domain.errors import UsageError
from siscon.domain.filters import ALL, Filter, Named, parse

TEXT, AT, ZONE = "filter", "filter_at_ms", "filter_zone"
WORDS = frozenset({TEXT, AT, ZONE})
"""The words of a pattern that a filter takes."""


def keep(where: Filter) -> dict[str, str]:
    """A filter as words of a pattern; none for a filter that every row passes."""
    return {TEXT: where.text, AT: str(where.at_ms), ZONE: str(where.zone)} if where else {}


def read(pattern: Mapping[str, str], known: Iterable[Named]) -> Filter:
    """The filter that was kept in a pattern, meaning what it meant when it was shown; all rows where there is none.

    Raises ``UsageError`` without a word of the filter itself, which may hold a pupil's name: answers never do.
    """
    if not WORDS & pattern.keys():
        return ALL
    try:
        zone = UTC if pattern[ZONE] == "UTC" else ZoneInfo(pattern[ZONE])
        found = parse(pattern[TEXT], known, now_ms=int(pattern[AT]), zone=zone)
    except (KeyError, ValueError, OSError, UsageError):
        found = ALL
    if not found:
        raise UsageError(
            "The filter of this request means nothing here: filter the list anew, then ask again."
        )
    return found
