"""What the audit, and whoever reads it, is told of a command: never a value of a pupil's field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from siscon.domain.commands import Command

TOLD_OF_A_PATTERN = frozenset({"entity", "field", "code", "run", "section", "school"})
"""Of a pattern these words are no pupil's data."""


def for_audit(command: Command) -> dict[str, Any]:
    """What the audit says of a command: everything but values of pupils' fields, of which it names the fields alone."""
    told = asdict(command)
    if isinstance(choices := told.get("choices"), Mapping):
        told["choices"] = {name: "a value" if one.startswith("=") else one for name, one in choices.items()}
    if isinstance(where := told.get("where"), Mapping):
        told["where"] = {name: one if name in TOLD_OF_A_PATTERN else "a value" for name, one in where.items()}
    if isinstance(fields := told.get("fields"), Mapping):
        told["fields"] = sorted(fields)
    return told
