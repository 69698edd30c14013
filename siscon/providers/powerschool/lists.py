"""PowerSchool's numbered lists, read so that a list is complete only where the announced numbers prove it.

``/ws/v1`` pages carry neither a total nor a link to the next page (plugin API reference, "pagination"): the number of
rows comes from ``/count``, for PowerQueries from ``count=true``. Rows move to other pages while a list is read.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from urllib.parse import quote

from siscon.domain.errors import ProviderError
from siscon.domain.records import Part, Record, Section
from siscon.providers.contract import Answer, Api, Page
from siscon.providers.kit.coerce import as_map, as_ref
from siscon.providers.kit.decode import Decoded, PageDecoder, parse
from siscon.providers.kit.paging import Progress, fetched, to_resume

NOT_OFFERED = ("not_found", "not_allowed", "forbidden")
"""Codes of refusals that say: this server does not offer it to this plugin."""

KEEP_S = 300.0
"""How long an answer about the server itself may be kept, in seconds."""

_UNKNOWN_SIZE = 1_000


@dataclass(frozen=True, slots=True)
class NumberedList:
    """One list: its page size's name in ``/metadata``, where it is, how its rows become records.

    ``arguments`` is the body of a PowerQuery, which is sent by POST; None for all others. ``counted`` lists are
    counted before their first page, others only when they turn out to be longer than one.
    """

    name: str
    path: str
    decoder: PageDecoder
    params: Mapping[str, str] = field(default_factory=dict)
    arguments: Mapping[str, str] | None = None
    counted: bool = False

    @property
    def request(self) -> str:
        """Method and path, as sentences name it."""
        return f"{'GET' if self.arguments is None else 'POST'} {self.path}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a list stands between two pages.

    ``received`` counts each row once; ``last`` names the last row of the page before, ``moved`` says that a row came
    twice, ``again`` that this is the second reading.
    """

    page: int = 1
    received: int = 0
    total: int | None = None
    last: str = ""
    moved: bool = False
    again: bool = False


START = Place()


@dataclass(frozen=True, slots=True)
class Leaf:
    """One page of a list; ``after`` None: it was the last."""

    decoded: Decoded
    after: Place | None
    total: int | None
    partial: bool = False
    note: str = ""

    def page(self, resume: str | None, *, counted: bool = True) -> Page:
        """As a page; ``counted`` says that its total is that of the whole entity."""
        return Page(
            self.decoded.records,
            resume,
            self.decoded.rejected,
            total=self.total if counted else None,
            note=self.note,
            partial=self.partial,
        )


def place_in(at: Mapping[str, Any]) -> Place:
    """The place in a resume position, the beginning where there is none."""
    told = at.get("place")
    try:
        return Place(**told) if isinstance(told, dict) else START
    except TypeError:
        raise ProviderError(
            "The stored position of a PowerSchool list cannot be read. Start the entity anew.",
            code="bad_resume",
        ) from None


def resume_at(at: Mapping[str, Any], **more: Any) -> str:
    """A resume text: what ``at`` holds, and ``more``; places become plain values."""
    values = {**at, **more}
    return to_resume(**{name: asdict(v) if isinstance(v, Place) else v for name, v in values.items()})


