"""Walking long lists so that the walk is complete and ends: by offset, by page number, with a proof of progress."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import asdict, dataclass
from functools import partial
from urllib.parse import urljoin

from siscon.domain.errors import ConfigError, ProviderError
from siscon.domain.records import Part
from siscon.domain.text import plain
from siscon.providers.contract import Answer
from siscon.providers.decode import Decoded
from siscon.providers.origins import origin_of

PAGES_AT_MOST = 200_000
"""No list has more pages, whatever its server says."""

Ask = Callable[[int, int], Awaitable[Answer]]
"""Asks for one page: position (offset or number) and size."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a list stands between two pages: ``at`` is the next offset or page number."""

    at: int
    received: int = 0
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Chunk:
    """One page of a list. ``after`` None: it was the last; ``partial``: fewer came than were announced."""

    decoded: Decoded
    answer: Answer
    after: Position | None
    total: int | None
    partial: bool = False
    note: str = ""


class Progress:
    """Proof that paging goes on: every page is new.

    It remembers a 64-bit hash of each body and the ids of the page before, not all ids: a million records in pages
    of 200 cost half a megabyte. So a server that repeats a page, the last or any earlier one, is found out at once;
    one that shuffles old records into ever new pages is stopped when twice the announced number was received.
    """

    def __init__(self, request: str, *, size: int) -> None:
        self._request = request
        self._size = size
        self._bodies: set[int] = set()
        self._last_ids: frozenset[tuple[str, str]] = frozenset()
        self._last_next: str | None = None

    def check(self, answer: Answer, decoded: Decoded, *, received: int, total: int | None) -> None:
        """Raise ``paging_loop`` or ``foreign_origin`` when this page proves that the walk would not end."""
        mark = hash(answer.body)
        ids = frozenset(
            (one.external_id, one.part_id if isinstance(one, Part) else "") for one in decoded.records
        )
        repeats = mark in self._bodies or (bool(ids) and ids == self._last_ids)
        if decoded.received and repeats:
            raise self._loop("sent a page again that it had sent before")
        self._bodies.add(mark)
        self._last_ids = ids
        if len(self._bodies) > PAGES_AT_MOST:
            raise self._loop(f"has sent more than {PAGES_AT_MOST} pages")
        if total is not None and received > 2 * total + 10 * self._size:
            raise self._loop(f"announced {total} records and has sent {received}")
        self._check_next(answer)

    def _check_next(self, answer: Answer) -> None:
        following = next_link(answer)
        if following is None:
            return
        if following == self._last_next:
            raise self._loop("names the same next page again and again")
        self._last_next = following
        try:
            stays = origin_of(following) == origin_of(answer.url)
        except ConfigError:
            stays = False
        if not stays:
            raise ProviderError(
                f"{self._request}: the link to the next page leads to another address. siscon does not follow it; "
                "ask the vendor why.",
                code="foreign_origin",
            )

    def _loop(self, what: str) -> ProviderError:
        return ProviderError(
            f"{self._request}: the SIS {what}. The list cannot be read to its end; report this to the vendor.",
            code="paging_loop",
        )


_LINK = re.compile(r'<([^<>]*)>\s*((?:;\s*[\w*-]+\s*=\s*(?:"[^"]*"|[^",;\s]*)\s*)*)')
_REL_NEXT = re.compile(r';\s*rel\s*=\s*(?:"(?:[^"]*\s)?next(?:\s[^"]*)?"|next\b)', re.IGNORECASE)


def next_link(answer: Answer) -> str | None:
    """The absolute target of ``rel="next"`` in the ``Link`` header (RFC 8288, section 3); None without one."""
    header = answer.headers.get("link")
    if not header:
        return None
    for match in _LINK.finditer(header[:8_000]):
        if _REL_NEXT.search(match[2]):
            return str(urljoin(answer.url, match[1]))
    return None


