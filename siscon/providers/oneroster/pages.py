"""Reading OneRoster: which lists make up each entity, in what order, and how a walk goes on after a stop.

Any provider whose SIS speaks OneRoster hands its ``pages`` on to :class:`OneRosterPages`.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from urllib.parse import quote

from siscon.domain.errors import ProviderError, RecordError
from siscon.domain.records import Entity, Part, Record
from siscon.providers.contract import Answer, Api, Page, Rejected
from siscon.providers.kit.decode import PageDecoder
from siscon.providers.kit.offsets import by_offset
from siscon.providers.kit.paging import Chunk, Position, from_resume, to_resume
from siscon.providers.oneroster import wire
from siscon.providers.oneroster.asking import Asking
from siscon.providers.oneroster.coverage import KEEP_S, school_year
from siscon.providers.oneroster.fitting import fitted
from siscon.providers.oneroster.settings import OneRosterSettings

OVERLAP = timedelta(minutes=5)
"""How far the next incremental fetch reaches back behind the server's clock."""

FEW = 40
"""Up to so many changed students are completed one by one; more are read with the whole lists."""

ENTITIES = (
    Entity.SCHOOL,
    Entity.TERM,
    Entity.STAFF,
    Entity.STUDENT,
    Entity.COURSE,
    Entity.SECTION,
    Entity.ENROLLMENT,
)


SINGLE_KEYS = {
    "schools": "org",
    "orgs": "org",
    "academicSessions": "academicSession",
    "teachers": "user",
    "students": "user",
    "courses": "course",
    "enrollments": "enrollment",
}
"""Under which key the answer to a path with an id holds its one object (1.1 and 1.2, information models)."""


@dataclass(frozen=True, slots=True)
class RosterList:
    """One list of the service.

    ``follows`` says that it brings parts for the list before it; ``optional`` that an SIS may not grant it: the
    entity is read without it then. ``keep_s`` is for how many seconds its first page may be one kept.
    """

    name: str
    path: str
    decoder: PageDecoder
    filter: str = ""
    follows: bool = False
    optional: bool = False
    keep_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Walk:
    """What is asked for in one list, and the watermark that the first answer gave."""

    since: str | None
    mark: str | None


@dataclass(slots=True)
class Few:
    """What changed in one list, and the watermark."""

    records: list[Record | Part]
    rejected: list[Rejected]
    mark: str | None


_CHANGED = re.compile(rb'"dateLastModified"\s*:\s*"([0-9TZ:.+-]{10,40})"')


def moment_of(answer: Answer) -> datetime | None:
    """The server's clock as its ``Date`` header tells it (RFC 9110, section 6.6.1)."""
    try:
        moment = parsedate_to_datetime(answer.headers["date"])
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (KeyError, ValueError, TypeError, OverflowError):
        return None


def newest_change(answer: Answer) -> datetime | None:
    """The newest ``dateLastModified`` of a page, for servers that tell no time."""
    for text in sorted((one.decode() for one in _CHANGED.findall(answer.body)), reverse=True):
        try:
            moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError):
            continue
    return None


def watermark(answer: Answer) -> str | None:
    """The server's clock, else the newest change of its first page, less the overlap, as the filter wants it."""
    moment = moment_of(answer) or newest_change(answer)
    return None if moment is None else (moment - OVERLAP).strftime("%Y-%m-%dT%H:%M:%S.000Z")