class Lists:
    """Reads lists through one ``Api``. ``sizes`` are the page sizes that the plugin was granted, by name."""

    def __init__(self, api: Api, page_size: int) -> None:
        self.api = api
        self._page_size = page_size

    async def sizes(self) -> dict[str, int]:
        """The page sizes of ``/ws/v1/metadata``; none where the server does not tell them."""
        try:
            told = (await self.metadata()).items()
        except ProviderError as error:
            if error.code in NOT_OFFERED:
                return {}
            raise
        ending = "_max_page_size"
        found = {name.removesuffix(ending): str(value) for name, value in told if name.endswith(ending)}
        return {name: int(text) for name, text in found.items() if text.isdecimal() and 0 < int(text) < 10**6}

    async def metadata(self) -> Mapping[str, Any]:
        """What the server tells of itself and of the plugin."""
        answer = await self.api.get("ws/v1/metadata", keep_s=KEEP_S)
        return as_map(as_map(parse(answer.body, "GET ws/v1/metadata")).get("metadata"))

    def _size(self, one: NumberedList, sizes: Mapping[str, Any]) -> int | None:
        """How many rows to ask for; None where nobody said what is granted: the server then sends what it grants."""
        granted = sizes.get(one.name)
        return min(self._page_size, granted) if type(granted) is int else None

    async def count(self, one: NumberedList, *, keep_s: float = 0.0) -> int | None:
        """The number that ``/count`` announces; None where there is no such resource."""
        path = f"{one.path}/count"
        try:
            if one.arguments is None:
                params = {name: value for name, value in one.params.items() if name == "q"}
                answer = await self.api.get(path, params, keep_s=keep_s)
            else:
                answer = await self.api.post(path, dict(one.arguments), repeatable=True)
        except ProviderError as error:
            if error.code in NOT_OFFERED:
                return None
            raise
        body = as_map(parse(answer.body, f"GET {path}"))
        text = str(as_map(body.get("resource", body)).get("count"))
        return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else None

    async def begin(self, one: NumberedList) -> Place:
        """The place before the first page."""
        return Place(total=await self.count(one)) if one.counted else START

    async def _ask(self, one: NumberedList, page: int, size: int | None) -> Answer:
        params: dict[str, str | int] = {**one.params, "page": page}
        if size is not None:
            params["pagesize"] = size
        if one.arguments is None:
            return await self.api.get(one.path, params)
        if page == 1:
            params["count"] = "true"
        return await self.api.post(one.path, dict(one.arguments), params, repeatable=True)

    async def leaves(
        self, one: NumberedList, place: Place, sizes: Mapping[str, Any]
    ) -> AsyncGenerator[Leaf, None]:
        """The pages from ``place`` on, the last one checked; a list that moved is read once more from its start."""
        size = self._size(one, sizes)
        progress = Progress(one.request, size=size or _UNKNOWN_SIZE)
        following: Place | None = place
        while following is not None:
            here = following
            answer, decoded = await fetched(
                lambda here=here: self._ask(one, here.page, size),  # type: ignore[misc]  # bound now
                one.decoder.read,
                one.request,
            )
            names = [_name_of(record) for record in decoded.records]
            twice = names.index(here.last) + 1 if here.last in names else 0
            received = here.received + decoded.received - twice
            total = decoded.announced if here.total is None else here.total
            full = decoded.received > 0 if size is None else decoded.received >= size
            if total is None and full and here.page == 1:
                total = await self.count(one)
            progress.check(answer, decoded, received=received, total=total)
            now = replace(here, received=received, total=total, moved=here.moved or twice > 0)
            if decoded.received and (received < total if total is not None else full):
                following = replace(now, page=here.page + 1, last=names[-1] if names else "")
                yield Leaf(decoded, following, total)
                continue
            leaf = await self._last(one, decoded, now, alone=now.page == 1 and not full)
            if leaf.after is not None:
                progress = Progress(one.request, size=size or _UNKNOWN_SIZE)
            following = leaf.after
            yield leaf

    async def _last(self, one: NumberedList, decoded: Decoded, now: Place, *, alone: bool) -> Leaf:
        """The last page, with the proof that the list is whole, or with the way back to its beginning.

        A list that came ``alone`` in one answer, with room for more, is of one moment. Any other is counted again: it
        must be as long as before and as what was received, and no row may have come twice.
        """
        total, received = now.total, now.received
        if alone and total in (None, received):
            return Leaf(decoded, None, total)
        counted = await self.count(one)
        steady = counted is None or total is None or counted == total
        if steady and not now.moved and (total is None or received == total):
            return Leaf(decoded, None, total)
        if not now.again:
            note = "Rows moved between pages while the list was read: siscon reads it once more."
            return Leaf(decoded, Place(total=counted, again=True), total, note=note)
        if steady and total is not None and received < total:
            note = f"PowerSchool announced {total} records and sent {received}; nobody is taken for missing."
            return Leaf(decoded, None, total, partial=True, note=note)
        note = "The list moved again while it was read a second time; nobody is taken for missing."
        return Leaf(decoded, None, total, partial=True, note=note)

    async def whole(self, one: NumberedList, sizes: Mapping[str, Any]) -> tuple[list[Record | Part], bool]:
        """All records of a list at once, and whether some may be lacking or unreadable."""
        found: list[Record | Part] = []
        partial = False
        async for leaf in self.leaves(one, await self.begin(one), sizes):
            found += leaf.decoded.records
            partial = partial or leaf.partial or bool(leaf.decoded.rejected)
            if leaf.after is not None and leaf.after.again and leaf.after.page == 1:
                found, partial = [], False
        return found, partial

    async def row(self, name: str, external_id: str, params: Mapping[str, str]) -> Any:
        """One record of ``/ws/v1`` as it comes; None when it is gone."""
        path = f"ws/v1/{name}/{quote(external_id, safe='')}"
        try:
            answer = await self.api.get(path, params)
        except ProviderError as error:
            if error.code in ("not_found", "gone"):
                return None
            raise
        body = as_map(parse(answer.body, f"GET {path}"))
        if name not in body:
            raise ProviderError(
                f"GET ws/v1/{name}/... answered with JSON without {name!r}. Check base_url.",
                code="unexpected_answer",
            )
        return body[name]

    async def with_persons(
        self, sections: Sequence[Record | Part], persons: dict[str, str]
    ) -> list[Record | Part]:
        """Sections with the persons in the place of staff rows; whom ``persons`` lacks is asked for and added to it.

        A staff row that is gone gets the person ``""``, and is left out of the section.
        """
        found: list[Record | Part] = []
        for section in sections:
            assert isinstance(section, Section)
            for staff_row in section.instructors:
                if staff_row not in persons:
                    persons[staff_row] = await self._person(staff_row)
            known = tuple(persons[one] for one in section.instructors if persons[one])
            found.append(replace(section, instructors=known))
        return found

    async def _person(self, staff_row: str) -> str:
        """users_dcid of one SCHOOLSTAFF.DCID, empty when that is gone."""
        row = as_map(await self.row("staff", staff_row, {}))
        return as_ref(row.get("users_dcid"), "users_dcid") or ""


def _name_of(record: Record | Part) -> str:
    """What tells a row from the others of its list."""
    return f"{record.external_id}/{record.part_id}" if isinstance(record, Part) else record.external_id
