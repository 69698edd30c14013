"""What a thing in a list is called: what people write down, say on the telephone, or copy."""

from __future__ import annotations

from typing import Any

_NAMES = ("external_id", "record_key", "code", "id", "integration", "name")
_INSIDE = ("row", "change", "run", "integration", "tie")


def id_of(value: Any) -> str:
    """What people call a thing: its external id, the number of a run, the name of an integration; empty: none."""
    if isinstance(value, str | int):
        return str(value)
    if isinstance(value, dict):
        return next((str(value[one]) for one in _NAMES if value.get(one)), "")
    for name in _INSIDE:
        inner = getattr(value, name, None)
        if inner is not None and not isinstance(inner, str | int) and (found := id_of(inner)):
            return found
    named = (getattr(value, one, None) for one in _NAMES)
    return next((str(one) for one in named if one), "")
