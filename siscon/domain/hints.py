"""What a webhook's body says: which records of which kind to look at again. Nothing else of it is ever used.

A body is read only after its signature was found right; what cannot be read is refused as a whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from siscon.domain.records import Entity
from siscon.domain.text import is_storable, plain
from siscon.domain.webhooks import Action, Hint, Message

MOST_EVENTS = 1000
MOST_IDS = 1000
"""Where one message names more records of a kind, all of that kind are looked at."""
MOST_ID_LENGTH = 200
MOST_WORD = 80
_MOST_TEXT = 500

IGNORE = "ignore"
"""In ``words``: the sender's event means nothing to us."""

ENTITY_WORDS: Mapping[str, Entity] = {
    **{one.value: one for one in Entity},
    **{f"{one.value}s": one for one in Entity},
    "org": Entity.SCHOOL,
    "orgs": Entity.SCHOOL,
    "teacher": Entity.STAFF,
    "teachers": Entity.STAFF,
    "pupil": Entity.STUDENT,
    "pupils": Entity.STUDENT,
    "class": Entity.SECTION,
    "classes": Entity.SECTION,
}
ACTION_WORDS: Mapping[str, Action] = {
    **dict.fromkeys(("created", "create", "added", "add", "insert", "inserted", "new"), Action.CREATED),
    **dict.fromkeys(("changed", "change", "updated", "update", "modified"), Action.CHANGED),
    **dict.fromkeys(
        ("removed", "remove", "deleted", "delete", "dropped", "withdrawn", "inactive"), Action.REMOVED
    ),
}
_EVENT_KEYS = ("type", "event", "event_type", "eventType", "action")
_ENTITY_KEYS = ("entity", "resource_type", "resourceType")
_ID_KEYS = ("id", "ids", "external_id", "external_ids", "sourcedId", "sourcedIds")
_EVENT_ID_KEYS = ("event_id", "eventId")
_RESOURCE_KEYS = ("resource", "ref")
_RESOURCE = re.compile(r"/([A-Za-z_]+)/([A-Za-z0-9._-]+|\*)/?$")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


class Unreadable(Exception):
    """A body that is no JSON, or holds what no record can be named by; the text says which."""


def read(body: bytes, words: Mapping[str, str] | None = None) -> Message:
    """The message in a body; ``words`` maps a sender's names of events to ours. Raises :class:`Unreadable`.

    An event that nobody knows is a message without hints.
    """
    told = _parsed(body)
    events = _events(told)
    found = [_event(one, words or {}) for one in events]
    event_id = _event_id(told) if isinstance(told, Mapping) else ""
    name = found[0][0] if len(found) == 1 else f"{len(found)} events"
    return Message(name, event_id, _merged(hint for _name, hints in found for hint in hints))


def meaning_of(word: str, words: Mapping[str, str]) -> tuple[Entity, Action] | None:
    """What a name of an event means: ``student.changed``, ``StudentUpdated``, or what ``words`` makes of it."""
    said = words.get(word, word)
    if said == IGNORE:
        return None
    parts = [one.lower() for one in _WORD.findall(said)]
    entities = [ENTITY_WORDS[one] for one in parts if one in ENTITY_WORDS]
    actions = [ACTION_WORDS[one] for one in parts if one in ACTION_WORDS]
    return (entities[-1], actions[-1] if actions else Action.CHANGED) if entities else None


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(
            body.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_number, parse_float=_Fraction
        )
    except Unreadable:
        raise
    except UnicodeDecodeError as error:
        raise Unreadable("it is not text in UTF-8") from error
    except RecursionError as error:
        raise Unreadable("it is nested too deeply") from error
    except ValueError as error:
        raise Unreadable("it is no JSON") from error


class _Fraction(str):
    """A number with a fraction or an exponent: it names no record."""

    __slots__ = ()


def _no_number(_text: str) -> NoReturn:
    raise Unreadable("it holds NaN or Infinity")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Unreadable("it has a key twice")
    return found


