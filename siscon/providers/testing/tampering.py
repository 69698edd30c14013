"""What a careless or hostile SIS may do to an answer on its way, in JSON and in XML; for tests of providers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any
from xml.etree.ElementTree import Element, tostring

from siscon.providers.contract import Answer, Api
from siscon.providers.kit.xml_rows import parse_xml

REQUESTS_AT_MOST = 2_000
"""A walk that asks more often than this over a test district does not end."""

Change = Callable[[Answer, int], Answer]
"""Changes an answer; the number counts from 1."""

Rows = list[Any] | Element

STRANGE: Mapping[str, str] = {
    "null": "null",
    "a number": "7",
    "text": '"text"',
    "a list": "[1,[2]]",
    "an empty object": "{}",
    "duplicate keys": "@duplicate",
    "NaN": "@NaN",
    "Infinity": "@-Infinity",
    "a fraction": "@4.5",
    "more than a double holds": "@1e999",
    "5000 digits": "@" + "9" * 5_000,
    "half a character": '@"\\ud800"',
    "a NUL": '@"x\\u0000y"',
    "very long text": '@"' + "x" * 100_000 + '"',
    "100000 levels": "@" + "[" * 100_000 + "]" * 100_000,
    "objects in place of text": '@{"a":{"b":[null]}}',
    "true": "@true",
}
"""Rows in JSON that make no sense; after ``@`` stands a value for every key of the first row."""

STRANGE_XML: Mapping[str, str] = {
    "an empty element": "",
    "a DTD": "@dtd",
    "another encoding": "@encoding",
    "very long text": "x" * 100_000,
    "100 levels": "<a>" * 100 + "</a>" * 100,
    "children in place of text": "<a><b>4.25</b></a><a/>",
}
"""What may stand in every element of the first row in XML; after ``@`` a name of what is done to the document."""

NO_LIST: Mapping[str, tuple[bytes, ...]] = {
    "json": (b'{"error":"no"}', b'{"status":"ok"}', b"null", b'"text"', b"[1]", b'{"a":', b"", b"\xff{}"),
    "xml": (b"<error>no</error>", b"<html><body>Log in</body></html>", b"<a>", b"text", b"", b"\xff<a/>"),
}
"""Bodies that are no list, by the medium of the provider."""

WEB_PAGE = b"<!DOCTYPE html><html><body>Log in</body></html>"


class Tampered:
    """An ``Api`` that counts requests and lets a test change each answer, or raise instead."""

    def __init__(self, api: Api, change: Change | None = None) -> None:
        self._api = api
        self._change = change
        self.asked = 0

    async def get(
        self, path: str, params: Mapping[str, str | int] | None = None, *, keep_s: float = 0.0
    ) -> Answer:
        """As the api answers, then changed."""
        return self._changed(await self._api.get(path, params, keep_s=keep_s))

    async def post(
        self,
        path: str,
        json: Any,
        params: Mapping[str, str | int] | None = None,
        *,
        repeatable: bool = False,
    ) -> Answer:
        """As the api answers, then changed."""
        return self._changed(await self._api.post(path, json, params, repeatable=repeatable))

    def _changed(self, answer: Answer) -> Answer:
        self.asked += 1
        assert self.asked <= REQUESTS_AT_MOST, "the walk does not end"
        return answer if self._change is None else self._change(answer, self.asked)


def decode(answer: Answer) -> Any:
    """The whole body of a good answer: JSON values, or the root element."""
    if answer.body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
        return parse_xml(answer.body, "the answer")
    return json.loads(answer.body)


def encode(answer: Answer, body: Any) -> Answer:
    """The answer with another body."""
    if isinstance(body, Element):
        return replace(answer, body=tostring(body, encoding="utf-8"))
    return replace(answer, body=json.dumps(body).encode())


def rows_in(body: Any) -> Rows:
    """Where the rows of an answer stand: the longest list of objects, or the element with most equal children."""
    if isinstance(body, Element):
        alike = (one for one in body.iter() if len({child.tag for child in one}) == 1 and len(one[0]))
        return max(alike, key=len, default=Element("none"))
    if isinstance(body, list) and all(isinstance(one, dict) for one in body):
        return body
    best: list[Any] = []
    for inner in body.values() if isinstance(body, dict) else ():
        found = rows_in(inner)
        if isinstance(found, list):
            best = max(best, found, key=len)
    return best


class Spoiling:
    """A change that turns every value of the first of several rows into something that fits nowhere."""

    def __init__(self) -> None:
        self.spoiled = 0

    def __call__(self, answer: Answer, _number: int) -> Answer:
        body = decode(answer)
        rows = rows_in(body)
        if len(rows) < 2:
            return answer
        self.spoiled += 1
        if isinstance(rows, Element):
            fill(rows[0], "<a><b>4.25</b></a>")
        else:
            rows[0].update({key: {"spoiled": [4.25]} for key in rows[0]})
        return encode(answer, body)


class Emptying:
    """A change that takes every row out of every list, as an SIS without such records answers."""

    def __init__(self) -> None:
        self.emptied = 0

    def __call__(self, answer: Answer, _number: int) -> Answer:
        body = decode(answer)
        rows = rows_in(body)
        if not len(rows):
            return answer
        self.emptied += 1
        if isinstance(rows, Element):
            for one in list(rows):
                rows.remove(one)
        else:
            rows.clear()
        return encode(answer, body)


class Stranger:
    """A change that puts one strange row in the place of the first row of the first list."""

    def __init__(self, what: str) -> None:
        self._what = what
        self.done = False

    def __call__(self, answer: Answer, _number: int) -> Answer:
        if self.done:
            return answer
        body = decode(answer)
        rows = rows_in(body)
        if not len(rows):
            return answer
        self.done = True
        if isinstance(rows, Element):
            return self._in_xml(answer, body, rows)
        keys = list(rows[0])
        rows[0] = "@@"
        text = json.dumps(body).replace('"@@"', strange_row(STRANGE[self._what], keys), 1)
        return replace(answer, body=text.encode())

    def _in_xml(self, answer: Answer, body: Element, rows: Element) -> Answer:
        inner = STRANGE_XML[self._what]
        if inner == "@dtd":
            dtd = b'<!DOCTYPE a [<!ENTITY e "eeee">]>'
            return replace(answer, body=dtd + tostring(body, encoding="utf-8"))
        if inner == "@encoding":
            head = b'<?xml version="1.0" encoding="utf-7"?>'
            return replace(answer, body=head + tostring(body, encoding="utf-8"))
        fill(rows[0], inner)
        return encode(answer, body)


def strange_row(what: str, keys: list[str]) -> str:
    """JSON text of a row."""
    if not what.startswith("@"):
        return what
    value = what.removeprefix("@")
    if value == "duplicate":
        pairs = [f"{json.dumps(key)}:{one}" for key in keys for one in ("null", "[1]", '"x"')]
    else:
        pairs = [f"{json.dumps(key)}:{value}" for key in keys]
    return "{" + ",".join(pairs) + "}"


def fill(row: Element, inner: str) -> None:
    """Put XML or text into every child of a row, and empty its attributes."""
    for name in row.attrib:
        row.attrib[name] = ""
    for child in row:
        for one in list(child):
            child.remove(one)
        made = parse_xml(f"<x>{inner}</x>".encode(), "the test")
        child.text = made.text
        child.extend(list(made))


def strange_for(medium: str) -> Iterator[str]:
    """The names of all strange rows in a medium."""
    yield from STRANGE_XML if medium == "xml" else STRANGE


def raising(error: Exception) -> Change:
    """A change that raises instead."""

    def change(_answer: Answer, _number: int) -> Answer:
        raise error

    return change


def with_body(body: bytes) -> Change:
    """A change that puts another body under the same status."""
    return lambda answer, _number: replace(answer, body=body)


def cut_short(answer: Answer, _number: int) -> Answer:
    """A change that loses the second half of every answer."""
    return replace(answer, body=answer.body[: len(answer.body) // 2])


class Repeating:
    """A change that gives the first page of each list again and again."""

    def __init__(self) -> None:
        self._first: dict[str, Answer] = {}

    def __call__(self, answer: Answer, _number: int) -> Answer:
        path = answer.url.partition("?")[0]
        if len(rows_in(decode(answer))) < 2:
            return self._first.get(path, answer)
        return self._first.setdefault(path, answer)
