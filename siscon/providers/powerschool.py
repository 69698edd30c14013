"""PowerSchool SIS through its plugin API: ``/ws/v1`` resources and PowerQueries.

Facts: PowerSchool plugin API reference; see docs/providers.md.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Literal

from pydantic import Field

from siscon.domain.errors import ProviderError
from siscon.domain.records import Entity, Part, Record, Section
from siscon.providers import powerschool_wire as wire
from siscon.providers.coerce import as_map
from siscon.providers.contract import Answer, Api, Page, Provider, ProviderSettings, Rate
from siscon.providers.decode import PageDecoder, parse
from siscon.providers.grants import ClientCredentials
from siscon.providers.paging import Chunk, Position, by_number, from_resume, to_resume
from siscon.providers.powerschool_errors import judge

USUAL_PAGE_SIZE = 100
"""The maximum where ``/metadata`` names none."""

QUERY = "org.siscon.roster."
"""Prefix of the PowerQueries that siscon's plugin brings: ``sections`` and ``enrollments``."""

_OF_A_SCHOOL: Mapping[Entity, tuple[str, PageDecoder, str]] = {
    Entity.TERM: ("term", wire.TERMS, ""),
    Entity.STAFF: ("staff", wire.STAFF, "emails,school_affiliations"),
    Entity.COURSE: ("course", wire.COURSES, ""),
}
_QUERIES: Mapping[Entity, tuple[str, PageDecoder]] = {
    Entity.SECTION: ("sections", wire.QUERIED_SECTIONS),
    Entity.ENROLLMENT: ("enrollments", wire.QUERIED_ENROLLMENTS),
}


class PowerSchoolSettings(ProviderSettings):
    """``lists``: how sections and enrollments are read; ``auto`` walks where the plugin brings no PowerQuery."""

    lists: Literal["auto", "powerquery", "walk"] = "auto"
    page_size: int = Field(default=500, ge=1, le=1000)


