"""What the audit, and whoever reads it, is told of a command: never a value of a pupil's field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from siscon.domain import kept_filters
from siscon.domain.commands import Command
from siscon.domain.filters import names_in

SETTINGS = "use settings"
"""The act by which an engine says which configuration it goes by."""
TOLD_OF_A_PATTERN = frozenset({"entity", "field", "code", "run", "section", "school"})
"""Of a pattern these words are no pupil's data."""

COLUMNS_TOLD = frozenset(
    {"age", "attempts", "category", "cause", "code", "entity", "external_id", "field", "fields", "first_seen"}
    | {"first_seen_at", "id", "integration", "internal", "internal_id", "kind", "last_seen", "last_seen_at"}
    | {"number", "opened", "opened_at", "other", "other_external_id", "reason", "run", "run_id", "seen"}
    | {"severity", "tries", "why"}
)
"""Of a filter these names of columns; a word before a sign may be anybody's that it does not name."""


def for_audit(command: Command) -> dict[str, Any]:
    """What the audit says of a command: everything but values of pupils' fields, of which it names the fields alone."""
    told = asdict(command)
    if isinstance(choices := told.get("choices"), Mapping):
        told["choices"] = {name: "a value" if one.startswith("=") else one for name, one in choices.items()}
    if isinstance(where := told.get("where"), Mapping):
        told["where"] = {name: _told_of(name, one) for name, one in where.items()}
    if isinstance(fields := told.get("fields"), Mapping):
        told["fields"] = sorted(fields)
    return told


def _told_of(name: str, value: str) -> Any:
    if name == kept_filters.TEXT:
        return [one if one in COLUMNS_TOLD else "a value" for one in names_in(value)]
    return value if name in TOLD_OF_A_PATTERN else "a value"
