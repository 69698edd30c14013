"""Long lists: complete, and never without end, whatever the server does."""

from __future__ import annotations

import pytest

from siscon.domain.errors import ProviderError
from siscon.domain.records import School
from siscon.providers.contract import Answer, Page
from siscon.providers.kit.decode import Decoded
from siscon.providers.kit.lists import linked_pages
from siscon.providers.kit.offsets import by_offset
from siscon.providers.kit.paging import (
    Chunk,
    Position,
    by_number,
    from_resume,
    next_link,
    to_resume,
)

URL = "https://sis.example.org/things"


class Server:
    """A list of so many rows, served with the manners that a test asks for."""

    def __init__(self, rows: int, *, clamp: int = 1000, total: int | None = None, link: str = "") -> None:
        self.rows, self.clamp, self.total, self.link = rows, clamp, total, link
        self.asked: list[int] = []

    def page(self, first: int, size: int) -> Answer:
        self.asked.append(first)
        end = min(self.rows, first + min(size, self.clamp))
        headers = {} if self.total is None else {"x-total-count": str(self.total)}
        if self.link:
            headers["link"] = self.link
        body = ",".join(str(one) for one in range(first, end))
        return Answer(200, headers, body.encode(), URL)

    async def by_offset(self, offset: int, size: int) -> Answer:
        return self.page(offset, size)

    async def by_number(self, number: int, size: int) -> Answer:
        return self.page((number - 1) * size, size)


def decode(answer: Answer, _request: str) -> Decoded:
    ids = [one for one in answer.body.decode().split(",") if one]
    return Decoded([School(one, "Harbor") for one in ids], [], len(ids))


async def offsets(server: Server, *, size: int = 10, start: Position | None = None) -> list[Chunk]:
    walk = by_offset(server.by_offset, decode, start or Position(0), size=size, request="GET things")
    return [one async for one in walk]


async def numbers(server: Server, total: int | None) -> list[Chunk]:
    walk = by_number(server.by_number, decode, Position(1, total=total), size=10, request="GET things")
    return [one async for one in walk]


def ids(chunks: list[Chunk]) -> list[int]:
    return [int(one.external_id) for chunk in chunks for one in chunk.decoded.records]


@pytest.mark.parametrize("rows", [0, 1, 9, 10, 11, 35])
@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("clamp", [1000, 3])
async def test_every_row_comes_once(rows: int, announced: bool, clamp: int) -> None:
    server = Server(rows, clamp=clamp, total=rows if announced else None)

    chunks = await offsets(server)

    assert ids(chunks) == list(range(rows))
    assert chunks[-1].after is None
    assert not chunks[-1].partial


async def test_an_announced_total_saves_the_empty_page() -> None:
    server = Server(25, total=25)

    await offsets(server)

    assert server.asked == [0, 9, 18]


async def test_a_total_too_high_ends_the_list_but_marks_it_partial() -> None:
    chunks = await offsets(Server(20, total=27))

    assert (chunks[-1].partial, chunks[-1].after) == (True, None)
    assert "27" in chunks[-1].note


async def test_a_link_that_goes_on_outweighs_a_total_too_low() -> None:
    pages = iter(range(1, 99))

    class Linking(Server):
        def page(self, first: int, size: int) -> Answer:
            self.link = f'<{URL}?offset={next(pages)}>; rel="next"' if first < 20 else f'<{URL}>; rel="first"'
            return super().page(first, size)

    assert ids(await offsets(Linking(25, total=5))) == list(range(25))


async def test_a_repeated_page_is_a_loop() -> None:
    class Stuck(Server):
        def page(self, first: int, size: int) -> Answer:
            return super().page(0, size)

    with pytest.raises(ProviderError) as caught:
        await offsets(Stuck(100, total=100))
    assert caught.value.code == "paging_loop"


async def test_two_pages_in_turn_are_a_loop() -> None:
    class Turning(Server):
        def page(self, first: int, size: int) -> Answer:
            return super().page(first % 20, size)

    with pytest.raises(ProviderError) as caught:
        await offsets(Turning(1000))
    assert caught.value.code == "paging_loop"


async def test_new_rows_without_end_stop_at_twice_the_announced() -> None:
    class Endless(Server):
        def page(self, first: int, size: int) -> Answer:
            self.link = f'<{URL}?offset={first + 10}>; rel="next"'
            return super().page(first, size)

    server = Endless(10**9, total=50)
    with pytest.raises(ProviderError) as caught:
        await offsets(server)
    assert caught.value.code == "paging_loop"
    assert len(server.asked) < 30


