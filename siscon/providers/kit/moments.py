"""When the SIS last changed its records, as it writes it down: aware moments only, nobody guesses a zone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

LONGEST = 40
"""No moment is written with more characters."""


def as_moment(value: Any) -> str | None:
    """ISO 8601 text with an offset as it is; None for anything else, for nobody knows which moment it is."""
    return value if type(value) is str and _is_moment(value) else None


def _is_moment(text: str) -> bool:
    try:
        return len(text) <= LONGEST and datetime.fromisoformat(text).tzinfo is not None and text.isascii()
    except ValueError:
        return False


def latest_of(told: Iterable[tuple[str, Any]]) -> dict[str, str]:
    """External id -> the latest of what is told of it; an id is left out where one of its moments is unknown."""
    pairs = told if isinstance(told, list) else list(told)
    found: dict[str, Any] = dict(pairs)
    if len(found) < len(pairs):
        found = {}
        for external_id, value in pairs:
            moment = as_moment(value)
            found[external_id] = later(found[external_id], moment) if external_id in found else moment
    return {one: value for one, value in found.items() if type(value) is str and _is_moment(value)}


def later(one: str | None, other: str | None) -> str | None:
    """The later of two moments; None where one of them is unknown."""
    if not one or not other:
        return None
    return one if datetime.fromisoformat(one) >= datetime.fromisoformat(other) else other


def together(pages: Iterable[tuple[Iterable[str], Mapping[str, str]]]) -> dict[str, str]:
    """The moments of several answers of which each brought some ids: what all that bring an id agree to tell of it."""
    return latest_of((one, told.get(one)) for ids, told in pages for one in ids)
