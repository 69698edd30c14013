"""What keys are called: as people write them, as the console's library does, and which of them a terminal can send."""

from __future__ import annotations

import string
import unicodedata
from difflib import get_close_matches

from siscon.domain.text import plain

_SIGNS = {
    "solidus": "slash",
    "reverse_solidus": "backslash",
    "commercial_at": "at",
    "hyphen_minus": "minus",
    "plus_sign": "plus",
    "low_line": "underscore",
}
"""Signs that the library calls by another name than Unicode does."""


def _name_of(sign: str) -> str:
    if sign.isalnum():
        return sign
    name = unicodedata.name(sign, "").lower().replace("-", "_").replace(" ", "_")
    return _SIGNS.get(name, name)


_SIGN_OF = {_name_of(one): one for one in string.punctuation}
_PEOPLE_SAY = {
    "esc": "escape",
    "return": "enter",
    "page down": "pagedown",
    "page up": "pageup",
    "del": "delete",
    "ins": "insert",
}
_WORDS = {"escape": "esc", "pagedown": "page down", "pageup": "page up", **_SIGN_OF}

_NAMED = frozenset(
    (
        *("enter", "escape", "tab", "shift+tab", "space", "backspace", "insert", "delete"),
        *("home", "end", "pageup", "pagedown", "up", "down", "left", "right"),
        *(f"{how}+{way}" for how in ("shift", "ctrl") for way in ("up", "down", "left", "right")),
        *(f"f{number}" for number in range(1, 13)),
        *(f"ctrl+{letter}" for letter in string.ascii_lowercase if letter not in "him"),
        *("ctrl+@", "ctrl+space"),
        *("ctrl+backslash", "ctrl+right_square_bracket", "ctrl+underscore", "ctrl+circumflex_accent"),
    )
)
"""Keys beside those of one sign that every terminal sends as themselves."""
_SAME = {
    "ctrl+i": "tab",
    "ctrl+m": "enter",
    "ctrl+h": "backspace",
    "ctrl+left_square_bracket": "escape",
}
"""Keys that a terminal sends as others."""


def key_name(written: str) -> str:
    """A key as the library calls it, by what people write: ``/`` is ``slash``, ``Ctrl+P`` is ``ctrl+p``."""
    if len(written) == 1:
        return "space" if written == " " else _name_of(written)
    name = written.strip().lower()
    name = _PEOPLE_SAY.get(name, name)
    head, plus, last = name.rpartition("+")
    if plus and head and len(last) == 1 and name != "ctrl+@":
        return f"{head}+{_name_of(last)}"
    return name


def key_word(key: str) -> str:
    """A key as it is written for people."""
    head, plus, last = key.rpartition("+")
    return f"{head}{plus}{_WORDS.get(last, last)}"


def why_no_key(written: str) -> str:
    """Why nobody can press a key that was written so; empty where it can be pressed."""
    name = key_name(written)
    if name in _NAMED or name in _SIGN_OF or (len(name) == 1 and name.isalnum()):
        return ""
    said = f"'{plain(written, limit=40)}'"
    if len(written) == 1:
        return "" if name and written.isprintable() else f"{said} is no key that a terminal sends"
    if name in _SAME:
        return f"a terminal sends {said} as {key_word(_SAME[name])}: choose another"
    head, plus, last = name.rpartition("+")
    if head == "shift" and len(last) == 1 and last.isalpha():
        return f"a terminal sends {said} as a capital: write {last.upper()}"
    if plus and set(head.split("+")) <= {"shift", "ctrl", "alt", "meta", "super", "hyper"}:
        return f"not every terminal sends {said}: choose another"
    near = get_close_matches(name, [*_NAMED, *_SIGN_OF], n=1, cutoff=0.6)
    return f"there is no key {said}" + (
        f": did you mean {near[0]}?" if near else ": write one such as R, ctrl+r or f5"
    )
