"""What a provider has read, beside what the sandbox knows to be true."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from siscon.domain.records import Entity, Part, Record, to_dict
from siscon.providers.contract import Page
from siscon.sandbox import truth
from siscon.sandbox.systems import ALL_SYSTEMS


def laid_over(pages: list[Page]) -> dict[str, Record]:
    """Records with their parts laid over them, as the engine does it."""
    every = [one for page in pages for one in page.records]
    found = {one.external_id: one for one in every if not isinstance(one, Part)}
    parts = {(one.external_id, one.part_id): one for one in every if isinstance(one, Part)}
    for (external_id, _), part in sorted(parts.items()):
        if external_id in found:
            record = found[external_id]
            fields = {
                name: (*getattr(record, name), *(one for one in value if one not in getattr(record, name)))
                if isinstance(value, tuple)
                else value
                for name, value in part.fields.items()
            }
            found[external_id] = replace(record, **fields)
    return found


def differences(
    system: str, district: Any, entity: Entity, found: dict[str, Record]
) -> list[tuple[str, str, object, object]]:
    wanted = {row["external_id"]: row for row in truth.rows(ALL_SYSTEMS[system], district, entity.value)}
    broken = {row["external_id"] for row in truth.broken(ALL_SYSTEMS[system], district, entity.value)}
    wrong: list[tuple[str, str, object, object]] = [
        (external_id, "there", True, False) for external_id in found.keys() - wanted.keys() - broken
    ]
    for external_id, row in wanted.items():
        if external_id not in found:
            wrong.append((external_id, "there", False, True))
            continue
        values = to_dict(found[external_id])
        wrong += [
            (external_id, name, value, row[name]) for name, value in values.items() if value != row[name]
        ]
    return wrong
