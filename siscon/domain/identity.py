"""Who is who: when an id came back as somebody else, and by what two records are possibly one person."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from siscon.domain.conflicts import ConflictKind
from siscon.domain.records import Entity

PEOPLE = (Entity.STAFF, Entity.STUDENT)
"""Entities whose records are people."""

SHOWN = (
    *("first_name", "middle_name", "last_name", "birth_date", "state_id", "local_id", "email", "username"),
    *("grade_level", "school", "schools", "status"),
)
"""What a person sees of two people to tell whether they are one."""

TELLING = ("first_name", "last_name", "birth_date", "state_id")
"""Fields by which a version of a person is another one than before."""

FEW = 5
"""What more records than this share (the address of an office, say) tells nothing of anybody."""

IDS = ("external_id", "alias", "split_off", "apart_from")
"""Names in an image that are no fields: the id that leads to the record, another one that does, one that does no
longer, and the id of a record that it was kept apart from.
"""

SAME, ANOTHER, MERGE, APART = "same", "another", "merge", "apart"

WORDS: Mapping[ConflictKind, tuple[str, ...]] = {
    ConflictKind.IDENTITY: (SAME, ANOTHER),
    ConflictKind.DUPLICATE: (MERGE, APART),
}
"""What may be decided of each kind of question about people."""

REASONS = {
    "state_id": "the same state id",
    "email": "the same e-mail",
    "name": "the same names and birth date",
    "id": "ids that differ only in how they are written",
}
"""What two records that are possibly one person have in common, in words; the surest first."""


def other_person(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """In words, by which fields a version of a person is another one than before; empty when it is the same.

    A birth date or state id tells only where both have one; names only when neither is like before. Of somebody with a
    name and the state id of before another birth date is a correction, as clerks make them.
    """
    told = []
    alike = _names_alike(before, now)
    if _differ(before.get("birth_date"), now.get("birth_date")) and not (
        alike and _same(folded, before, now, "state_id")
    ):
        told.append("another birth date")
    if _differ(folded(before.get("state_id") or ""), folded(now.get("state_id") or "")):
        told.append("another state id")
    if not alike:
        told.append("another first and last name")
    return ", ".join(told)


def _differ(one: str | None, other: str | None) -> bool:
    return bool(one and other and one != other)


def _names_alike(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    first, last = letters(before.get("first_name") or ""), letters(before.get("last_name") or "")
    first_now, last_now = letters(now.get("first_name") or ""), letters(now.get("last_name") or "")
    if not all((first, last, first_now, last_now)):
        return True
    if is_like(first, first_now) or is_like(last, last_now):
        return True
    return is_like(first, last_now) and is_like(last, first_now)


def is_like(one: str, other: str) -> bool:
    """Whether two names (of letters alone) may be one by a slip of the pen, or one is the longer form of the other."""
    shorter, longer = sorted((one, other), key=len)
    if len(shorter) >= 3 and (longer.startswith(shorter) or longer.endswith(shorter)):
        return True
    slips = 0 if len(longer) < 3 else 1 if len(longer) < 6 else 2
    return _distance(shorter, longer, most=2) <= slips


def _distance(one: str, other: str, *, most: int) -> int:
    """How many letters must be changed, put in, taken out or exchanged with the next; ``most`` + 1: more."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    older: list[int] = []
    last = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, theirs in enumerate(other, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != theirs))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == theirs:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
        older, last = last, row
    return last[-1]


def folded(text: str) -> str:
    """An id as twins share it: composed, without case, without what cannot be seen, without white space around."""
    seen = "".join(one for one in unicodedata.normalize("NFC", text) if unicodedata.category(one) != "Cf")
    return unicodedata.normalize("NFC", seen.strip().casefold())


def letters(text: str) -> str:
    """A name as namesakes share it: letters and digits alone, without case and accents."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(one for one in unicodedata.normalize("NFKD", plain) if one.isalnum())


def in_common(one: Mapping[str, Any], other: Mapping[str, Any], *, ids: tuple[str, str]) -> str:
    """In words, by what two records (with their ids) are possibly one person; empty when by nothing.

    An e-mail is often a family's: of two whose birth dates differ it tells nothing.
    """
    born, born_too = one.get("birth_date"), other.get("birth_date")
    found = {
        "state_id": _same(folded, one, other, "state_id"),
        "email": _same(folded, one, other, "email") and not _differ(born, born_too),
        "name": bool(born) and born == born_too and _namesakes(one, other),
        "id": folded(ids[0]) == folded(ids[1]),
    }
    return ", ".join(words for key, words in REASONS.items() if found[key])


def _same(rule: Callable[[str], str], one: Mapping[str, Any], other: Mapping[str, Any], name: str) -> bool:
    mine, theirs = rule(one.get(name) or ""), rule(other.get(name) or "")
    return bool(mine) and mine == theirs


def _namesakes(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(_same(letters, one, other, name) for name in ("first_name", "last_name"))