def total_of(answer: Answer, header: str = "x-total-count") -> int | None:
    """The number of records that a header announces; None for none and for garbage."""
    text = answer.headers.get(header, "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else None


async def fetched(
    ask: Callable[[], Awaitable[Answer]], decode: Callable[[Answer, str], Decoded], request: str
) -> tuple[Answer, Decoded]:
    """One page, asked for and decoded; a body that is broken inside is asked for twice more, like any cut answer."""
    for last in (False, False, True):
        answer = await ask()
        try:
            return answer, decode(answer, request)
        except ProviderError as error:
            if last or error.code not in ("not_json", "not_xml"):
                raise
    raise AssertionError("the last of the tries returns or raises")


async def by_offset(
    ask: Ask, decode: Callable[[Answer, str], Decoded], start: Position, *, size: int, request: str
) -> AsyncGenerator[Chunk, None]:
    """Pages by ``offset``: each step as long as what was received, for servers shorten pages silently.

    The end is where no ``next`` link follows and the announced total is reached, or, without a total, where
    links stop or a page is empty; never merely a short page. Where the announced total shrinks on the way, a record
    may have slipped to a page that was read before: the list is partial.
    """
    progress = Progress(request, size=size)
    position: Position | None = start
    while position is not None:
        here = position
        answer, decoded = await fetched(partial(ask, here.at, size), decode, request)
        total = total_of(answer)
        total = decoded.announced if total is None else total
        received = here.received + decoded.received
        progress.check(answer, decoded, received=received, total=total)
        note = ""
        if here.total is not None and total is not None and total < here.total:
            note = shrunk(here.total, total)
        elif decoded.received == 0 and total is not None and received < total:
            note = shortfall(received, total)
        after = Position(here.at + decoded.received, received, total)
        position = None if _is_last(answer, decoded, received, total) else after
        yield Chunk(decoded, answer, position, total, bool(note), note)


def _is_last(answer: Answer, decoded: Decoded, received: int, total: int | None) -> bool:
    if decoded.received == 0:
        return True
    if next_link(answer) is not None:
        return False
    if total is not None:
        return received >= total
    return "link" in answer.headers


async def by_number(
    ask: Ask,
    decode: Callable[[Answer, str], Decoded],
    start: Position,
    *,
    size: int,
    request: str,
) -> AsyncGenerator[Chunk, None]:
    """Numbered pages of an SIS that announces its total beforehand, or not at all.

    The end is where the announced number is reached, else an empty page. A list with fewer than were announced is
    partial, even if records have gone meanwhile: others have then moved to pages that were read before. Without any
    total a page shorter than ``size`` is the end as well: give a size that the SIS is known to grant.
    """
    progress = Progress(request, size=size)
    position: Position | None = start
    while position is not None:
        here = position
        answer, decoded = await fetched(partial(ask, here.at, size), decode, request)
        received = here.received + decoded.received
        total = decoded.announced if here.total is None else here.total
        progress.check(answer, decoded, received=received, total=total)
        note = ""
        if decoded.received == 0:
            if total is not None and received < total:
                note = shortfall(received, total)
            position = None
        elif (decoded.received < size) if total is None else (received >= total):
            position = None
        else:
            position = Position(here.at + 1, received, total)
        yield Chunk(decoded, answer, position, total, bool(note), note)


def shortfall(received: int, total: int) -> str:
    """The note for a list that ended early."""
    return f"The SIS announced {total} records and sent {received}; nobody is taken for missing."


def shrunk(before: int, total: int) -> str:
    """The note for a list that became shorter while it was read."""
    return f"The list shrank from {before} to {total} records while it was read; nobody is taken for missing."


def to_resume(**values: object) -> str:
    """A resume position as compact text."""
    kept = {name: asdict(one) if isinstance(one, Position) else one for name, one in values.items()}
    return json.dumps(kept, separators=(",", ":"))


def from_resume(resume: str | None) -> dict[str, object]:
    """What :func:`to_resume` wrote; empty for None; damaged text is a ``ProviderError``."""
    if resume is None:
        return {}
    try:
        values = json.loads(resume)
        if isinstance(values.get("position"), dict):
            values["position"] = Position(**values["position"])
    except (ValueError, TypeError, AttributeError):
        raise ProviderError(
            f"The stored position {plain(resume[:40])} cannot be read. Start the entity anew.",
            code="bad_resume",
        ) from None
    return dict(values)
