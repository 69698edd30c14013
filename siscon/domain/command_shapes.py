"""Whether what stands in the table of commands is what a command holds. Anybody who can write there may write anything;
a command that cannot be carried out for its shape must not keep the others waiting.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

MOST = 2**63 - 1


def _text(value: Any) -> bool:
    return isinstance(value, str) and not any("\ud800" <= one <= "\udfff" for one in value)


def _number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MOST


def _several(of: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, tuple) and all(map(of, value))


def _named(of: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: (
        isinstance(value, Mapping) and all(_text(key) and of(one) for key, one in value.items())
    )


def _or_none(of: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or of(value)


FITS: Mapping[str, Callable[[Any], bool]] = {
    "str": _text,
    "int": _number,
    "float": lambda value: _number(value) or isinstance(value, float),
    "bool": lambda value: isinstance(value, bool),
    "int | None": _or_none(_number),
    "tuple[str, ...]": _several(_text),
    "tuple[int, ...]": _several(_number),
    "Mapping[str, str]": _named(_text),
    "Mapping[str, str | None]": _named(_or_none(_text)),
}
"""Type of a field as it is written there -> whether a value is of it."""
