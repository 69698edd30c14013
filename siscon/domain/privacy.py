"""What is kept from eyes: secrets never show themselves, whoever prints the object that holds them."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from urllib.parse import quote, quote_plus

STRUCK = "***"
"""What stands where a secret stood."""

_BEFORE = re.compile(r"[A-Za-z0-9+/_-]{1,4}\Z")
_BEHIND = re.compile(r"[A-Za-z0-9+/_=-]{1,4}")
LEAST_INNER = 8
"""Shorter pieces of base64 stand in innocent words too."""


class Secret:
    """A text that neither ``str`` nor ``repr`` gives away; :meth:`reveal` is the one way to it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The secret itself, for the one place that must send or encrypt it."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


def strike(text: str, secrets: Iterable[Secret]) -> str:
    """The text without the secrets, in whatever form they stand there.

    To be done before a text is cut: half a secret is not found any more. Secrets that overlap go as one.
    """
    spans = sorted(span for secret in secrets for span in _spans(secret.reveal(), text))
    kept: list[str] = []
    end = 0
    for start, stop in spans:
        if start >= end:
            kept += [text[end:start], STRUCK]
        end = max(end, stop)
    return "".join((*kept, text[end:]))


def _spans(secret: str, text: str) -> Iterator[tuple[int, int]]:
    """Where a secret stands; in base64 with the signs at both ends, for they hold a letter or two of it."""
    for form in forms_of(secret):
        for at in _places(form, text):
            yield at, at + len(form)
    for form in _within_base64(secret):
        for at in _places(form, text):
            end = at + len(form)
            before, behind = _BEFORE.search(text, max(0, at - 4), at), _BEHIND.match(text, end)
            yield before.start() if before else at, behind.end() if behind else end


def _places(form: str, text: str) -> Iterable[int]:
    at = text.find(form)
    while at >= 0:
        yield at
        at = text.find(form, at + 1)


@lru_cache(maxsize=256)
def forms_of(secret: str) -> tuple[str, ...]:
    """How a secret may stand in a text: as it is, in an address, in JSON, in HTML, in hexadecimal digits, in base64 at
    any of three alignments (so also behind a user name, as RFC 7617 has it).
    """
    if not secret:
        return ()
    raw = secret.encode("utf-8", "surrogatepass")
    quoted = {quote(raw, safe=""), quote(raw), quote_plus(raw)}
    as_json = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    forms = {
        secret,
        *quoted,
        *(re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), one) for one in quoted),
        *as_json,
        *(one.replace("/", "\\/") for one in as_json),
        html.escape(secret),
        html.escape(secret, quote=False),
        raw.hex(),
        raw.hex().upper(),
    }
    return (*forms, *_within_base64(secret))


@lru_cache(maxsize=256)
def _within_base64(secret: str) -> tuple[str, ...]:
    """What of a secret is the same in base64 at each of three alignments, whatever stands beside it."""
    raw, forms = secret.encode("utf-8", "surrogatepass"), set[str]()
    for shift in range(3):
        whole = base64.b64encode(b"\0" * shift + raw)
        inner = whole[4 if shift else 0 : len(whole) - 4 if (shift + len(raw)) % 3 else len(whole)].decode()
        if len(inner) >= LEAST_INNER:
            forms |= {inner, inner.replace("+", "-").replace("/", "_")}
    return tuple(forms)
