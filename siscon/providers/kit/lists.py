"""Whole lists as pages of the contract: by offset, by number, by what the SIS calls next, or in one answer.

Each walk proves that it goes on, carries its position in ``resume``, and notices lists that shrink or end early.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Protocol

from siscon.providers.contract import Answer, Page
from siscon.providers.kit.decode import Decoded, parse
from siscon.providers.kit.offsets import by_offset
from siscon.providers.kit.paging import (
    BROKEN_OFF,
    Ask,
    Chunk,
    Position,
    Progress,
    by_number,
    closing,
    fetched,
    from_resume,
    to_resume,
    total_of,
)
from siscon.providers.kit.seen import Seen

Mark = Callable[[Answer], str | None]
"""Reads the watermark for the next incremental fetch out of the first answer of a list."""

AskNext = Callable[[str | None], Awaitable[Answer]]
"""Asks for the page that the SIS named (None: the first)."""

USUAL_PAGE = 100


class Rows(Protocol):
    """What turns an answer into records: ``JsonRows``, ``XmlRows``, or a class of the provider's own."""

    def read(self, answer: Answer, request: str) -> Decoded: ...


def offset_pages(
    ask: Ask, rows: Rows, *, size: int, request: str, resume: str | None, mark: Mark | None = None
) -> AsyncIterator[Page]:
    """Pages by ``offset`` and ``limit``: ``ask(offset, size)``. Ends at the announced total, else at an empty page."""
    at = from_resume(resume)
    chunks = by_offset(ask, rows.read, _position(at, 0), size=size, request=request)
    return _pages(chunks, at, mark)


def numbered_pages(
    ask: Ask,
    rows: Rows,
    *,
    size: int,
    request: str,
    resume: str | None,
    first: int = 1,
    mark: Mark | None = None,
) -> AsyncIterator[Page]:
    """Pages by number: ``ask(number, size)``. Ends at the announced total, else at a page shorter than ``size``."""
    at = from_resume(resume)
    chunks = by_number(ask, rows.read, _position(at, first), size=size, request=request)
    return _pages(chunks, at, mark)


async def linked_pages(
    ask: AskNext,
    rows: Rows,
    following: Callable[[Answer], str | None],
    *,
    request: str,
    resume: str | None,
    mark: Mark | None = None,
) -> AsyncIterator[Page]:
    """Pages that name the next one: ``following`` reads it out of an answer (``next_link``, ``next_in``).

    A name that comes again ends the walk with an error. A walk that went on after a break is partial, as by number.
    """
    at = from_resume(resume)
    token, received = _text(at.get("token")), _number(at.get("received"))
    reached = _text(at.get("mark"))
    progress = Progress(request, size=USUAL_PAGE)
    doubt = BROKEN_OFF if received else ""
    named = Seen()
    ended = False
    while not ended:
        answer, decoded = await fetched(partial(ask, token), rows.read, request)
        total = total_of(answer) if decoded.announced is None else decoded.announced
        received += progress.check(answer, decoded, received=received, total=total)
        reached = reached or (mark(answer) if mark else None)
        onward = following(answer)
        if onward is not None and (onward == token or not named.add(onward)):
            raise progress.loop("names the same next page again and again")
        ended, token = onward is None, onward
        note = closing(received, total, doubt=doubt) if ended else ""
        yield Page(
            decoded.records,
            None if ended else to_resume(token=token, received=received, mark=reached),
            decoded.rejected,
            total=total,
            cursor=reached,
            note=note,
            partial=bool(note),
            modified=decoded.modified,
        )


async def single_page(
    ask: Callable[[], Awaitable[Answer]], rows: Rows, *, request: str, mark: Mark | None = None
) -> AsyncIterator[Page]:
    """The whole list in one answer, for an SIS that knows no pages."""
    answer, decoded = await fetched(ask, rows.read, request)
    total = total_of(answer) if decoded.announced is None else decoded.announced
    note = closing(decoded.received, total)
    reached = mark(answer) if mark else None
    yield Page(
        decoded.records,
        None,
        decoded.rejected,
        total=total,
        cursor=reached,
        note=note,
        partial=bool(note),
        modified=decoded.modified,
    )


def next_in(key: str) -> Callable[[Answer], str | None]:
    """Reads the next page's address or token from a JSON answer; dots in ``key`` lead deeper."""

    def following(answer: Answer) -> str | None:
        body = parse(answer.body, "the page")
        for name in key.split("."):
            body = body.get(name) if isinstance(body, dict) else None
        return str(body) if isinstance(body, str | int) and body not in ("", False) else None

    return following


def header(name: str) -> Mark:
    """Reads a watermark from a header of the answer, such as the server's clock in ``Date``."""
    return lambda answer: answer.headers.get(name.lower()) or None


async def _pages(
    chunks: AsyncIterator[Chunk], at: dict[str, object], mark: Mark | None
) -> AsyncIterator[Page]:
    reached = _text(at.get("mark"))
    async for chunk in chunks:
        reached = reached or (mark(chunk.answer) if mark else None)
        onward = None if chunk.after is None else to_resume(position=chunk.after, mark=reached)
        yield Page(
            chunk.decoded.records,
            onward,
            chunk.decoded.rejected,
            total=chunk.total,
            cursor=reached,
            note=chunk.note,
            partial=chunk.partial,
            modified=chunk.decoded.modified,
        )


def _position(at: dict[str, object], first: int) -> Position:
    found = at.get("position")
    return found if isinstance(found, Position) else Position(first)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: object) -> int:
    return value if type(value) is int else 0
