"""A district's own wishes on OneRoster rows: orgs that are left out, fields below ``metadata`` that are kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from siscon.domain.records import Part, Record, Staff, Student, custom_text
from siscon.providers.kit.coerce import as_map, as_text
from siscon.providers.kit.decode import PageDecoder
from siscon.providers.oneroster import wire
from siscon.providers.oneroster.settings import OneRosterSettings

ToRecord = Callable[[Any], Record | Part | None]
OrgsOf = Callable[[Any], Sequence[str]]


def _ref_at(key: str) -> OrgsOf:
    def orgs(row: Mapping[str, Any]) -> Sequence[str]:
        found = (row.get(key) or {}).get("sourcedId")
        return [found] if found else []

    return orgs


_ORGS_OF: Mapping[PageDecoder, OrgsOf] = {
    wire.SCHOOLS: lambda row: [row["sourcedId"]] if row.get("sourcedId") else [],
    wire.STUDENTS: wire.orgs_of,
    wire.TEACHERS: wire.orgs_of,
    wire.COURSES: _ref_at("org"),
    wire.SECTIONS: _ref_at("school"),
    wire.TEACHINGS: _ref_at("school"),
    wire.ENROLLMENTS: _ref_at("school"),
}
"""The orgs that a row belongs to, by the list that it stands in; demographics belong to their student."""


def fitted(decoder: PageDecoder, settings: OneRosterSettings) -> PageDecoder:
    """The decoder of a list as the settings want it; the same one where they ask for nothing special."""
    excluded, names = frozenset(settings.exclude_orgs), settings.custom_fields
    orgs_of = _ORGS_OF.get(decoder, lambda _row: [])
    if excluded:
        decoder = decoder.adapted(lambda to_record: _without_orgs(to_record, orgs_of, excluded))
    return decoder.adapted(lambda to_record: _with_custom(to_record, names)) if names else decoder


def _without_orgs(to_record: ToRecord, orgs_of: OrgsOf, excluded: Collection[str]) -> ToRecord:
    """Rows that belong to excluded orgs alone are left out; people of several schools keep the others."""

    def make(row: Any) -> Record | Part | None:
        orgs = orgs_of(row)
        kept = [one for one in orgs if one not in excluded]
        if orgs and not kept:
            return None
        record = to_record(row)
        if isinstance(record, Student) and record.school in excluded:
            return replace(record, school=kept[0])
        if isinstance(record, Staff):
            return replace(record, schools=tuple(one for one in record.schools if one not in excluded))
        return record

    return make


def _with_custom(to_record: ToRecord, names: Sequence[str]) -> ToRecord:
    def make(row: Any) -> Record | Part | None:
        record = to_record(row)
        if record is None or isinstance(record, Part):
            return record
        told = as_map(row.get("metadata"))
        return replace(record, custom=custom_text({name: _text(told.get(name), name) for name in names}))

    return make


def _text(value: Any, name: str) -> str | None:
    """A vendor's own value as text: what is neither text nor a whole number as JSON."""
    if value is None or type(value) in (str, int):
        return as_text(value, f"metadata.{name}")
    return as_text(json.dumps(value, separators=(",", ":")), f"metadata.{name}")
