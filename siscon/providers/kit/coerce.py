"""Foreign values made ours, at the border: each function refuses with the field's name, never with the value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Any

from siscon.domain.errors import RecordError

MAX_TEXT = 4_000
MAX_ID = 256


def _refuse(field: str, rule: str, code: str) -> RecordError:
    return RecordError(
        f"{field} {rule}. Correct it in the SIS; the next sync applies it.", field=field, code=code
    )


def as_list(value: Any) -> list[Any]:
    """A list as it is, one object as a list of one, nothing (None or empty text) as an empty list."""
    if isinstance(value, list):
        return value
    return [] if value is None or value == "" else [value]


def as_map(value: Any) -> Mapping[str, Any]:
    """An object as it is; anything else (None, empty text, a list) as an empty one."""
    return value if isinstance(value, dict) else {}


def _keepable(text: str, field: str) -> str:
    """The text as it is; refused is what no database can keep."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise _refuse(field, "holds half a character (a lone surrogate)", "bad_text") from None
    if "\0" in text:
        raise _refuse(field, "holds a NUL character", "bad_text")
    if len(text) > MAX_TEXT:
        raise _refuse(field, f"is longer than {MAX_TEXT} characters", "too_long")
    return text


def required(value: str | None, field: str) -> str:
    """A value that a record cannot do without."""
    if not value or value.isspace():
        raise _refuse(field, "is missing", "missing_field")
    return value


def digits_as_text(value: Any) -> Any:
    """The same structure with each whole number as its digits, for an SIS that mixes ``7`` and ``"7"``."""
    if type(value) is int:
        return str(value)
    if type(value) is dict:
        return {key: digits_as_text(one) for key, one in value.items()}
    if type(value) is list:
        return [digits_as_text(one) for one in value]
    return value


def check_texts(row: Any, field: str = "record") -> None:
    """Refuse a row that holds text which no database can keep, wherever in it."""
    if type(row) is str:
        _keepable(row, field)
    elif type(row) is dict:
        for key, one in row.items():
            check_texts(one, key)
    elif type(row) is list:
        for one in row:
            check_texts(one, field)


def as_text(value: Any, field: str) -> str | None:
    """Text as it is; a JSON integer by its digits; nothing for None and empty text."""
    kind = type(value)
    if kind is str:
        if value.isprintable() and value.isascii() and len(value) <= MAX_TEXT:
            return value or None
        return _keepable(value, field) or None
    if value is None:
        return None
    if kind is int:
        return str(value)
    raise _refuse(field, "is neither text nor a whole number", "not_text")


def as_id(value: Any, field: str) -> str:
    """An id as opaque text: a JSON integer by its exact digits, text stripped of surrounding white space only."""
    if type(value) is int:
        return str(value)
    if type(value) is str:
        text = (value if value.isascii() and value.isprintable() else _keepable(value, field)).strip()
        if 0 < len(text) <= MAX_ID:
            return text
    elif value is not None:
        raise _refuse(field, "is neither text nor a whole number", "bad_id")
    raise _refuse(
        field, "is missing" if not value or not value.strip() else "is too long for an id", "bad_id"
    )


def as_ref(value: Any, field: str) -> str | None:
    """An id of another record; nothing for None and empty text."""
    return None if value is None or value == "" else as_id(value, field)


_TRUE = frozenset({"true", "1", "yes", "y"})
_FALSE = frozenset({"false", "0", "no", "n"})


def as_bool(value: Any, field: str) -> bool | None:
    """A JSON boolean, 0 or 1, or the words for them in any case; nothing for None and empty text."""
    if value is None or value == "":
        return None
    if type(value) is bool:
        return value
    if type(value) is int and value in (0, 1):
        return value == 1
    if type(value) is str:
        word = value.strip().lower()
        if word in _TRUE or word in _FALSE:
            return word in _TRUE
    raise _refuse(field, "is neither true nor false", "bad_choice")


_DATE = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?", re.ASCII
)


@lru_cache(maxsize=65_536)
def _calendar_date(text: str) -> str | None:
    match = _DATE.fullmatch(text.strip())
    if match is None:
        return None
    try:
        date.fromisoformat(match[1])
    except ValueError:
        return None
    return match[1]


def as_date(value: Any, field: str) -> str | None:
    """``YYYY-MM-DD``, or the date part of a timestamp as written; only days that exist; nothing for nothing."""
    if not value and (value is None or value == ""):
        return None
    found = _calendar_date(value) if type(value) is str and len(value) <= 64 else None
    if found is None:
        if type(value) is str and not value.strip():
            return None
        raise _refuse(field, "is not a calendar date (YYYY-MM-DD)", "bad_date")
    return found


def as_choice(value: Any, field: str, choices: Mapping[str, str], *, other: str | None = None) -> str:
    """Our word for theirs, compared without case (keys are in lower case); other words give ``other`` or refusal."""
    if type(value) is str and value in choices:
        return choices[value]
    text = str(value).strip().lower() if type(value) in (str, int) else ""
    found = choices.get(text, other)
    if found is None:
        raise _refuse(field, "is none of the words known for it", "bad_choice")
    return found