@pytest.mark.parametrize(
    "target", ["https://evil.example.org/x", "http://sis.example.org/x", "//evil.example.org", "x:y"]
)
async def test_a_next_link_to_another_origin_is_refused(target: str) -> None:
    with pytest.raises(ProviderError) as caught:
        await offsets(Server(100, link=f'<{target}>; rel="next"'))
    assert caught.value.code == "foreign_origin"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", None),
        ("</b?offset=2>; rel=next", "https://sis.example.org/b?offset=2"),
        ('<x>; rel="last", <y?a=1,2>; title="t"; rel="prev next"', "https://sis.example.org/y?a=1,2"),
        ('<x>; rel="nextish"', None),
        ("<" * 5000, None),
    ],
)
def test_link_headers_are_read_as_the_standard_says(header: str, expected: str | None) -> None:
    assert next_link(Answer(200, {"link": header}, b"", URL)) == expected


async def test_numbered_pages_end_at_the_total_else_at_a_short_page() -> None:
    counted, uncounted = Server(20), Server(25)

    assert ids(await numbers(counted, 20)) == list(range(20))
    assert ids(await numbers(uncounted, None)) == list(range(25))
    assert (len(counted.asked), len(uncounted.asked)) == (2, 3)


async def test_fewer_than_announced_make_the_list_partial() -> None:
    chunks = await numbers(Server(15), 30)

    assert ids(chunks) == list(range(15))
    assert (chunks[-1].partial, chunks[-1].after) == (True, None)


def test_a_resume_text_survives_and_a_damaged_one_is_refused() -> None:
    text = to_resume(list="students", position=Position(400, 400, 812), mark=None)

    assert from_resume(text) == {"list": "students", "position": Position(400, 400, 812), "mark": None}
    assert from_resume(None) == {}
    for damaged in ("{", "[]", '{"position":{"x":1}}', "7"):
        with pytest.raises(ProviderError):
            from_resume(damaged)


class Linked:
    """Pages that name the next one; ``named`` are the links in order."""

    def __init__(self, *named: str) -> None:
        self.named = list(named)
        self.asked: list[str | None] = []

    async def page(self, link: str | None) -> Answer:
        number = len(self.asked)
        self.asked.append(link)
        following = self.named[number] if number < len(self.named) else ""
        headers = {"link": f'<{following}>; rel="next"'} if following else {}
        return Answer(200, headers, f"{2 * number},{2 * number + 1}".encode(), URL)


class Plain:
    """Rows as :func:`decode` reads them."""

    def read(self, answer: Answer, request: str) -> Decoded:
        return decode(answer, request)


async def links(server: Linked, resume: str | None = None) -> list[Page]:
    walk = linked_pages(server.page, Plain(), next_link, request="GET things", resume=resume)
    return [one async for one in walk]


async def test_links_are_followed_to_the_last() -> None:
    server = Linked("?cursor=b", "?cursor=c")

    pages = await links(server)

    assert [one.external_id for page in pages for one in page.records] == ["0", "1", "2", "3", "4", "5"]
    assert server.asked == [None, f"{URL}?cursor=b", f"{URL}?cursor=c"]
    assert not pages[-1].partial


async def test_a_walk_by_links_goes_on_where_it_stood_and_is_not_taken_for_whole() -> None:
    began = await links(Linked("?cursor=b"))
    rest = Linked("?cursor=c")

    pages = await links(rest, began[0].resume)

    assert rest.asked == [f"{URL}?cursor=b", f"{URL}?cursor=c"]
    assert pages[-1].partial
    assert "break" in pages[-1].note


@pytest.mark.parametrize("at", [1, 2])
async def test_a_walk_by_number_that_lost_its_memory_is_never_taken_for_whole(at: int) -> None:
    whole = await numbers(Server(30), 30)
    walk = by_number(
        Server(30).by_number, decode, whole[at - 1].after or Position(1), size=10, request="GET s"
    )
    rest = [one async for one in walk]

    assert ids(whole[:at]) + ids(rest) == list(range(30))
    assert (whole[-1].partial, rest[-1].partial) == (False, True)


@pytest.mark.parametrize("named", [("?cursor=b", "?cursor=b"), ("?cursor=b", "?cursor=c", "?cursor=b")])
async def test_a_link_that_comes_again_is_a_loop(named: tuple[str, ...]) -> None:
    with pytest.raises(ProviderError) as caught:
        await links(Linked(*named))
    assert caught.value.code == "paging_loop"


async def test_a_link_to_another_origin_is_never_followed() -> None:
    server = Linked("https://evil.example/things?cursor=b")
    with pytest.raises(ProviderError) as caught:
        await links(server)
    assert (caught.value.code, server.asked) == ("foreign_origin", [None])