class OneRosterPages:
    """The pages of each entity over one rostering service below ``service``."""

    def __init__(self, api: Api, settings: OneRosterSettings, service: str) -> None:
        self._settings = settings
        self._asking = Asking(api, service, settings.sort)
        self._cap = 0
        self._is_undescribed = False

    async def coverage(self) -> Mapping[str, str]:
        """Version and school year under way; a change of either makes absences say nothing."""
        told = {"OneRoster": self._settings.version}
        year = await school_year(self._asking, self._settings.page_size, moment_of)
        return told | ({"school year": year} if year else {})

    def lists_of(self, entity: Entity) -> tuple[RosterList, ...]:
        """The lists that make up an entity, the main one first, fitted to the settings."""
        lists = self._usual_lists(entity)
        return tuple(replace(one, decoder=fitted(one.decoder, self._settings)) for one in lists)

    def _usual_lists(self, entity: Entity) -> tuple[RosterList, ...]:
        by_role = self._settings.enrollment_filter
        match entity:
            case Entity.SCHOOL:
                schools = self._settings.schools_list == "schools"
                one_filter = "" if schools else "type='school'"
                return (RosterList("schools", self._settings.schools_list, wire.SCHOOLS, one_filter),)
            case Entity.TERM:
                return (RosterList("sessions", "academicSessions", wire.TERMS, keep_s=KEEP_S),)
            case Entity.STAFF:
                return (RosterList("teachers", "teachers", wire.TEACHERS),)
            case Entity.STUDENT:
                students = RosterList("students", "students", wire.STUDENTS)
                more = RosterList(
                    "demographics",
                    "demographics",
                    wire.DEMOGRAPHICS,
                    follows=True,
                    optional=self._settings.demographics == "auto",
                )
                return (students, more) if self._settings.demographics else (students,)
            case Entity.COURSE:
                return (RosterList("courses", "courses", wire.COURSES),)
            case Entity.SECTION:
                teachers = "role='teacher'" if by_role else ""
                return (
                    RosterList("classes", "classes", wire.SECTIONS),
                    RosterList("teachings", "enrollments", wire.TEACHINGS, teachers, follows=True),
                )
        students_only = "role='student'" if by_role else ""
        return (RosterList("enrollments", "enrollments", wire.ENROLLMENTS, students_only),)

    async def pages(self, entity: Entity, *, cursor: str | None, resume: str | None) -> AsyncIterator[Page]:
        """The pages of one entity.

        With a cursor only what changed since is asked for, with two exceptions, for a record must come whole: sections
        are always read in full, because a change of teacher does not touch the class; and changed students are read
        with their demographics, one by one when they are few, else in full.
        """
        at = from_resume(resume)
        since = cursor
        if entity is Entity.SECTION:
            since = None
        elif entity is Entity.STUDENT and self._settings.demographics and cursor is not None:
            if resume is None:
                page = await self._few_changed_students(cursor)
                if page is not None:
                    yield page
                    return
            since = cursor if self._is_undescribed else None
        lists = self.lists_of(entity)
        names = [one.name for one in lists]
        number = names.index(str(at["list"])) if at.get("list") in names else 0
        position = at["position"] if isinstance(at.get("position"), Position) else Position(0)
        mark = str(at["mark"]) if at.get("mark") else None
        while number < len(lists):
            following = names[number + 1] if number + 1 < len(names) else None
            assert isinstance(position, Position)
            async for page in self._list_pages(lists[number], position, Walk(since, mark), following):
                mark = mark or page.cursor
                yield page if page.cursor else replace(page, cursor=mark)
            number, position = number + 1, Position(0)

    async def _list_pages(
        self, one: RosterList, position: Position, walk: Walk, following: str | None
    ) -> AsyncIterator[Page]:
        """The pages of one list; its last page points to the list that follows."""
        mark = walk.mark
        after = None if following is None else partial(to_resume, list=following, position=Position(0))
        size = self._settings.page_size
        chunks = self._chunks(one, position, walk.since, size)
        try:
            async for chunk in chunks:
                mark = mark or watermark(chunk.answer)
                if chunk.total is None and chunk.after is not None and chunk.after.full < size:
                    self._cap = max(self._cap, chunk.after.full)
                yield self._page(one, chunk, mark, after(mark=mark) if after else None)
        except ProviderError as error:
            if not (one.optional and error.code in ("forbidden", "not_found") and position.at == 0):
                raise
            note = f"The SIS does not offer {one.path} to this login ({error.code}): read without."
            onward = after(mark=mark) if after else None
            yield Page([], onward, cursor=mark, note=note, absent_fields=("birth_date", "gender"))

    def _chunks(
        self, one: RosterList, position: Position, since: str | None, size: int
    ) -> AsyncGenerator[Chunk, None]:
        return by_offset(
            partial(self._asking.page, one.path, one.filter, since, keep_s=one.keep_s),
            one.decoder.read,
            position if position.full else replace(position, full=self._cap),
            size=size,
            request=f"GET {one.path}",
        )

    def _page(self, one: RosterList, chunk: Chunk, mark: str | None, after: str | None) -> Page:
        resume = after
        if chunk.after is not None:
            resume = to_resume(list=one.name, position=chunk.after, mark=mark)
        decoded = chunk.decoded
        rejected = decoded.rejected
        if one.name == "teachings":  # their ids are those of enrollments: no section goes by them
            rejected = [replace(bad, external_id=None) for bad in rejected]
        return Page(
            decoded.records,
            resume,
            rejected,
            total=None if one.follows else chunk.total,
            cursor=mark,
            note=" ".join(filter(None, (self._asking.note(), chunk.note))),
            partial=chunk.partial,
        )

    async def _few_changed_students(self, cursor: str) -> Page | None:
        """Changed students and those with changed demographics, each whole, as one page; None if they are many."""
        students, more = self.lists_of(Entity.STUDENT)
        try:
            changed = await self._few(students, cursor)
            newer = await self._few(more, cursor) if changed else None
            if changed is None or newer is None:
                return None
            records: list[Record | Part] = [*changed.records, *newer.records]
            whole = {one.external_id for one in changed.records}
            described = {one.external_id for one in newer.records}
            for external_id in sorted(whole - described):
                records += await self._single(more, "demographics", external_id)
            broken = {one.external_id for one in changed.rejected}
            for external_id in sorted(described - whole - broken):
                records += await self._single(students, "user", external_id)
        except RecordError:
            return None
        except ProviderError as error:
            if error.code not in ("forbidden", "not_found"):
                raise
            self._is_undescribed = more.optional
            return None
        rejected = [*changed.rejected, *newer.rejected]
        return Page(records, None, rejected, cursor=changed.mark, note=self._asking.note())

    async def _few(self, one: RosterList, cursor: str) -> Few | None:
        """What changed in a list, when it is little and known to be all."""
        found = Few([], [], None)
        async for chunk in self._chunks(one, Position(0), cursor, FEW + 1):
            found.mark = found.mark or watermark(chunk.answer)
            found.records += chunk.decoded.records
            found.rejected += chunk.decoded.rejected
            announced = chunk.total or 0
            if chunk.partial or max(announced, len(found.records) + len(found.rejected)) > FEW:
                return None
        return found

    async def one(self, entity: Entity, external_id: str) -> Page | None:
        """One record by its id (1.1 and 1.2: ``/students/{id}`` and its like), with what is laid over it.

        None for sections: who teaches one stands in the list of enrollments.
        """
        if entity is Entity.SECTION:
            return None
        main, *more = self.lists_of(entity)
        path = f"{main.path}/{quote(external_id, safe='')}"
        try:
            answer = await self._asking.get(path)
        except ProviderError as error:
            if error.code == "not_found":
                return Page([], None)
            raise
        found = main.decoder.read_alone(answer, SINGLE_KEYS[main.path], f"GET {main.path}/...")
        records = list(found.records)
        for described in more if records else ():
            try:
                records += await self._single(described, "demographics", external_id)
            except ProviderError as error:
                if not (described.optional and error.code == "forbidden"):
                    raise
                return Page(records, None, found.rejected, absent_fields=("birth_date", "gender"))
            except RecordError as error:
                return Page([], None, [Rejected(external_id, error.code, error.sentence, error.field, "{}")])
        return Page(records, None, found.rejected, note=self._asking.note())

    async def _single(self, one: RosterList, key: str, external_id: str) -> list[Record | Part]:
        """One record by its id; none if it is gone."""
        try:
            answer = await self._asking.get(f"{one.path}/{quote(external_id, safe='')}")
        except ProviderError as error:
            if error.code == "not_found":
                return []
            raise
        return one.decoder.read_single(answer, key, f"GET {one.path}/...")
