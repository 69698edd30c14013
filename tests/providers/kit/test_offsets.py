"""Offsets over lists that move, lie and repeat: the walk ends, and what it calls complete is complete."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from siscon.domain.errors import ProviderError
from siscon.domain.records import School
from siscon.providers.contract import Answer
from siscon.providers.kit.decode import Decoded
from siscon.providers.kit.offsets import by_offset
from siscon.providers.kit.paging import Chunk, Position, from_resume, to_resume

URL = "https://sis.example.org/things"
ASKED_AT_MOST = 2_000


@dataclass
class Manners:
    """How a server behaves; each is independent of the others."""

    size: int = 10
    cap: int = 1_000
    totals: str = "right"
    links: str = "none"
    uneven: bool = False
    overlap: int = 0
    empty_at: int = 0
    stuck_from: int = 0
    floors: bool = False
    edits: list[tuple[int, str, int]] = field(default_factory=list)
    """Before which request, what happens ("delete", "insert"), at which place of the list."""


class Server:
    """A list in the order of its ids that changes between two requests."""

    def __init__(self, rows: int, manners: Manners, seed: int = 0) -> None:
        self.rows = [10_000 + 100 * one for one in range(rows)]
        self.manners, self.random = manners, Random(seed)
        self.always = set(self.rows)
        self.asked: list[int] = []

    def edit(self, what: str, place: int) -> None:
        if what == "insert":
            place = min(place, len(self.rows))
            left = self.rows[place - 1] if place else 0
            right = self.rows[place] if place < len(self.rows) else left + 200
            if right - left > 1:
                self.rows.insert(place, (left + right) // 2)
        elif self.rows:
            self.always.discard(self.rows.pop(min(place, len(self.rows) - 1)))

    async def page(self, offset: int, size: int) -> Answer:
        one = self.manners
        self.asked.append(offset)
        number = len(self.asked)
        assert number <= ASKED_AT_MOST, "the walk does not end"
        for before, what, place in one.edits:
            if before == number:
                self.edit(what, place)
        size = min(size, one.cap)
        first = max(0, offset - one.overlap)
        if one.stuck_from and number >= one.stuck_from:
            first = 0
        if one.floors:
            first = first // size * size
        end = first + (self.random.randint(1, size) if one.uneven else size)
        rows = [] if number == one.empty_at else self.rows[first:end]
        return Answer(200, self.headers(first + len(rows)), ",".join(map(str, rows)).encode(), URL)

    def headers(self, end: int) -> dict[str, str]:
        right = len(self.rows)
        total = {
            "right": right,
            "high": right + 7,
            "low": max(0, right - 7),
            "half": right // 2,
            "moving": right + self.random.randint(-3, 3),
        }.get(self.manners.totals)
        headers = {} if total is None else {"x-total-count": str(max(0, total))}
        if self.manners.links == "right":
            onward = f'<{URL}?offset={end}>; rel="next", ' if end < right else ""
            headers["link"] = f'{onward}<{URL}>; rel="first"'
        elif self.manners.links == "endless":
            headers["link"] = f'<{URL}?offset={end}>; rel="next"'
        return headers


def decode(answer: Answer, _request: str) -> Decoded:
    ids = [one for one in answer.body.decode().split(",") if one]
    return Decoded([School(one, "Harbor") for one in ids], [], len(ids), ids=ids)


async def walk(server: Server, *, stop_after: int = 0) -> list[Chunk]:
    """The whole walk; after so many pages a new process takes it up from the stored text."""
    chunks: list[Chunk] = []
    position = Position(0)
    if stop_after:
        pages = by_offset(server.page, decode, position, size=server.manners.size, request="GET things")
        async for chunk in pages:
            chunks.append(chunk)
            if chunk.after is None:
                return chunks
            if len(chunks) == stop_after:
                break
        stored = to_resume(position=chunks[-1].after)
        assert len(stored) < 600
        found = from_resume(stored)["position"]
        assert isinstance(found, Position)
        position = found
    rest = by_offset(server.page, decode, position, size=server.manners.size, request="GET things")
    return chunks + [one async for one in rest]


def ids(chunks: list[Chunk]) -> list[int]:
    return [int(one.external_id) for chunk in chunks for one in chunk.decoded.records]


def is_believed(server: Server, chunks: list[Chunk]) -> bool:
    """A number that is announced all along and met to the last record is believed."""
    told = {chunk.total for chunk in chunks}
    return told == {len(set(ids(chunks)))} and server.manners.totals in ("low", "half", "moving")


def undetectable(manners: Manners) -> bool:
    """Short pages, and rows behind them that are hidden: by pages empty by mistake with nothing that says that more is
    to come, or by offsets that the server rounds down.
    """
    is_short = manners.uneven or manners.cap < manners.size
    says_more = manners.totals in ("right", "high") or manners.links != "none"
    return is_short and ((bool(manners.empty_at) and not says_more) or manners.floors)


EDITS = st.lists(st.tuples(st.integers(1, 8), st.sampled_from(["delete", "insert"]), st.integers(0, 40)))
MANNERS = st.builds(
    Manners,
    size=st.integers(1, 12),
    cap=st.sampled_from([1_000, 1_000, 3, 5]),
    totals=st.sampled_from(["right", "high", "low", "half", "none", "moving"]),
    links=st.sampled_from(["none", "right", "endless"]),
    uneven=st.booleans(),
    overlap=st.sampled_from([0, 0, 1, 3]),
    empty_at=st.sampled_from([0, 0, 2, 3]),
    stuck_from=st.sampled_from([0, 0, 0, 3]),
    floors=st.sampled_from([False, False, True]),
    edits=EDITS,
)


@settings(max_examples=600)
@given(rows=st.integers(0, 60), manners=MANNERS, seed=st.integers(0, 99), stop_after=st.integers(0, 6))
async def test_what_a_walk_calls_complete_holds_every_record_that_was_always_there(
    rows: int, manners: Manners, seed: int, stop_after: int
) -> None:
    assume(not undetectable(manners))
    server = Server(rows, manners, seed)
    try:
        chunks = await walk(server, stop_after=stop_after)
    except ProviderError:
        return
    assert chunks[-1].after is None
    if not any(chunk.partial for chunk in chunks) and not is_believed(server, chunks):
        assert server.always <= set(ids(chunks))


@settings(max_examples=300)
@given(
    rows=st.integers(0, 60),
    manners=st.builds(
        Manners,
        size=st.integers(3, 12),
        cap=st.sampled_from([1_000, 5]),
        totals=st.sampled_from(["right", "none"]),
        links=st.sampled_from(["none", "right"]),
        edits=st.lists(
            st.tuples(st.integers(2, 6), st.sampled_from(["delete", "insert"]), st.integers(0, 40)),
            max_size=1,
        ),
    ),
    seed=st.integers(0, 99),
)
async def test_a_server_that_only_lives_is_read_whole_all_the_same(
    rows: int, manners: Manners, seed: int
) -> None:
    server = Server(rows, manners, seed)
    chunks = await walk(server)
    assert server.always <= set(ids(chunks))
    assert not any(chunk.partial for chunk in chunks)
