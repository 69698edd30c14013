"""A filter as a clause of SQL, for every list: see ``siscon.domain.filters`` for what it means. Parameters only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from siscon.domain.filters import Filter, Kind, Named, Sign, Term, is_moment
from siscon.store.folding import FOLDED

Fields = Mapping[Named, str]
"""The columns of a list by which it can be filtered, and the SQL expression of each: this program's, never foreign."""

_LAST = 0x10FFFF


def clause(where: Filter, fields: Fields) -> str:
    """The condition, true or false and never NULL, whose placeholders :func:`params` fills; ``TRUE`` for every row."""
    return " AND ".join(_term(n, term, fields) for n, term in enumerate(where.terms)) or "TRUE"


def params(where: Filter) -> dict[str, Any]:
    """The values of the placeholders in the clause."""
    told: dict[str, Any] = {}
    for n, term in enumerate(where.terms):
        told |= {f"w{n}": term.value, f"w{n}_low": term.low, f"w{n}_high": term.high}
        if term.sign is Sign.BEGINS:
            told |= {f"w{n}_size": len(term.value), f"w{n}_last": after_all_with(term.value)}
    return told


def _term(n: int, term: Term, fields: Fields) -> str:
    if term.column is None:
        shown = [sql for column, sql in fields.items() if not is_moment(column)]
        condition = " OR ".join(_bare(n, term, sql) for sql in shown)
    else:
        condition = _about(n, term, term.column, fields[term.column])
    # Of what is NULL nothing holds, so its inversion does; the row is looked up by an index where it is not inverted.
    return f"NOT coalesce(({condition}), FALSE)" if term.inverted else f"({condition})"


def _bare(n: int, term: Term, sql: str) -> str:
    text = FOLDED.format(value=sql)
    return (
        f"substr({text}, 1, :w{n}_size) = :w{n}" if term.sign is Sign.BEGINS else f"instr({text}, :w{n}) > 0"
    )


def _about(n: int, term: Term, column: Named, sql: str) -> str:
    if term.sign is Sign.EMPTY:
        return f"{sql} IS NULL OR {sql} = ''"
    if term.sign is Sign.WITHIN:
        ends = [f"{sql} >= :w{n}_low"] if term.low is not None else []
        ends += [f"{sql} < :w{n}_high"] if term.high is not None else []
        return " AND ".join(ends)
    if term.sign is Sign.IS:
        text = FOLDED.format(value=sql) if column.kind is Kind.TEXT else sql
        return f"{sql} <> '' AND {text} = :w{n}" if column.kind is Kind.TEXT else f"{text} = :w{n}"
    if column.kind is Kind.TEXT:
        return f"{sql} <> '' AND substr({FOLDED.format(value=sql)}, 1, :w{n}_size) = :w{n}"
    return f"{sql} >= :w{n} AND (:w{n}_last IS NULL OR {sql} < :w{n}_last)"


def after_all_with(prefix: str) -> str | None:
    """The least text after all that begin with ``prefix``, as SQLite orders them; None where there is none."""
    for at in range(len(prefix) - 1, -1, -1):
        code = ord(prefix[at])
        if code < _LAST:
            following = 0xE000 if code == 0xD7FF else code + 1  # what lies between is half a letter
            return prefix[:at] + chr(following)
    return None
