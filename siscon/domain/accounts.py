"""User names and e-mail addresses for people whom the SIS sends without: a template, and the next name that is free."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from siscon.domain.errors import UsageError
from siscon.domain.records import Entity
from siscon.domain.text import plain

OF_PEOPLE: Mapping[Entity, tuple[str, ...]] = {
    Entity.STUDENT: ("first", "middle", "last", "local_id", "grade", "birth_year", "school"),
    Entity.STAFF: ("first", "last", "local_id", "school"),
}
"""What a template may name of each kind of person; ``school`` is the number of the (first) school."""

USERNAME = "username"
NOBODY = "user"
"""The name of somebody of whom nothing can be written in ASCII, not even the local id."""
SHORTEST, LONGEST_LOCAL_PART = 8, 64
"""No limit may be lower than this, or numbers would not fit; no e-mail address may be longer before its @."""

ToAscii = Callable[[str], str]

_PIECE = re.compile(r"\{([^{}]*)\}|([^{}]+)|([{}])")
_PLACEHOLDER = re.compile(r"([a-z_]*)(?::(-?[1-9][0-9]?))?")
_STRANGE = re.compile(r"[^a-z0-9._-]+")
_DOTS = re.compile(r"\.{2,}")
_DOMAIN = re.compile(r"(?=.{1,190}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])")


@dataclass(frozen=True, slots=True)
class Piece:
    """Text as it stands, or (with ``name``) a placeholder; ``take`` n: its first n letters, -n: its last n."""

    text: str = ""
    name: str = ""
    take: int | None = None


Template = tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class AccountRule:
    """How people of one kind are named. An empty template: that is not given. ``domain`` stands behind the @."""

    username: Template = ()
    email: Template = ()
    domain: str = ""
    longest: int = 20

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that are given."""
        return tuple(name for name, told in ((USERNAME, self.username), ("email", self.email)) if told)


def parse(text: str, known: Collection[str]) -> Template:
    """A template such as ``{first:1}{last}``; raises ``UsageError`` that says what is wrong with it."""
    pieces = [_piece(found, known) for found in _PIECE.finditer(text)]
    if not any(one.name for one in pieces):
        raise UsageError(f"names nothing of a person: use one of {_listed(known)}")
    return tuple(pieces)


def parse_email(text: str, known: Collection[str]) -> tuple[Template, str]:
    """The template before the @ and the domain behind it; raises ``UsageError`` that says what is wrong."""
    local, _at, domain = text.partition("@")
    if not _DOMAIN.fullmatch(domain):
        raise UsageError("must end in @ and a domain in small letters, such as @students.example.org")
    return parse(local, (*known, USERNAME)), domain


def _piece(part: re.Match[str], known: Collection[str]) -> Piece:
    inside, literal, _brace = part.groups()
    if literal is not None:
        if strange := _STRANGE.search(literal):
            told = plain(strange.group(), limit=20)
            raise UsageError(f"holds '{told}': beside placeholders only a-z, 0-9, dot, - and _ may stand")
        return Piece(text=literal)
    if inside is None:
        raise UsageError("has a brace without its other half")
    found = _PLACEHOLDER.fullmatch(inside)
    name = inside.partition(":")[0]
    if name not in known:
        close = get_close_matches(name, known, n=1, cutoff=0.6)
        hint = f"did you mean {{{close[0]}}}?" if close else f"known are {_listed(known)}"
        raise UsageError(f"there is no placeholder '{plain(name, limit=40)}': {hint}")
    if found is None:
        raise UsageError(
            f"after {{{name}: stands a number from 1 to 99, or from -1 to -99 for the last letters"
        )
    return Piece(name=name, take=int(found[2]) if found[2] else None)


def _listed(known: Collection[str]) -> str:
    return ", ".join(f"{{{one}}}" for one in known)


def stem_of(template: Template, told: Mapping[str, str | None], *, longest: int, to_ascii: ToAscii) -> str:
    """What a template makes of a person: a-z, 0-9, dot, - and _, never empty, at most ``longest``.

    Where every placeholder comes out empty it is the local id, and where that does too, ``user``.
    """
    values = {name: _tidied(told.get(name) or "", to_ascii) for name in {one.name for one in template}}
    if any(values[one.name] for one in template if one.name):
        made = "".join(one.text or _cut(values[one.name], one.take) for one in template)
    else:
        made = _tidied(told.get("local_id") or "", to_ascii)
    return _ended(made, longest) or NOBODY[:longest]


def _tidied(value: str, to_ascii: ToAscii) -> str:
    return _STRANGE.sub("", to_ascii(value).lower())


def _cut(value: str, take: int | None) -> str:
    if take is None:
        return value
    return value[:take] if take > 0 else value[take:]


def _ended(made: str, longest: int) -> str:
    """Without dots side by side and signs at the ends: mail servers refuse those."""
    return _DOTS.sub(".", made).strip("._-")[:longest].rstrip("._-")


def candidates(stem: str, *, longest: int, behind: str = "") -> Iterator[str]:
    """``kfox``, ``kfox2``, ``kfox3`` ...: each at most ``longest``, then what stands behind, without an end."""
    yield stem[:longest] + behind
    number = 2
    while True:
        tail = str(number)
        yield stem[: longest - len(tail)].rstrip("._-") + tail + behind
        number += 1


def told_of(fields: Mapping[str, str | None], *, school: str | None) -> dict[str, str | None]:
    """What templates may name of a record, by placeholder; ``school`` is the number of the school."""
    return {
        "first": fields.get("first_name"),
        "middle": fields.get("middle_name"),
        "last": fields.get("last_name"),
        "local_id": fields.get("local_id"),
        "grade": fields.get("grade_level"),
        "birth_year": (fields.get("birth_date") or "")[:4],
        "school": school,
        USERNAME: fields.get(USERNAME),
    }
