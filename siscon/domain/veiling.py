"""What a viewer sees of personal values: initials of names, the year of a birth date, stars of all else."""

from __future__ import annotations

from typing import Any

from siscon.domain.privacy import STRUCK
from siscon.domain.records import FIELDS, Privacy

KEPT_BACK = (Privacy.PERSONAL, Privacy.PROTECTED)
PERSONAL = frozenset(rule.name for rules in FIELDS.values() for rule in rules if rule.privacy in KEPT_BACK)
"""Fields that are masked, of whatever entity; a name means the same everywhere."""
NAMES = frozenset({"first_name", "middle_name", "last_name"})
BIRTH = "birth_date"


def masked(field: str, value: Any) -> Any:
    """A value as a viewer sees it; what is empty stays so."""
    if isinstance(value, list | tuple):
        return [masked(field, one) for one in value]
    if isinstance(value, dict):
        return {name: masked(field, one) for name, one in value.items()}
    if not value or field not in PERSONAL:
        return value
    text = str(value)
    if field in NAMES:
        return f"{text[0]}."
    return text[:4] if field == BIRTH else STRUCK


def masked_within(told: Any) -> Any:
    """The same of all that stands under the name of a field, however deep."""
    if isinstance(told, dict):
        return {
            name: masked(name, one) if name in PERSONAL else masked_within(one) for name, one in told.items()
        }
    return [masked_within(one) for one in told] if isinstance(told, list) else told
