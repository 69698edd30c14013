"""Reading OneRoster: which lists make up each entity, in what order, and how a walk goes on after a stop.

Any provider whose SIS speaks OneRoster hands its ``pages`` on to :class:`OneRosterPages`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Literal
from urllib.parse import quote

from pydantic import Field

from siscon.domain.errors import ProviderError, RecordError
from siscon.domain.records import Entity, Part, Record
from siscon.providers import oneroster_wire as wire
from siscon.providers.contract import Answer, Api, Page, ProviderSettings
from siscon.providers.decode import PageDecoder
from siscon.providers.grants import ClientCredentials
from siscon.providers.offsets import by_offset
from siscon.providers.paging import Chunk, Position, from_resume, to_resume, total_of

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


class OneRosterSettings(ProviderSettings):
    """What every OneRoster integration may set."""

    version: Literal["1.1", "1.2"] = "1.2"
    rostering_path: str = ""
    """Path of the rostering service below base_url; empty: the vendor's usual one."""
    page_size: int = Field(default=500, ge=1, le=50_000)
    demographics: bool = True
    enrollment_filter: bool = True
    """Ask for enrollments by role; off for servers that refuse the filter: siscon then picks by itself."""
    schools_list: Literal["schools", "orgs"] = "schools"
    scope: str = ""
    """Scopes to ask for, space-separated; empty: the readable ones of the version."""


def service_path(version: str) -> str:
    """Where rostering lies below the host (1.1: one base for all services; 1.2: one for each)."""
    return "ims/oneroster/v1p1" if version == "1.1" else "ims/oneroster/rostering/v1p2"


def readable_scopes(settings: OneRosterSettings) -> str:
    """The scopes for reading a roster (1.2 security section; 1.1 uses the same words under v1p1)."""
    if settings.scope:
        return settings.scope
    prefix = f"https://purl.imsglobal.org/spec/or/v1p{settings.version[-1]}/scope/"
    words = ["roster.readonly", "roster-core.readonly"]
    if settings.demographics:
        words.append("roster-demographics.readonly")
    return " ".join(prefix + word for word in words)


def grant_for(settings: OneRosterSettings, token_url: str) -> ClientCredentials:
    """Client credentials with the Basic header and scopes (1EdTech Security Framework 1.0, section 4.1)."""
    return ClientCredentials(token_url=token_url, scope=readable_scopes(settings))


@dataclass(frozen=True, slots=True)
class RosterList:
    """One list of the service.

    ``follows`` says that it brings parts for the list before it; ``optional`` that an SIS may not grant it: the
    entity is read without it then.
    """

    name: str
    path: str
    decoder: PageDecoder
    filter: str = ""
    follows: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Walk:
    """What is asked for in one list, and the watermark that the first answer gave."""

    since: str | None
    mark: str | None


def watermark(answer: Answer) -> str | None:
    """The server's clock (``Date`` header) less the overlap, as the filter wants it; None without a clock."""
    try:
        moment = parsedate_to_datetime(answer.headers["date"])
    except (KeyError, ValueError, TypeError):
        return None
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return (aware - OVERLAP).strftime("%Y-%m-%dT%H:%M:%S.000Z")


class OneRosterPages:
    """The pages of each entity over one rostering service below ``service``."""

    def __init__(self, api: Api, settings: OneRosterSettings, service: str) -> None:
        self._api = api
        self._settings = settings
        self._service = service.strip("/")

    def lists_of(self, entity: Entity) -> tuple[RosterList, ...]:
        """The lists that make up an entity, the main one first."""
        by_role = self._settings.enrollment_filter
        match entity:
            case Entity.SCHOOL:
                schools = self._settings.schools_list == "schools"
                one_filter = "" if schools else "type='school'"
                return (RosterList("schools", self._settings.schools_list, wire.SCHOOLS, one_filter),)
            case Entity.TERM:
                return (RosterList("sessions", "academicSessions", wire.TERMS),)
            case Entity.STAFF:
                return (RosterList("teachers", "teachers", wire.TEACHERS),)
            case Entity.STUDENT:
                students = RosterList("students", "students", wire.STUDENTS)
                more = RosterList(
                    "demographics", "demographics", wire.DEMOGRAPHICS, follows=True, optional=True
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
            since = None
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
        chunks = by_offset(
            partial(self._ask, one, walk.since),
            one.decoder.read,
            position,
            size=self._settings.page_size,
            request=f"GET {one.path}",
        )
        try:
            async for chunk in chunks:
                mark = mark or watermark(chunk.answer)
                yield self._page(one, chunk, mark, after(mark=mark) if after else None)
        except ProviderError as error:
            if not (one.optional and error.code in ("forbidden", "not_found") and position.at == 0):
                raise
            note = f"The SIS does not offer {one.path} to this login ({error.code}): read without."
            yield Page([], after(mark=mark) if after else None, cursor=mark, note=note)

    def _page(self, one: RosterList, chunk: Chunk, mark: str | None, after: str | None) -> Page:
        resume = after
        if chunk.after is not None:
            resume = to_resume(list=one.name, position=chunk.after, mark=mark)
        decoded = chunk.decoded
        rejected = decoded.rejected
        if one.decoder is wire.TEACHINGS:  # their ids are those of enrollments: no section goes by them
            rejected = [replace(bad, external_id=None) for bad in rejected]
        return Page(
            decoded.records,
            resume,
            rejected,
            total=None if one.follows else chunk.total,
            cursor=mark,
            note=chunk.note,
            partial=chunk.partial,
        )

    async def _ask(self, one: RosterList, since: str | None, offset: int, size: int) -> Answer:
        """One page: ``limit``, ``offset`` and at most two filter clauses (1.1 section 3.4, 1.2 section 3.5)."""
        params: dict[str, str | int] = {"limit": size, "offset": offset}
        clauses = [one.filter] if one.filter else []
        if since is not None:
            clauses.append(f"dateLastModified>'{since}'")
        if clauses:
            params["filter"] = " AND ".join(clauses)
        return await self._api.get(f"{self._service}/{one.path}", params)

    async def _few_changed_students(self, cursor: str) -> Page | None:
        """Changed students and those with changed demographics, each whole, as one page; None if they are many."""
        students, more = self.lists_of(Entity.STUDENT)
        try:
            answer = await self._ask(students, cursor, 0, FEW + 1)
            changed = students.decoder.read(answer, "GET students")
            newer_answer = await self._ask(more, cursor, 0, FEW + 1)
            newer = more.decoder.read(newer_answer, "GET demographics")
            announced = (total_of(answer) or 0) + (total_of(newer_answer) or 0)
            received = changed.received + newer.received
            if max(announced, received) > FEW:
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
            if error.code in ("forbidden", "not_found"):
                return None
            raise
        return Page(records, None, [*changed.rejected, *newer.rejected], cursor=watermark(answer))

    async def _single(self, one: RosterList, key: str, external_id: str) -> list[Record | Part]:
        """One record by its id; none if it is gone."""
        try:
            answer = await self._api.get(f"{self._service}/{one.path}/{quote(external_id, safe='')}")
        except ProviderError as error:
            if error.code == "not_found":
                return []
            raise
        return one.decoder.read_single(answer, key, f"GET {one.path}/...")
