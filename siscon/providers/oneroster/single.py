"""Single records of a OneRoster service: one by its id, whole, and the enrollments of one class or one student.

What a server does not offer, or does not understand, is None: then the list is read in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from siscon.domain.errors import ProviderError
from siscon.domain.records import Entity, Part, Record, Section
from siscon.providers.contract import Answer, Page
from siscon.providers.kit.decode import Decoded, PageDecoder
from siscon.providers.kit.moments import together
from siscon.providers.kit.offsets import by_offset
from siscon.providers.kit.paging import Position
from siscon.providers.oneroster.asking import Asking
from siscon.providers.oneroster.lists import RosterList

SINGLE_KEYS = {
    "schools": "org",
    "orgs": "org",
    "academicSessions": "academicSession",
    "teachers": "user",
    "students": "user",
    "courses": "course",
    "classes": "class",
    "enrollments": "enrollment",
    "demographics": "demographics",
}
"""Under which key the answer to a path with an id holds its one object (1.1 and 1.2, information models)."""

GONE = frozenset({"not_found", "gone"})
UNABLE = frozenset({"forbidden", "bad_request", "refused_values", "not_allowed", "not_offered"})
"""Codes of refusals after which the list is asked: it may well be readable, or it says itself why not."""

DESCRIBED = ("birth_date", "gender")
"""What demographics tell of a student."""

_STUDENT, _NEVER_STAFF = frozenset({"student"}), frozenset({"student", "guardian", "parent", "relative"})
_DOTS = frozenset({"", ".", ".."})

ToRecord = Callable[[Any], Record | Part | None]


class _NotTheirs(Exception):
    """A row of somebody else: the server has passed over the filter."""


def is_askable(external_id: str) -> bool:
    """Whether an id can stand in a path: dots alone would lead elsewhere, however they are written."""
    return external_id not in _DOTS


async def single(asking: Asking, one: RosterList, external_id: str) -> Decoded:
    """One row of a list by its id; nothing where it is gone. A bad one comes back rejected under that id."""
    try:
        answer = await asking.get(f"{one.path}/{quote(external_id, safe='')}")
    except ProviderError as error:
        if error.code in GONE:
            return Decoded([], [], 0)
        raise
    found = one.decoder.read_alone(answer, SINGLE_KEYS[one.path], f"GET {one.path}/...")
    rejected = [replace(bad, external_id=bad.external_id or external_id) for bad in found.rejected]
    if any(told.external_id != external_id for told in (*found.records, *rejected)):
        raise ProviderError(
            f"GET {one.path}/... answered with another record than was asked for. Report it to the vendor.",
            code="unexpected_answer",
        )
    return replace(found, rejected=rejected)


def page_of(
    answers: Sequence[Decoded], *, cursor: str | None = None, note: str = "", absent: Sequence[str] = ()
) -> Page:
    """Several answers as one page."""
    return Page(
        [one for answer in answers for one in answer.records],
        None,
        [one for answer in answers for one in answer.rejected],
        cursor=cursor,
        note=note,
        absent_fields=absent,
        modified=together((_ids_of(answer.records), answer.modified) for answer in answers),
    )


def _ids_of(records: Iterable[Record | Part]) -> set[str]:
    return {one.external_id for one in records}


class Singles:
    """Asks one service; ``lists_of`` names the lists of an entity, ``size`` how many rows to ask for at once."""

    def __init__(
        self, asking: Asking, lists_of: Callable[[Entity], tuple[RosterList, ...]], size: int
    ) -> None:
        self._asking, self._lists_of, self._size = asking, lists_of, size

    async def one(self, entity: Entity, external_id: str) -> Page | None:
        """One record by its id (``/students/{id}`` and its like), with what is laid over it."""
        if not is_askable(external_id):
            return None
        main, *more = self._lists_of(entity)
        try:
            found = await single(self._asking, _of_kind(main, entity), external_id)
        except ProviderError as error:
            if error.code in UNABLE:
                return None
            raise
        if not found.records or not more:
            return page_of([found])
        if entity is Entity.SECTION:
            return await self._taught(found, more[0], external_id)
        return await self._described(found, more[0], external_id)

    async def _described(self, found: Decoded, more: RosterList, external_id: str) -> Page | None:
        """A student with its demographics; where none are told or may be read they are left as they are known.

        Not all servers that list demographics answer for one of them: only the list says that there are none.
        """
        try:
            described = await single(self._asking, more, external_id)
        except ProviderError as error:
            if error.code not in UNABLE:
                raise
            if not (more.optional and error.code == "forbidden"):
                return None
            return page_of([found], absent=DESCRIBED)
        is_told = described.records or described.rejected
        return page_of([found, described], absent=() if is_told else DESCRIBED)

    async def _taught(self, found: Decoded, listed: RosterList, external_id: str) -> Page | None:
        """A class with its teachers. None told is believed where the class lists others, or has no teachers by their
        own path either; else the list must say so.
        """
        taught = await self._of_class(listed, found, external_id)
        if taught is None:
            return None
        if not taught and await self._has_some(Entity.STAFF, "classes", external_id, "teachers"):
            return None
        return page_of([found, *taught])

    async def enrollments(self, of: Entity, external_id: str) -> Page | None:
        """The enrollments of one section or one student."""
        if not is_askable(external_id):
            return None
        (listed,) = self._lists_of(Entity.ENROLLMENT)
        found: list[Decoded] | None = None
        if of is Entity.SECTION:
            found = await self._of_class(listed, None, external_id)
        elif of is Entity.STUDENT:
            found = await self._filtered(listed, "user", external_id)
            if found == [] and await self._has_some(Entity.SECTION, "students", external_id, "classes"):
                return None
        return None if found is None else page_of(found)

    async def _of_class(
        self, listed: RosterList, found: Decoded | None, external_id: str
    ) -> list[Decoded] | None:
        """What a list holds of one class: by the path below its school, else by a filter that is seen to work."""
        try:
            known = found or await single(self._asking, self._lists_of(Entity.SECTION)[0], external_id)
        except ProviderError as error:
            if error.code in UNABLE:
                return None
            raise
        school = next((one.school for one in known.records if isinstance(one, Section)), None)
        if school and is_askable(school):
            path = f"schools/{quote(school, safe='')}/classes/{quote(external_id, safe='')}/enrollments"
            below = await self._all(replace(listed, path=path), "class", external_id)
            if below is not None:
                return below
        return await self._filtered(listed, "class", external_id) or None

    async def _filtered(self, listed: RosterList, key: str, external_id: str) -> list[Decoded] | None:
        """Dotted fields are in no list of what servers must understand: what they leave is looked at row by row."""
        if not external_id.isprintable() or "'" in external_id or "\\" in external_id:
            return None
        return await self._all(listed, key, external_id, f"{key}.sourcedId='{external_id}'")

    async def _has_some(self, entity: Entity, of: str, external_id: str, what: str) -> bool:
        """Whether a record has others, as far as the server tells; a server that does not tell may know some."""
        path = f"{of}/{quote(external_id, safe='')}/{what}"
        try:
            answer = await self._asking.get(path, {"limit": 1, "offset": 0})
        except ProviderError as error:
            if error.code in UNABLE | GONE:
                return True
            raise
        return self._lists_of(entity)[0].decoder.read(answer, f"GET {of}/.../{what}").received > 0

    async def _all(
        self, listed: RosterList, key: str, external_id: str, clause: str = ""
    ) -> list[Decoded] | None:
        """Every row of a short list that belongs to one record; None where the server does not offer it so."""

        async def ask(offset: int, size: int) -> Answer:
            params: dict[str, str | int] = {"limit": size, "offset": offset}
            return await self._asking.get(listed.path, params | ({"filter": clause} if clause else {}))

        decoder, found = _only(listed.decoder, key, external_id), list[Decoded]()
        try:
            async for chunk in by_offset(
                ask, decoder.read, Position(0), size=self._size, request="GET enrollments of one record"
            ):
                if chunk.partial:
                    return None
                found.append(chunk.decoded)
        except _NotTheirs:
            return None
        except ProviderError as error:
            if error.code in UNABLE | GONE | {"paging_loop"}:
                return None
            raise
        if listed.follows:
            found = [
                replace(one, rejected=[replace(bad, external_id=None) for bad in one.rejected])
                for one in found
            ]
        return [one for one in found if one.received]


def _only(decoder: PageDecoder, key: str, external_id: str) -> PageDecoder:
    """A decoder that stops at the first row whose ``key`` leads to another record."""

    def change(to_record: ToRecord) -> ToRecord:
        def make(row: Any) -> Record | Part | None:
            if (row.get(key) or {}).get("sourcedId") != external_id:
                raise _NotTheirs
            return to_record(row)

        return make

    return decoder.adapted(change)


def _of_kind(listed: RosterList, entity: Entity) -> RosterList:
    """A list of people whose decoder leaves out those of another role: some servers look an id up among all users."""
    if entity not in (Entity.STUDENT, Entity.STAFF):
        return listed

    def change(to_record: ToRecord) -> ToRecord:
        def make(row: Any) -> Record | Part | None:
            told = {str(one.get("role") or "").lower() for one in row.get("roles") or ()}
            told = (told | {str(row.get("role") or "").lower()}) - {""}
            other = told <= _NEVER_STAFF if entity is Entity.STAFF else not told & _STUDENT
            return None if told and other else to_record(row)

        return make

    return replace(listed, decoder=listed.decoder.adapted(change))
