"""A filter as a clause of SQL, for every list: see ``siscon.domain.filters`` for what it means. Parameters only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from siscon.domain.filters import Filter, Kind, Named, Sign, Term, is_moment
from siscon.store.folding import FOLDED


@dataclass(frozen=True, slots=True)
class FromJson:
    """Words with a blank between them, made of the fields of ``source``: JSON text, in which each can be seen."""

    sql: str
    source: str


Fields = Mapping[Named, str | FromJson]
"""The columns of a list by which it can be filtered, and the SQL expression of each: this program's, never foreign."""

# What is plain and not escaped can be looked for in JSON as it stands, many times faster than in the fields.
MAY_HOLD = """(instr(lower({source}), :w{n}_word) > 0 OR length({source}) <> length(CAST({source} AS BLOB))
  OR instr({source}, '\\') > 0)"""

_LAST = 0x10FFFF


def clause(where: Filter, fields: Fields) -> str:
    """The condition, true or false and never NULL, whose placeholders :func:`params` fills; ``TRUE`` for every row."""
    return " AND ".join(_term(n, term, fields) for n, term in enumerate(where.terms)) or "TRUE"


def params(where: Filter) -> dict[str, Any]:
    """The values of the placeholders in the clause."""
    told: dict[str, Any] = {}
    for n, term in enumerate(where.terms):
        told |= {f"w{n}": term.value, f"w{n}_low": term.low, f"w{n}_high": term.high}
        told[f"w{n}_word"] = max(term.value.split(" "), key=len)
        if term.sign is Sign.BEGINS:
            told |= {f"w{n}_size": len(term.value), f"w{n}_last": after_all_with(term.value)}
    return told


def _term(n: int, term: Term, fields: Fields) -> str:
    if term.column is None:
        shown = [one for one in fields.items() if not is_moment(one[0])]
        condition = " OR ".join(_bare(n, term, column, behind) for column, behind in shown)
    else:
        behind = fields[term.column]
        condition = _about(n, term, term.column, behind.sql if isinstance(behind, FromJson) else behind)
        if isinstance(behind, FromJson) and term.sign is not Sign.EMPTY:
            condition = f"{MAY_HOLD.format(source=behind.source, n=n)} AND {condition}"
    # Of what is NULL nothing holds, so its inversion does; the row is looked up by an index where it is not inverted.
    return f"NOT coalesce(({condition}), FALSE)" if term.inverted else f"({condition})"


def _bare(n: int, term: Term, column: Named, behind: str | FromJson) -> str:
    sql = behind.sql if isinstance(behind, FromJson) else behind
    # Words of ours and numbers are in small letters as they are.
    text = sql if column.kind in (Kind.WORD, Kind.NUMBER) else FOLDED.format(value=sql)
    told = (
        f"substr({text}, 1, :w{n}_size) = :w{n}" if term.sign is Sign.BEGINS else f"instr({text}, :w{n}) > 0"
    )
    return (
        f"{MAY_HOLD.format(source=behind.source, n=n)} AND {told}" if isinstance(behind, FromJson) else told
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
    end = f" AND {sql} < :w{n}_last" if after_all_with(term.value) is not None else ""
    return f"{sql} >= :w{n}{end}"


def after_all_with(prefix: str) -> str | None:
    """The least text after all that begin with ``prefix``, as SQLite orders them; None where there is none."""
    for at in range(len(prefix) - 1, -1, -1):
        code = ord(prefix[at])
        if code < _LAST:
            following = 0xE000 if code == 0xD7FF else code + 1  # what lies between is half a letter
            return prefix[:at] + chr(following)
    return None
