"""Paging by offset, with a proof that no record slipped by while the list moved under the walk.

After a full page the next one is asked for one row early. While that known row comes back, every record behind it is
still to come; when it is gone, rows before it have gone too, and the walk steps back until it stands on known ground.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from functools import partial

from siscon.domain.records import Part
from siscon.providers.contract import Answer
from siscon.providers.kit.decode import Decoded
from siscon.providers.kit.paging import (
    QUIET_AT_MOST,
    Ask,
    Chunk,
    Decode,
    Position,
    Progress,
    closing,
    fetched,
    next_link,
    row_ids,
    total_of,
)
from siscon.providers.kit.seen import Seen

STEPS_BACK = 20
"""How often a walk looks for its place by stepping back before it reads the list anew, once."""

DOUBT = "The list changed its order while it was read"


async def by_offset(
    ask: Ask, decode: Decode, start: Position, *, size: int, request: str
) -> AsyncGenerator[Chunk, None]:
    """Pages by ``offset``: each step as long as what was received, for servers shorten pages silently.

    The end is an announced total that is reached by a page that is not full, a ``Link`` header without ``next``, or an
    empty page. A total that was surpassed, or that changed on the way, ends nothing: then the list is read to an
    empty page.
    """
    if start.at <= start.overlap:
        start = replace(start, at=0, overlap=0, received=0, last="", back=start.received > 0)
    walk = _Walk(request, size, whole=start.at == 0)
    position: Position | None = start
    while position is not None:
        here = position
        answer, decoded = await fetched(partial(ask, here.at - here.overlap, size), decode, request)
        position, note, new = walk.onward(here, answer, decoded)
        yield Chunk(new, answer, position, _announced(answer, decoded), bool(note), note)


def _announced(answer: Answer, decoded: Decoded) -> int | None:
    """The length of the list by a header, else by the body."""
    total = total_of(answer)
    return decoded.announced if total is None else total


class _Walk:
    """What is known of a list so far; ``whole`` says that it was seen from its start, not from a resumed position."""

    def __init__(self, request: str, size: int, *, whole: bool) -> None:
        self._progress = Progress(request, size=size)
        self._size = size
        self._whole = whole

    def onward(
        self, before: Position, answer: Answer, decoded: Decoded
    ) -> tuple[Position | None, str, Decoded]:
        """Where to go on after a page, at the end of the list why it may lack records, and what of the page is new."""
        total = _announced(answer, decoded)
        ids, asked = row_ids(decoded), before.at - before.overlap
        moved = before.moved or (before.total is not None and total != before.total)
        moved = moved or (before.overlap == 1 and before.last in ids[1:])
        here = replace(before, total=total, moved=moved)
        self._progress.bound(answer, received=here.received, total=total)
        if not self._stands(here, asked, ids, decoded.received):
            return (
                self._searching(here, decoded.received),
                "",
                replace(decoded, records=[], rejected=[], modified={}),
            )
        known = self._known(here, ids)
        strange = [one for one in ids if one not in known]
        fresh = self._progress.count(strange, decoded.received - len(ids) + len(strange))
        now = replace(
            here,
            at=asked + decoded.received,
            received=here.received + fresh,
            last=next((one for one in reversed(strange) if one), here.last),
            full=max(here.full, decoded.received),
            quiet=0 if fresh else here.quiet + 1,
            back=False,
        )
        after = self._next(here, now, answer, decoded.received)
        note = "" if after else closing(now.received, total, doubt=self._doubt(now, answer))
        if note and moved and not here.again:
            after, note = self._anew(now), ""
        return after, note, without(decoded, known)

    def _doubt(self, now: Position, answer: Answer) -> str:
        """A loose order is proven by a steady total that was met exactly, else not at all."""
        steady = self._whole and now.total is not None and not now.moved and now.received == now.total
        if next_link(answer) is not None:
            return "The SIS names a next page and sends nothing there"
        return DOUBT if now.loose and not steady else ""

    # is this page where it should be

    def _stands(self, here: Position, asked: int, ids: Sequence[str], n: int) -> bool:
        """True when a page begins the list, or holds a row that is known, so that nothing lies between."""
        if n == 0 and not here.loose:
            return not here.overlap and not here.back
        if asked == 0 or here.loose:
            return True
        if here.last and here.last in ids:
            return True
        return self._whole and any(one in self._progress.seen for one in ids)

    def _searching(self, here: Position, n: int) -> Position:
        """Where to look for known ground: one row back, one page back, from the start once; else go on loosely."""
        if n == 0 and here.hole == here.at:
            return replace(here, at=here.at + max(1, here.full), overlap=0, loose=True, quiet=here.quiet + 1)
        if not here.overlap and not here.back:
            return replace(here, overlap=1)
        at = max(0, here.at - max(1, here.full))
        if not here.back and here.lost < STEPS_BACK and (at or self._whole):
            hole = here.at if n == 0 else here.hole
            return replace(here, at=at, overlap=0, back=True, lost=here.lost + 1, hole=hole)
        if not here.again:
            return self._anew(here)
        return replace(here, overlap=0, back=False, loose=True)

    def _anew(self, here: Position) -> Position:
        """The start of the list, once more and with nothing known."""
        self._progress.seen, self._whole = Seen(), True
        return Position(0, total=here.total, moved=True, again=True, lost=here.lost, full=here.full)

    def _known(self, here: Position, ids: Sequence[str]) -> frozenset[str]:
        """The ids that came before; after a resume all up to the last known row did."""
        seen = self._progress.seen
        if not self._whole and here.last and here.last in ids:
            self._progress.count(ids[: ids.index(here.last) + 1], 0)
        return frozenset([one for one in ids if one and one in seen])

    # does the list go on

    def _next(self, here: Position, now: Position, answer: Answer, n: int) -> Position | None:
        linked = next_link(answer) is not None
        told = None if now.moved or now.total is None or now.received > now.total else now.total
        more = linked or (told is not None and now.received < told)
        short = n < (here.full or self._size)
        if n == 0:
            return self._over_a_hole(now) if more and not here.quiet else None
        signs = (told is not None) + ("link" in answer.headers) + short
        if signs >= 2 and not more:
            return None
        if not now.quiet:
            return replace(now, overlap=0 if now.loose or (short and not more) else 1)
        if here.overlap and short and now.quiet <= QUIET_AT_MOST:
            return replace(now, overlap=0)
        if here.overlap and not here.loose:
            return replace(now, at=here.at, overlap=0, loose=True)
        if now.quiet >= QUIET_AT_MOST:
            raise self._progress.loop("sends pages again that it had sent before")
        return replace(now, overlap=0 if now.loose else 1)

    @staticmethod
    def _over_a_hole(now: Position) -> Position:
        return replace(now, at=now.at + max(1, now.full), overlap=0, loose=True)


def without(decoded: Decoded, known: frozenset[str]) -> Decoded:
    """A page without the records that came before. Parts stay: they go by another id, and count once anyhow."""
    if not known:
        return decoded
    records = [one for one in decoded.records if isinstance(one, Part) or one.external_id not in known]
    rejected = [one for one in decoded.rejected if one.external_id not in known]
    here = {one.external_id for one in records}
    modified = {one: moment for one, moment in decoded.modified.items() if one in here}
    return replace(decoded, records=records, rejected=rejected, modified=modified)
