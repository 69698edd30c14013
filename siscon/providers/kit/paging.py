"""Walking long lists so that the walk is complete and ends: what every way of paging needs, and pages by number.

Paging by offset stands in ``offsets.py``.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from urllib.parse import urljoin

from siscon.domain.errors import ConfigError, ProviderError
from siscon.domain.records import Part
from siscon.domain.text import plain
from siscon.providers.contract import Answer
from siscon.providers.kit.decode import Decoded
from siscon.providers.kit.seen import Seen
from siscon.providers.origins import origin_of

PAGES_AT_MOST = 200_000
"""No list has more pages, whatever its server says."""

QUIET_AT_MOST = 5
"""So many pages one after another may bring nothing new; then the walk would not end."""

BROKEN_OFF = "The list was read with a break, and rows may have come twice or slipped by meanwhile"
"""Why a walk that holds no proof over a break ends in doubt."""

Ask = Callable[[int, int], Awaitable[Answer]]
"""Asks for one page: position (offset or number) and size."""

Decode = Callable[[Answer, str], Decoded]


@dataclass(frozen=True, slots=True)
class Position:
    """Where a list stands between two pages: all that a walk must know after a crash, at most some 500 characters.

    ``at`` is the next offset or page number; ``received`` counts different records, ``total`` is what the SIS
    announced last. The others belong to ``offsets.py``: ``last`` is the id of the last row in order, ``overlap`` how
    many known rows the next page is to begin with, ``full`` the longest page so far, ``quiet`` how many pages in a
    row brought nothing new. ``moved`` says that the total
    changed, ``back`` that the walk stepped back to find ``last``, ``again`` that it began anew, ``lost`` how often
    ``last`` was gone, ``hole`` where an empty page stood, ``loose`` that the order can no longer be proven.
    """

    at: int
    received: int = 0
    total: int | None = None
    last: str = ""
    overlap: int = 0
    full: int = 0
    quiet: int = 0
    moved: bool = False
    back: bool = False
    again: bool = False
    lost: int = 0
    hole: int | None = None
    loose: bool = False


@dataclass(frozen=True, slots=True)
class Chunk:
    """One page of a list. ``after`` None: it was the last; ``partial``: records may be lacking all the same."""

    decoded: Decoded
    answer: Answer
    after: Position | None
    total: int | None
    partial: bool = False
    note: str = ""


class Progress:
    """Proof that paging goes on, and the count of different records.

    A server that repeats a page, the last or any earlier one, is found out; one that makes up ever new records is
    stopped when twice the announced number was received.
    """

    def __init__(self, request: str, *, size: int) -> None:
        self.seen = Seen()
        self._request = request
        self._size = size
        self._pages = 0
        self._bodies: set[int] = set()

    def check(self, answer: Answer, decoded: Decoded, *, received: int, total: int | None) -> int:
        """How many different records this page adds.

        Raises ``paging_loop`` or ``foreign_origin`` when it proves that the walk would not end.
        """
        mark = hash(answer.body)
        fresh = self.count(row_ids(decoded), decoded.received)
        if decoded.received and (mark in self._bodies or not fresh):
            raise self.loop("sent a page again that it had sent before")
        self._bodies.add(mark)
        self.bound(answer, received=received, total=total)
        return fresh

    def count(self, ids: Sequence[str], received: int) -> int:
        """Take the ids of so many rows in; how many are new. A row without a readable id counts as new."""
        add = self.seen.add
        return sum([add(one) for one in ids if one]) + max(0, received - len(ids)) + ids.count("")

    def bound(self, answer: Answer, *, received: int, total: int | None) -> None:
        """Raise when there are too many pages or records, or when the next page lies at another address."""
        self._pages += 1
        if self._pages > PAGES_AT_MOST:
            raise self.loop(f"has sent more than {PAGES_AT_MOST} pages")
        if total is not None and received > 2 * total + 10 * self._size:
            raise self.loop(f"announced {total} records and has sent {received}")
        following = next_link(answer)
        if following is not None:
            stay_at_home(following, answer.url, self._request)

    def loop(self, what: str) -> ProviderError:
        """The error for a list without end."""
        return ProviderError(
            f"{self._request}: the SIS {what}. The list cannot be read to its end; report this to the vendor.",
            code="paging_loop",
        )


def row_ids(decoded: Decoded) -> Sequence[str]:
    """The ids of a page's rows in order: as the decoder read them, else those of its records."""
    if decoded.ids:
        return decoded.ids
    return [
        f"{one.external_id}\0{one.part_id}" if isinstance(one, Part) else one.external_id
        for one in decoded.records
    ]


def stay_at_home(link: str, asked: str, request: str) -> None:
    """Refuse a link to another origin than the one that was asked: the token would go along."""
    try:
        stays = origin_of(link) == origin_of(asked)
    except ConfigError:
        stays = False
    if not stays:
        raise ProviderError(
            f"{request}: the link to the next page leads to another address. siscon does not follow it; "
            "ask the vendor why.",
            code="foreign_origin",
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
    ask: Callable[[], Awaitable[Answer]], decode: Decode, request: str
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


async def by_number(
    ask: Ask, decode: Decode, start: Position, *, size: int, request: str
) -> AsyncGenerator[Chunk, None]:
    """Numbered pages of an SIS that announces its total beforehand, or not at all.

    The end is where the announced number is reached, else an empty page. A list with fewer than were announced is
    partial, even if records have gone meanwhile: others have then moved to pages that were read before. Without any
    total a page shorter than ``size`` is the end as well: give a size that the SIS is known to grant. A walk that went
    on after a break is partial, for which records came before the break is not known any more.
    """
    progress = Progress(request, size=size)
    doubt = BROKEN_OFF if start.received else ""
    position: Position | None = start
    while position is not None:
        here = position
        answer, decoded = await fetched(partial(ask, here.at, size), decode, request)
        total = decoded.announced if here.total is None else here.total
        received = here.received + progress.check(answer, decoded, received=here.received, total=total)
        ended = decoded.received == 0 or (decoded.received < size if total is None else received >= total)
        note = closing(received, total, doubt=doubt) if ended else ""
        position = None if ended else replace(here, at=here.at + 1, received=received, total=total)
        yield Chunk(decoded, answer, position, total, bool(note), note)


def closing(received: int, total: int | None, *, doubt: str = "") -> str:
    """The one rule by which every list is closed: why it may lack records, or empty text for a complete one.

    Fewer different records than announced, or an order that could not be proven, and nobody is taken for missing.
    """
    if total is not None and received < total:
        return f"The SIS announced {total} records and sent {received}; nobody is taken for missing."
    return f"{doubt}; nobody is taken for missing." if doubt else ""


def to_resume(**values: object) -> str:
    """A resume position as compact text."""
    kept = {name: _kept(one) if isinstance(one, Position) else one for name, one in values.items()}
    return json.dumps(kept, separators=(",", ":"))


def _kept(position: Position) -> dict[str, object]:
    usual = asdict(Position(-1))
    return {name: value for name, value in asdict(position).items() if value != usual[name]}


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
