"""The one language in which every list is narrowed: what a person types, as terms that must all hold.

Rows in memory are held against a filter here, those of the database by ``siscon.store.filtering``: it means the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum

from siscon.domain.errors import UsageError
from siscon.domain.identity import folded
from siscon.domain.text import is_storable, plain

Value = str | int | None


class Kind(StrEnum):
    """What a column holds, and so what it may be compared with."""

    TEXT = "text"  # for people: case does not count
    ID = "id"  # somebody else's: compared as it stands
    WORD = "word"  # one of siscon's own, in small letters
    NUMBER = "number"
    PAST = "past"  # a moment: a length of time counts back from now
    AHEAD = "ahead"  # a moment to come: a length of time counts from now on


@dataclass(frozen=True, slots=True)
class Named:
    """A column by the name that a filter calls it; ``also`` are other names for it."""

    name: str
    kind: Kind = Kind.TEXT
    also: tuple[str, ...] = ()


class Sign(StrEnum):
    HOLDS = "holds"
    IS = "is"
    BEGINS = "begins"
    EMPTY = "empty"
    WITHIN = "within"  # low <= value < high


@dataclass(frozen=True, slots=True)
class Term:
    """One condition. ``column`` None: any that is shown. ``value`` is folded where case does not count."""

    column: Named | None
    sign: Sign
    value: str = ""
    low: int | None = None
    high: int | None = None
    inverted: bool = False


@dataclass(frozen=True, slots=True)
class Filter:
    """Terms that must all hold; none: every row. ``text`` is what was typed, ``at_ms`` when: ages count from then.

    ``zone`` is that of its dates.
    """

    terms: tuple[Term, ...] = ()
    text: str = field(default="", compare=False)
    at_ms: int = field(default=0, compare=False)
    zone: tzinfo = field(default=UTC, compare=False)

    def __bool__(self) -> bool:
        return bool(self.terms)


@dataclass(frozen=True, slots=True)
class Order:
    """By which column rows stand, the least first; ``down``: the greatest first. Without a column: as they come."""

    column: str = ""
    down: bool = False


ALL = Filter()
"""Every row."""
AS_THEY_COME = Order()

LONGEST = 1000
MOST_TERMS = 20
_SIGNS = re.compile(r"([A-Za-z_]+)(!=|>=|<=|=|>|<)")
_SPAN = re.compile(r"([0-9]{1,6})(s|min|m|h|d|w)")
_MOMENT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:T([0-9]{2}:[0-9]{2})(:[0-9]{2})?)?")
_NUMBER = re.compile(r"#?(-?[0-9]{1,18})")
_SECONDS = {"s": 1, "min": 60, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_MOMENTS = (Kind.PAST, Kind.AHEAD)
_RANGED = (Kind.NUMBER, *_MOMENTS)


def parse(text: str, known: Iterable[Named], *, now_ms: int, zone: tzinfo = UTC) -> Filter:
    """What a person has typed, for a list with these columns; raises ``UsageError`` with what is wrong in it.

    ``okonkwo``: any column that is shown holds it; ``entity=student`` exactly, ``status!=synced`` not; ``id=S-10*``
    begins so; ``attempts>=3``, ``age>2d``, ``seen<2026-11-20``: numbers and times, dates those of ``zone``; ``field=``
    is empty; ``!`` in front turns a term round; quotes hold together what has blanks in it.
    """
    if len(text) > LONGEST or not is_storable(text):
        raise UsageError(f"A filter is text of at most {LONGEST} characters.", code="bad_filter")
    columns = {name: column for column in known for name in (column.name, *column.also)}
    found = (_term(word, columns, now_ms, zone) for word in _words(text))
    terms = tuple(one for one in found if one.column is not None or one.value)
    if len(terms) > MOST_TERMS:
        raise UsageError(f"A filter has at most {MOST_TERMS} terms.", code="bad_filter")
    return Filter(terms, text.strip(), now_ms, zone)


def names_in(text: str) -> list[str]:
    """What stands where a filter names its columns, whether there are such columns or not, each once."""
    try:
        found = [_SIGNS.match(one.text, int(one.text.startswith("!")), one.bare) for one in _words(text)]
    except UsageError:
        return []
    return list(dict.fromkeys(one[1].lower() if one else "" for one in found))


@dataclass(frozen=True, slots=True)
class _Word:
    """What stood between blanks: its text, where the first quote in it was opened, whether it ends in a bare star."""

    text: str
    bare: int
    starred: bool


def _words(text: str) -> Iterator[_Word]:
    letters, quoted, quotes, bare, last_quoted = list[str](), False, False, None, False
    for letter in [*text, " "]:
        if letter == '"':
            quoted, quotes = not quoted, True
            bare = len(letters) if bare is None else bare
        elif letter.isspace() and not quoted:
            if letters or quotes:
                word, starred = "".join(letters), bool(letters) and letters[-1] == "*" and not last_quoted
                yield _Word(word, len(word) if bare is None else bare, starred)
            letters, quotes, bare = [], False, None
        else:
            letters.append(letter)
            last_quoted = quoted
    if quoted:
        raise UsageError("A quote is not closed: write it in pairs.", code="bad_filter")


def _term(word: _Word, columns: Mapping[str, Named], now_ms: int, zone: tzinfo) -> Term:
    inverted = word.bare > 0 and word.text.startswith("!")
    start = 1 if inverted else 0
    named = _SIGNS.match(word.text, start, word.bare)
    if named is None:
        return _bare(word, start, inverted=inverted)
    name, sign = named.groups()
    column = columns.get(name.lower())
    if column is None:
        there = ", ".join(sorted({one.name for one in columns.values()}))
        raise UsageError(
            f"There is no column '{plain(name, limit=40)}' here. There are {there}. For the text itself put it in "
            "quotes.",
            code="no_such_column",
        )
    value = word.text[named.end() :]
    return _about(column, sign, value, word, now_ms, zone, inverted=inverted != (sign == "!="))


def _bare(word: _Word, start: int, *, inverted: bool) -> Term:
    text, sign = word.text[start:], Sign.HOLDS
    if word.starred and len(text) > 1:
        text, sign = text[:-1], Sign.BEGINS
    return Term(None, sign, folded(text), inverted=inverted)


def _about(
    column: Named, sign: str, value: str, word: _Word, now_ms: int, zone: tzinfo, *, inverted: bool
) -> Term:
    alike = sign in ("=", "!=")
    if alike and (not value or (value == "*" and word.starred)):
        return Term(column, Sign.EMPTY, inverted=inverted != (value == "*"))
    if column.kind in _RANGED:
        low, high = _bounds(column, "=" if alike else sign, value, now_ms, zone)
        return Term(column, Sign.WITHIN, low=low, high=high, inverted=inverted)
    if not alike:
        raise UsageError(
            f"{column.name} is no number and no time: it can be compared with = and != only.",
            code="bad_filter",
        )
    begins = word.starred
    value = value[:-1] if begins else value
    value = value.casefold() if column.kind is Kind.WORD else value
    value = folded(value) if column.kind is Kind.TEXT else value
    return Term(column, Sign.BEGINS if begins else Sign.IS, value, inverted=inverted)


def _bounds(column: Named, sign: str, value: str, now_ms: int, zone: tzinfo) -> tuple[int | None, int | None]:
    """The range that is meant: from the first on, before the second; None: no end."""
    if column.kind is Kind.NUMBER:
        return _ends(sign, *_number(column, value))
    span = _SPAN.fullmatch(value)
    if span is None:
        return _ends(sign, *_moment(column, value, zone))
    unit_ms = _SECONDS[span[2]] * 1000
    low, high = _ends(sign, int(span[1]) * unit_ms, (int(span[1]) + 1) * unit_ms, point=sign != "=")
    if column.kind is Kind.AHEAD:
        return _moved(low, now_ms), _moved(high, now_ms)
    # The older a moment, the smaller its number: the ends change places.
    return _moved(high, now_ms + 1, -1), _moved(low, now_ms + 1, -1)


def _moved(end: int | None, by: int, sign: int = 1) -> int | None:
    return None if end is None else by + sign * end


def _ends(sign: str, first: int, after: int, *, point: bool = False) -> tuple[int | None, int | None]:
    """The ends of what stands in a relation to the stretch from ``first`` to before ``after``."""
    after = first + 1 if point else after
    return {
        "=": (first, after),
        ">": (after, None),
        ">=": (first, None),
        "<": (None, first),
        "<=": (None, after),
    }[sign]


def _number(column: Named, value: str) -> tuple[int, int]:
    found = _NUMBER.fullmatch(value.replace(",", ""))
    if found is None:
        raise UsageError(
            f"{column.name} is a number: write it like {column.name}>=3.",
            code="bad_filter",
        )
    return int(found[1]), int(found[1]) + 1


def _moment(column: Named, value: str, zone: tzinfo) -> tuple[int, int]:
    found = _MOMENT.fullmatch(value.upper().removesuffix("Z"))
    day, minute, second = found.groups() if found is not None else ("", "", "")
    try:
        at = datetime.fromisoformat(f"{day}T{minute or '00:00'}{second or ''}")
        wide = timedelta(seconds=1) if second else timedelta(minutes=1) if minute else timedelta(days=1)
        there = UTC if value[-1] in "zZ" else zone
        ends = [one.replace(tzinfo=there).timestamp() for one in (at, at + wide)]
    except (ValueError, OverflowError):
        name = column.name
        raise UsageError(
            f"{name} is a time: write it like {name}>2d, {name}<12h or {name}>=2026-11-20.",
            code="bad_filter",
        ) from None
    return int(ends[0] * 1000), int(ends[1] * 1000)


def holding(text: str) -> Filter:
    """What holds a text as it stands, whatever signs are in it."""
    wanted = folded(text)
    return Filter((Term(None, Sign.HOLDS, wanted),), text) if wanted else ALL


def matches(where: Filter, values: Mapping[str, Value], shown: Iterable[str]) -> bool:
    """Whether a row is meant: ``values`` by the names of its columns, ``shown`` the texts that a bare term looks at."""
    texts: list[str] | None = None
    for term in where.terms:
        if term.column is not None:
            holds = _holds(term, values.get(term.column.name))
        else:
            texts = [folded(one) for one in shown] if texts is None else texts
            if term.sign is Sign.BEGINS:
                holds = any(one.startswith(term.value) for one in texts)
            else:
                holds = any(term.value in one for one in texts)
        if holds == term.inverted:
            return False
    return True


def _holds(term: Term, value: Value) -> bool:
    if term.sign is Sign.EMPTY or value is None or value == "":
        return term.sign is Sign.EMPTY and (value is None or value == "")
    if term.sign is Sign.WITHIN:
        return (
            isinstance(value, int)
            and (term.low is None or term.low <= value)
            and (term.high is None or value < term.high)
        )
    text = str(value)
    if term.column is not None and term.column.kind is Kind.TEXT:
        text = folded(text)
    return text.startswith(term.value) if term.sign is Sign.BEGINS else text == term.value


def texts_of(known: Iterable[Named], values: Mapping[str, Value]) -> list[str]:
    """The texts of a row that a bare term looks at in the database: all but moments."""
    told = [values.get(one.name) for one in known if one.kind not in _MOMENTS]
    return [str(one) for one in told if one is not None]


def is_moment(column: Named) -> bool:
    """Whether a column holds moments, which no bare text looks at."""
    return column.kind in _MOMENTS