def _events(told: Any) -> list[Mapping[str, Any]]:
    inner = told.get("events") if isinstance(told, Mapping) else told
    found = inner if isinstance(inner, list) else [told]
    if not 0 < len(found) <= MOST_EVENTS:
        raise Unreadable(f"it holds not 1 to {MOST_EVENTS} events")
    if not all(isinstance(one, Mapping) for one in found):
        raise Unreadable("an event is no object")
    return found


def _event(told: Mapping[str, Any], words: Mapping[str, str]) -> tuple[str, list[Hint]]:
    """An event's name as it may be shown, and what it hints at."""
    word, entity = _text(told, _EVENT_KEYS), _text(told, _ENTITY_KEYS)
    resource = _RESOURCE.search(_text(told, _RESOURCE_KEYS))
    if resource is not None and meaning_of(resource[1], words) is None:
        resource = None
    if resource is not None:
        entity = entity or resource[1]
    name = plain(".".join(one for one in (entity, word) if one) or "(no name)", limit=MOST_WORD)
    meaning = _meaning(word, entity, words)
    if meaning is None:
        return name, []
    ids = _ids(told, meaning[0])
    if resource is not None and not ids and resource[2] != "*":
        ids = (resource[2],)
    return name, [Hint(*meaning, ids)]


def _meaning(word: str, entity: str, words: Mapping[str, str]) -> tuple[Entity, Action] | None:
    """What the event's name means; where it names no kind of record itself, the one that stands beside it."""
    if word in words or not entity:
        return meaning_of(word, words)
    kind = meaning_of(entity, words)
    alone = meaning_of(f"student.{word}", {})
    assert alone is not None, "the name holds a kind of record"
    return (kind[0], alone[1]) if kind is not None else None


def _ids(told: Mapping[str, Any], entity: Entity) -> tuple[str, ...]:
    """The ids of records; where an event has ``data``, those in it, for its own id stands outside."""
    data = told.get("data")
    places = [data.get("object"), data] if isinstance(data, Mapping) else []
    for place in [*places, told]:
        if not isinstance(place, Mapping):
            continue
        for key in (f"{entity}_id", f"{entity}_ids", *_ID_KEYS):
            if (value := place.get(key)) is not None:
                return _ids_in(value)
    return ()


def _ids_in(value: Any) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(dict.fromkeys(_id(one) for one in value))
    return (_id(value),)


def _id(value: Any) -> str:
    """An id as text. Of numbers only whole ones name a record, and only one way to write them."""
    if isinstance(value, bool) or not isinstance(value, str | int) or isinstance(value, _Fraction):
        raise Unreadable("an id is neither text nor a whole number")
    text = str(value).strip()
    if not 0 < len(text) <= MOST_ID_LENGTH or not is_storable(text) or not text.isprintable():
        raise Unreadable("an id is empty, too long or holds hidden characters")
    if text in (".", ".."):
        raise Unreadable("an id leads to another place of the system")
    return text


def _event_id(told: Mapping[str, Any]) -> str:
    text = _text(told, _EVENT_ID_KEYS)
    return text if len(text) <= MOST_ID_LENGTH and is_storable(text) and text.isprintable() else ""


def _text(told: Mapping[str, Any], keys: Iterable[str]) -> str:
    for key in keys:
        if isinstance(value := told.get(key), str) and len(value) <= _MOST_TEXT:
            return value
    return ""


def _merged(hints: Iterable[Hint]) -> tuple[Hint, ...]:
    """Equal hints once, ids of a kind together; too many, or none named: all of the kind."""
    named: dict[tuple[Entity, Action], dict[str, None]] = {}
    whole: set[tuple[Entity, Action]] = set()
    for one in hints:
        ids = named.setdefault((one.entity, one.action), {})
        ids.update(dict.fromkeys(one.ids))
        if not one.ids or len(ids) > MOST_IDS:
            whole.add((one.entity, one.action))
            ids.clear()
    return tuple(Hint(*key, () if key in whole else tuple(ids)) for key, ids in named.items())
