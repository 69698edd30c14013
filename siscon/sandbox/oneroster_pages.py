"""OneRoster's pages: which rows stand on one, what it says of the whole, and where it points to."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlencode
from zlib import crc32

from siscon.sandbox.quirks import Quirks
from siscon.sandbox.wire import Asked

FOREIGN = "https://elsewhere.example"


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of a page, and the offset at which the next begins (None: this is the last)."""

    offset: int
    start: int
    size: int
    following: int | None


def page_at(quirks: Quirks, key: str, offset: int, limit: int, total: int) -> Page:
    """The page at ``offset`` of a list of ``total`` rows, with the accidents that are switched on."""
    if quirks.repeat_page and offset >= 2 * limit:
        offset = limit
    start, size, end = offset, limit, total
    if quirks.empty_middle and total > limit:
        middle = -(-total // limit) // 2 * limit
        end = total + limit
        if middle <= offset < middle + limit:
            size = 0
        elif offset >= middle + limit:
            start = offset - limit
    following = offset + limit
    if quirks.short_pages and size:
        size = 1 + crc32(f"{key} {offset}".encode()) % limit
        following = offset + size
    if size:
        again = min(quirks.overlap_rows, start)
        start, size = start - again, size + again
    return Page(offset, start, size, following if following < end else None)


def told_total(quirks: Quirks, total: int, page_number: int) -> str | None:
    """What ``X-Total-Count`` says; None where the server does not send it."""
    told = {"right": total, "wrong": total + 7, "low": total // 2, "moving": total + page_number}
    number = told.get(quirks.total_count)
    return None if number is None else str(number)


def links(asked: Asked, quirks: Quirks, page: Page, limit: int, total: int) -> str:
    """The ``Link`` header (RFC 8288); only ``next`` ever points to another host, and only if switched on."""
    last = max(0, (total - 1) // limit * limit)
    targets = [("first", 0), ("last", last)]
    if page.following is not None:
        targets.insert(0, ("next", page.following))
    if page.offset > 0:
        targets.append(("prev", max(0, page.offset - limit)))
    written = []
    for word, at in targets:
        query = urlencode({**asked.query, "limit": limit, "offset": at}, quote_via=quote)
        origin = FOREIGN if word == "next" and quirks.foreign_next else asked.origin
        written.append(f'<{origin}{asked.path}?{query}>; rel="{word}"')
    return ", ".join(written)