class PowerSchool(Provider):
    """PowerSchool SIS, read by a plugin's client id and secret."""

    name, title = "powerschool", "PowerSchool"
    entities = (
        Entity.SCHOOL,
        Entity.TERM,
        Entity.STAFF,
        Entity.STUDENT,
        Entity.COURSE,
        Entity.SECTION,
        Entity.ENROLLMENT,
    )
    rate = Rate(requests=60, per_s=60.0, at_once=1)
    Settings = PowerSchoolSettings

    def __init__(self, api: Api, settings: ProviderSettings) -> None:
        super().__init__(api, settings)
        assert isinstance(settings, PowerSchoolSettings)
        self._set = settings

    @classmethod
    def grant(cls, settings: ProviderSettings) -> ClientCredentials:
        """Client credentials with the Basic header, no scopes, at ``/oauth/access_token``."""
        return ClientCredentials(token_url=f"{settings.base_url.rstrip('/')}/oauth/access_token")

    @classmethod
    def classify(cls, answer: Answer) -> Exception | None:
        """What PowerSchool says in ways of its own; everything else goes by the common table."""
        return judge(answer)

    async def pages(
        self,
        entity: Entity,
        *,
        cursor: str | None,  # noqa: ARG002 - every list is whole
        resume: str | None,
    ) -> AsyncIterator[Page]:
        """The pages of one entity; PowerSchool knows no incremental lists here, so a cursor changes nothing."""
        at = from_resume(resume)
        if not at:
            at = {"sizes": await self._sizes()}
        async for page in self._pages(entity, at):
            yield page

    def _pages(self, entity: Entity, at: dict[str, Any]) -> AsyncIterator[Page]:
        match entity:
            case Entity.SCHOOL:
                return self._district("school", wire.SCHOOLS, at, {})
            case Entity.STUDENT:
                expansions = "demographics,contact_info,school_enrollment"
                return self._district(
                    "student", wire.STUDENTS, at, {"expansions": expansions, "q": wire.ALL_STATUSES}
                )
            case Entity.TERM | Entity.STAFF | Entity.COURSE:
                return self._schools(entity, at)
        if self._set.lists == "walk" or at.get("mode") == "walk":
            return self._walk(entity, at)
        return self._query(entity, at)

    async def _sizes(self) -> dict[str, int]:
        """The page sizes that ``/ws/v1/metadata`` grants this plugin; they travel in the resume text."""
        answer = await self.api.get("ws/v1/metadata")
        told = as_map(as_map(parse(answer.body, "GET /ws/v1/metadata")).get("metadata"))
        ending = "_max_page_size"
        return {
            name.removesuffix(ending): value
            for name, value in told.items()
            if name.endswith(ending) and type(value) is int and value > 0
        }

    def _size(self, at: Mapping[str, Any], name: str) -> int:
        granted: int = as_map(at.get("sizes")).get(name, USUAL_PAGE_SIZE)
        return min(self._set.page_size, granted)

    async def _count(self, path: str, params: Mapping[str, str]) -> int | None:
        """The number that ``/count`` announces; None where there is no such resource."""
        chosen = {name: value for name, value in params.items() if name == "q"}
        try:
            answer = await self.api.get(f"{path}/count", chosen)
        except ProviderError as error:
            if error.code in ("not_found", "not_allowed"):
                return None
            raise
        count = as_map(as_map(parse(answer.body, "GET .../count")).get("resource")).get("count")
        text = str(count)
        return int(text) if text.isdigit() and len(text) < 12 else None

    def _chunks(
        self, name: str, path: str, decoder: PageDecoder, at: Mapping[str, Any], params: Mapping[str, str]
    ) -> AsyncGenerator[Chunk, None]:
        """The numbered pages of a resource from the position in ``at`` on."""

        async def ask(page: int, size: int) -> Answer:
            return await self.api.get(path, {**params, "page": page, "pagesize": size})

        return by_number(
            ask,
            decoder.read,
            position_of(at),
            size=self._size(at, name),
            request=f"GET {path}",
        )

    async def _district(
        self, name: str, decoder: PageDecoder, at: dict[str, Any], params: Mapping[str, str]
    ) -> AsyncIterator[Page]:
        """A list of the whole district, counted beforehand."""
        path = f"ws/v1/district/{name}"
        if "position" not in at:
            at["position"] = Position(1, total=await self._count(path, params))
            yield before_the_first(at)
        async for chunk in self._chunks(name, path, decoder, at, params):
            yield page_of(chunk, None if chunk.after is None else to_resume(**at | {"position": chunk.after}))

    async def _find_schools(self, at: dict[str, Any]) -> None:
        """The DCIDs of all schools, asked for once and kept in the resume text.

        A school (or, in a walk, a section) whose id cannot be read makes the whole walk partial.
        """
        found: list[str] = []
        path = "ws/v1/district/school"
        start = {**at, "position": Position(1, total=await self._count(path, {}))}
        async for chunk in self._chunks("school", path, wire.SCHOOL_IDS, start, {}):
            at["partial"] = bool(at.get("partial") or chunk.decoded.rejected)
            found += [one.external_id for one in chunk.decoded.records]
        at["schools"] = found

    async def _schools(self, entity: Entity, at: dict[str, Any]) -> AsyncIterator[Page]:
        """A list that each school has of its own, school after school."""
        name, decoder, expansions = _OF_A_SCHOOL[entity]
        params = {"expansions": expansions} if expansions else {}
        if "schools" not in at:
            await self._find_schools(at)
            yield before_the_first(at)
        schools = [str(one) for one in at["schools"]]
        if not schools:
            yield Page([], None, partial=bool(at.get("partial")))
        for number in range(int(at.get("school", 0)), len(schools)):
            path = f"ws/v1/school/{schools[number]}/{name}"
            async for chunk in self._chunks(name, path, decoder, at, params):
                page = page_of(chunk, None, counted=False)
                if entity is Entity.STAFF:
                    page = replace(page, records=wire.spread_schools(list(page.records), schools[number]))
                onward = self._onward(at, chunk.after, number, len(schools))
                yield replace(page, resume=onward, partial=page.partial or bool(at.get("partial")))
            at.pop("position", None)

    @staticmethod
    def _onward(at: Mapping[str, Any], after: Position | None, school: int, schools: int) -> str | None:
        """The resume text after a page of one school's list: the next page, else the next school, else none."""
        if after is not None:
            return to_resume(**{**at, "school": school, "position": after})
        if school + 1 < schools:
            return to_resume(**{**at, "school": school + 1, "position": Position(1)})
        return None

    async def _query(self, entity: Entity, at: dict[str, Any]) -> AsyncIterator[Page]:
        """A PowerQuery, page by page; where the plugin brings none, the walk through the schools."""
        name, decoder = _QUERIES[entity]
        path = f"ws/schema/query/{QUERY}{name}"

        async def ask(page: int, size: int) -> Answer:
            params: dict[str, str | int] = {"page": page, "pagesize": size}
            if page == 1:
                params["count"] = "true"
            return await self.api.post(path, {}, params, repeatable=True)

        size = self._size(at, "schema_table_query")
        try:
            async for chunk in by_number(
                ask, decoder.read, position_of(at), size=size, request=f"POST {path}"
            ):
                onward = None if chunk.after is None else to_resume(**at | {"position": chunk.after})
                yield page_of(chunk, onward)
        except ProviderError as error:
            if error.code != "not_found" or self._set.lists == "powerquery" or "position" in at:
                raise
        else:
            return
        note = f"The PowerQuery {QUERY}{name} is not installed: siscon walks from school to school, which is slower."
        async for page in self._walk(entity, at):
            yield replace(page, note=page.note or note)
            note = ""

    async def _walk(self, entity: Entity, at: dict[str, Any]) -> AsyncIterator[Page]:
        """School by school: its sections, and for enrollments each section's own list."""
        at["mode"] = "walk"
        if "schools" not in at:
            await self._find_schools(at)
            yield before_the_first(at)
        schools = [str(one) for one in at["schools"]]
        if not schools:
            yield Page([], None, partial=bool(at.get("partial")))
        for number in range(int(at.get("school", 0)), len(schools)):
            walk = self._sections_of if entity is Entity.SECTION else self._enrollments_of
            async for page, after in walk(schools[number], at):
                onward = None
                if after is not None:
                    onward = to_resume(**{**at, "school": number, **after})
                elif number + 1 < len(schools):
                    fresh = {name: at[name] for name in ("sizes", "schools", "mode", "partial")}
                    onward = to_resume(**fresh, school=number + 1)
                yield replace(page, resume=onward, partial=page.partial or bool(at.get("partial")))
            for name in ("position", "persons", "sections", "next_sections"):
                at.pop(name, None)

    async def _sections_of(
        self, school: str, at: dict[str, Any]
    ) -> AsyncIterator[tuple[Page, dict[str, Any] | None]]:
        """The sections of a school, with the persons behind its staff rows as instructors."""
        persons = at.get("persons") or await self._persons_of(school, at)
        async for chunk in self._chunks("section", f"ws/v1/school/{school}/section", wire.SECTIONS, at, {}):
            page = page_of(chunk, None, counted=False)
            records = [with_person(one, persons) for one in page.records]
            onward = {"position": chunk.after, "persons": persons}
            yield replace(page, records=records), None if chunk.after is None else onward

    async def _persons_of(self, school: str, at: Mapping[str, Any]) -> dict[str, str]:
        """users_dcid by SCHOOLSTAFF.DCID: sections name the second, rosters the first."""
        sizes = {"sizes": at.get("sizes")}
        found: dict[str, str] = {}
        async for chunk in self._chunks("staff", f"ws/v1/school/{school}/staff", wire.STAFF_ROWS, sizes, {}):
            for one in chunk.decoded.records:
                assert isinstance(one, Part)
                found[one.part_id] = one.external_id
        return found

    async def _enrollments_of(
        self, school: str, at: dict[str, Any]
    ) -> AsyncIterator[tuple[Page, dict[str, Any] | None]]:
        """The enrollments of a school's sections; the ids of the open page of sections travel in the resume text."""
        sections = [str(one) for one in at.pop("sections", [])]
        upcoming = at.pop("next_sections", Position(1))
        position = at.pop("position", Position(1))
        if isinstance(upcoming, dict):
            upcoming = Position(**upcoming)
        done = False
        while sections or upcoming is not None:
            if not sections:
                sections, upcoming = await self._section_ids(school, at, upcoming)
                continue
            path = f"ws/v1/section/{sections[0]}/section_enrollment"
            start = {"sizes": at.get("sizes"), "position": position}
            async for chunk in self._chunks("section_enrollment", path, wire.ENROLLMENTS, start, {}):
                left = sections if chunk.after is not None else sections[1:]
                onward = {"sections": left, "next_sections": upcoming, "position": chunk.after or Position(1)}
                done = not left and upcoming is None
                yield page_of(chunk, None, counted=False), None if done else onward
            sections, position = sections[1:], Position(1)
        if not done:  # no section, or the last page of them was empty
            yield Page([], None), None

    async def _section_ids(
        self, school: str, at: dict[str, Any], position: Position | None
    ) -> tuple[list[str], Position | None]:
        """One page of a school's section ids, and the position of the next page."""
        start = {"sizes": at.get("sizes"), "position": position or Position(1)}
        path = f"ws/v1/school/{school}/section"
        async with aclosing(self._chunks("section", path, wire.SECTION_IDS, start, {})) as chunks:
            chunk = await anext(chunks)
        at["partial"] = bool(at.get("partial") or chunk.decoded.rejected)
        return [one.external_id for one in chunk.decoded.records], chunk.after


def position_of(at: Mapping[str, Any]) -> Position:
    """The position in a resume text, the first page where there is none."""
    found = at.get("position")
    return found if isinstance(found, Position) else Position(1)


def before_the_first(at: Mapping[str, Any]) -> Page:
    """No records yet, only what was asked for before them: it is not asked for again after a crash."""
    position = at.get("position")
    return Page([], to_resume(**at), total=position.total if isinstance(position, Position) else None)


def page_of(chunk: Chunk, resume: str | None, *, counted: bool = True) -> Page:
    """A page of records; ``counted`` says that its total is that of the whole entity."""
    decoded = chunk.decoded
    return Page(
        decoded.records,
        resume,
        decoded.rejected,
        total=chunk.total if counted else None,
        note=chunk.note,
        partial=chunk.partial,
    )


def with_person(record: Record | Part, persons: Mapping[str, str]) -> Record | Part:
    """A section with the person in the place of the staff row; a row nobody knows is left out."""
    assert isinstance(record, Section)
    known = tuple(persons[one] for one in record.instructors if one in persons)
    return replace(record, instructors=known)
