"""What a page must look like: types, values and sizes, looked at by one table before anything of it is believed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

from siscon.domain.records import FIELDS, RECORDS, STATUSES, Entity, Part
from siscon.domain.text import plain
from siscon.engine.told import Told
from siscon.providers.contract import Page, Rejected

POSITION_BYTES = 64 * 1024
TOTAL_MOST = 10**12


def checked(told: Told, given: Any) -> Page:
    if not isinstance(given, Page):
        raise told.broken(f"gave {_kind(given)} in place of a page")
    _check_fields(told, given, PAGE_FIELDS)
    page = _settled(given)
    texts = {name for name, many in _MANY[told.entity].items() if not many} if told.entity else set()
    if any(type(name) is not str or name not in texts for name in page.absent_fields):
        raise told.broken("named an absent field that the record does not have, or that is no text")
    _check_records(told, page)
    for one in page.rejected:
        if not isinstance(one, Rejected):
            raise told.broken(f"gave {_kind(one)} in place of a rejected record")
        _check_fields(told, one, REJECTED_FIELDS)
    return page


def _check_fields(told: Told, thing: Page | Rejected, rules: Mapping[str, _Rule]) -> None:
    for name, rule in rules.items():
        value = getattr(thing, name)
        if not rule.fits(value):
            raise told.broken(f"gave {_kind(value)} as {name} that is not {rule.what}")


def _settled(page: Page) -> Page:
    """The page with its lists at rest: what makes its items as it is read could give others the next time."""
    if all(type(one) in (list, tuple) for one in (page.records, page.rejected, page.absent_fields)):
        return page
    return replace(
        page,
        records=tuple(page.records),
        rejected=tuple(page.rejected),
        absent_fields=tuple(page.absent_fields),
    )


def _check_records(told: Told, page: Page) -> None:
    assert told.entity is not None
    kind, is_fit = RECORDS[told.entity], _FITS[told.entity]
    for record in page.records:
        if type(record) is not kind:
            _check_part(told, told.entity, record)
        elif not _is_id(record.external_id) or not is_fit(record):
            raise told.broken("gave a record whose id or fields are not text, or whose status is none")


def _check_part(told: Told, entity: Entity, record: Any) -> None:
    if not isinstance(record, Part):
        raise told.broken(f"gave {_kind(record)} in a list of {entity} records")
    if record.entity != entity:
        raise told.broken(f"gave a part of another kind of record ({plain(str(record.entity), limit=20)})")
    if not (_is_id(record.external_id) and _is_id(record.part_id) and isinstance(record.fields, Mapping)):
        raise told.broken("gave a part whose ids are not text")
    many = _MANY[entity]
    for name, value in record.fields.items():
        is_fit = name in many and _fits(value, many=many[name])
        if not is_fit or (name == "status" and value not in STATUSES):
            raise told.broken("gave a part with a field that the record does not have, or that is not text")


def _is_text(value: Any) -> bool:
    """Whether a database can keep it: no half characters. A subclass of text might be something else each time."""
    try:
        return type(value) is str and value.encode() is not None
    except UnicodeEncodeError:
        return False


def _is_position(value: Any) -> bool:
    return value is None or (_is_text(value) and len(value.encode()) <= POSITION_BYTES)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray | memoryview)


def _is_total(value: Any) -> bool:
    return value is None or (type(value) is int and 0 <= value <= TOTAL_MOST)


def _are_texts(value: object) -> bool:
    return type(value) is dict and all(_is_text(text) for pair in value.items() for text in pair)


def _are_names(value: object) -> bool:
    return type(value) is tuple and all(_is_text(one) for one in value)


@dataclass(frozen=True, slots=True)
class _Rule:
    """What a field must be, as a test and in words."""

    fits: Callable[[Any], bool]
    what: str


_LIST = _Rule(_is_list, "a list")
_TEXT = _Rule(_is_text, "text that can be kept")
_TEXT_OR_NONE = _Rule(lambda value: value is None or _is_text(value), "text that can be kept, or None")
_POSITION = _Rule(_is_position, f"text of at most {POSITION_BYTES // 1024} KiB, or None")

PAGE_FIELDS: Mapping[str, _Rule] = {
    "records": _LIST,
    "resume": _POSITION,
    "rejected": _LIST,
    "total": _Rule(_is_total, "a number of records, or None"),
    "cursor": _POSITION,
    "note": _TEXT,
    "partial": _Rule(lambda value: type(value) is bool, "True or False"),
    "absent_fields": _LIST,
    "modified": _Rule(_are_texts, "a dict of texts by external id"),
}
REJECTED_FIELDS: Mapping[str, _Rule] = {
    "external_id": _TEXT_OR_NONE,
    "code": _TEXT,
    "sentence": _TEXT,
    "field": _TEXT_OR_NONE,
    "raw": _TEXT,
    "part": _TEXT,
    "fields": _Rule(_are_names, "a tuple of texts"),
}


def _is_id(value: Any) -> bool:
    return type(value) is str and bool(value)


def _fits(value: Any, *, many: bool) -> bool:
    if many:
        return isinstance(value, tuple | list) and all(type(one) is str for one in value)
    return value is None or type(value) is str


_TEXT_KINDS = frozenset({str, type(None)})
_MANY: Mapping[Entity, Mapping[str, bool]] = {
    entity: {rule.name: rule.many for rule in rules} for entity, rules in FIELDS.items()
}


def _fit_of(entity: Entity) -> Callable[[Any], bool]:
    texts_of = attrgetter("status", *(name for name, many in _MANY[entity].items() if not many))
    lists = [name for name, many in _MANY[entity].items() if many]
    return lambda record: (
        _TEXT_KINDS.issuperset(map(type, texts_of(record)))
        and all(_fits(getattr(record, name), many=True) for name in lists)
        and record.status in STATUSES
    )


_FITS: Mapping[Entity, Callable[[Any], bool]] = {entity: _fit_of(entity) for entity in Entity}


def _kind(value: Any) -> str:
    return plain(f"{type(value).__name__}", limit=60)
