"""Whom records refer to: the ids that their fields name, and the same fields with other names for these."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from siscon.domain.records import FIELDS, Entity


def referred_to(entity: Entity, bodies: Iterable[Mapping[str, Any]]) -> dict[Entity, set[Any]]:
    """Each entity that a record of this one may refer to, with the ids that these fields name."""
    found: dict[Entity, set[Any]] = {}
    rules = [
        (rule.name, rule.many, found.setdefault(rule.refers_to, set()))
        for rule in FIELDS[entity]
        if rule.refers_to is not None
    ]
    for fields in bodies:
        for name, many, ids in rules:
            value = fields.get(name)
            if value:
                ids.update(value if many else (value,))
    return found


def renamed(
    entity: Entity, fields: Mapping[str, Any], name_of: Callable[[Entity, Any], Any]
) -> dict[str, Any]:
    """The fields with what ``name_of`` calls each record that they refer to; of several a tuple."""
    told = dict(fields)
    for rule in FIELDS[entity]:
        value, target = told.get(rule.name), rule.refers_to
        if target is not None and value:
            told[rule.name] = (
                tuple(name_of(target, one) for one in value) if rule.many else name_of(target, value)
            )
    return told
