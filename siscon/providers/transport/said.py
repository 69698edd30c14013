"""What an SIS says of a refusal: one safe line for the log, and what its code means for people.

Secrets go before anything is cut, for half a secret is one, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from siscon.domain.privacy import Secret, strike
from siscon.domain.text import plain
from siscon.providers.contract import Answer

READ_BYTES = 256 * 1024
"""Of a larger refusal nothing is read: no message is that long."""

_MESSAGES = ("imsx_description", "message", "error_description", "error", "detail", "title")
_WITHIN = ("imsx_statusInfo", "statusInfoSet", "errorMessageList", "errors", "error", "errorMessage")
"""Where servers put what belongs at the top (OneRoster 1.1, section 3.5; 1.2 has it flat)."""
_NESTED_MOST = 3

_MEANING: Mapping[str, str] = {
    "unknownobject": "The SIS does not know what was asked for: it is gone, or lies elsewhere in its version. Check "
    "base_url, version and rostering_path.",
    "invalidfilterfield": "The SIS cannot filter by a field that siscon names: look for a setting that leaves out "
    "the filter, and whether version fits.",
    "invalidselectionfield": "The SIS does not know a field that siscon asks for: look whether version fits.",
    "invalidsortfield": "The SIS cannot sort by the field that siscon names: set sort to another one, or to nothing.",
    "invaliddata": "The SIS does not accept a value of the request: lower page_size, and look whether version fits.",
    "forbidden": "The login lacks a permission or scope: ask the district to grant it.",
    "serverbusy": "The SIS has more to do than it can: sync again later, or lower requests_per_minute.",
    "unsupported": "The SIS does not offer this list: leave out the entities that need it.",
    "unsupportedoperation": "The SIS does not offer this list: leave out the entities that need it.",
}
"""The minor codes of OneRoster (1.2 REST binding, imsx_codeMinorFieldValue), in whichever way they are spelt."""


def said(answer: Answer, secrets: Iterable[Secret] = ()) -> str:
    """What the server says of itself, in one safe line for the log; never a body as a whole."""
    known = tuple(secrets)
    text = strike(_text(answer), known)
    if text.startswith("<"):
        words = "a web page: " + re.sub(r"<[^>]*>|\s+", " ", text).strip()[:80]
    else:
        words = strike(_message(_value(text)), known)
    return plain(words, limit=200)


def struck(answer: Answer, secrets: Iterable[Secret]) -> Answer:
    """A refusal without the secrets that it repeats, for providers who quote it."""
    known = tuple(secrets)
    headers = {name: strike(value, known) for name, value in answer.headers.items()}
    text = _text(answer)
    clean = strike(text, known)
    same = clean == text and len(answer.body) <= READ_BYTES
    return replace(answer, headers=headers, body=answer.body if same else clean.encode())


def meaning_of(answer: Answer) -> str | None:
    """What to do about the code that a OneRoster server gives; None for a body that is not of that kind."""
    for info in _infos(_value(_text(answer)), 0):
        for code in _codes(info):
            meaning = _MEANING.get(re.sub(r"[\W_]", "", code).lower())
            if meaning is not None:
                return meaning
    return None


def _text(answer: Answer) -> str:
    if len(answer.body) > READ_BYTES:
        return ""
    return answer.body.decode("utf-8", "replace").replace("\0", "").strip("\ufeff \t\r\n")


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _infos(value: Any, depth: int) -> list[Mapping[str, Any]]:
    """The objects that may tell what went wrong, the outer ones first."""
    if depth > _NESTED_MOST:
        return []
    if isinstance(value, list):
        return [info for one in value[:20] for info in _infos(one, depth + 1)]
    if not isinstance(value, dict):
        return []
    own = [] if value.get("imsx_codeMajor") == "success" else [value]
    return [*own, *(info for name in _WITHIN for info in _infos(value.get(name), depth + 1))]


def _message(value: Any) -> str:
    for info in _infos(value, 0):
        for name in _MESSAGES:
            if isinstance(info.get(name), str) and info[name].strip():
                return str(info[name])
    return ""


def _codes(info: Mapping[str, Any]) -> list[str]:
    """The minor codes of a status: a word, or pairs of field and word as the standard has it."""
    found: list[Any] = []
    for name in ("imsx_codeMinor", "imsx_CodeMinor", "code"):
        told = info.get(name)
        fields = told.get("imsx_codeMinorField") if isinstance(told, dict) else None
        pairs = fields if isinstance(fields, list) else [fields]
        found += [told, *(one.get("imsx_codeMinorFieldValue") for one in pairs if isinstance(one, dict))]
    return [one for one in found if isinstance(one, str)]
