"""PowerSchool SIS through its plugin API: ``/ws/v1`` resources and PowerQueries.

Facts: PowerSchool plugin API reference; see docs/providers.md.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Literal

from pydantic import Field

from siscon.domain.errors import ProviderError
from siscon.domain.records import Entity
from siscon.providers.contract import Answer, Api, Page, Provider, ProviderSettings, Rate
from siscon.providers.grants import ClientCredentials
from siscon.providers.kit.decode import PageDecoder, first_good
from siscon.providers.kit.paging import from_resume
from siscon.providers.powerschool import wire
from siscon.providers.powerschool.changes import Changes, Single
from siscon.providers.powerschool.errors import judge
from siscon.providers.powerschool.lists import KEEP_S, Lists, NumberedList, place_in, resume_at
from siscon.providers.powerschool.own import OwnFields
from siscon.providers.powerschool.walk import Schools

QUERY = "org.siscon.roster."
"""Prefix of the PowerQueries that siscon's plugin brings: ``sections`` and ``enrollments``."""

STUDENT_EXPANSIONS = "demographics,contact_info,school_enrollment"
STAFF_EXPANSIONS = "emails,school_affiliations"

_QUERIES: Mapping[Entity, tuple[str, PageDecoder]] = {
    Entity.SECTION: ("sections", wire.QUERIED_SECTIONS),
    Entity.ENROLLMENT: ("enrollments", wire.QUERIED_ENROLLMENTS),
}
_NAME = r"^[A-Za-z0-9_.-]+$"

UNABLE = ("forbidden", "not_allowed", "bad_request", "bad_column", "no_access")
"""Codes of refusals after which the list is asked: it may well be readable, or it says itself why not."""


class PowerSchoolSettings(ProviderSettings):
    """What every PowerSchool integration may set."""

    lists: Literal["auto", "powerquery", "walk"] = "auto"
    """How sections and enrollments are read; auto: walk where the plugin brings no PowerQuery."""
    page_size: int = Field(default=500, ge=1, le=1000)
    """Records asked for at once, if the plugin is granted as many."""
    data_version: bool = False
    """An incremental sync asks for what changed since a data version; the plugin must have subscribed."""
    data_version_app: str = Field(default="siscon", pattern=_NAME, max_length=60)
    """The application name of that subscription."""
    changed_at_most: int = Field(default=500, ge=0, le=4_000)
    """More changed records of a kind than this are read with their whole list."""
    extensions: tuple[str, ...] = ()
    """Extension tables of students and staff to ask for."""
    custom_fields: tuple[str, ...] = ()
    """Fields of them to keep: table.field, or field of any table."""
    min_interval_ms: int = Field(default=0, ge=0, le=60_000)
    """The pause between two requests that the district's administrator has set for plugins."""


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
        own = OwnFields(settings.custom_fields) if settings.custom_fields else None
        asked = {"extensions": ",".join(settings.extensions)} if settings.extensions else {}
        self._students = wire.students_with(own)
        self._student_params = {"expansions": STUDENT_EXPANSIONS, **asked}
        self._staff = wire.staff_with(own)
        self._lists = Lists(api, settings.page_size)
        self._schools = Schools(
            self._lists,
            {
                Entity.TERM: ("term", wire.TERMS, {}),
                Entity.STAFF: ("staff", self._staff, {"expansions": STAFF_EXPANSIONS, **asked}),
                Entity.COURSE: ("course", wire.COURSES, {}),
            },
        )
        self._changes = Changes(self._lists, settings.data_version_app, at_most=settings.changed_at_most)

    @classmethod
    def grant(cls, settings: ProviderSettings) -> ClientCredentials:
        """Client credentials with the Basic header, no scopes, at ``/oauth/access_token``."""
        return ClientCredentials(token_url=f"{settings.base_url.rstrip('/')}/oauth/access_token")

    @classmethod
    def rate_for(cls, settings: ProviderSettings) -> Rate:
        """The usual rate, with the pause that the administrator of the district has set for plugins."""
        assert isinstance(settings, PowerSchoolSettings)
        return replace(cls.rate, min_interval_s=settings.min_interval_ms / 1000)

    @classmethod
    def classify(cls, answer: Answer) -> Exception | None:
        """What PowerSchool says in ways of its own; everything else goes by the common table."""
        return judge(answer)

    async def coverage(self) -> Mapping[str, str]:
        """Server version, district and number of schools that the plugin sees; what it may not read is left out.

        Of the version only year and release count: patches change nothing that a plugin is shown.
        """
        found: dict[str, str] = {}
        with suppress(ProviderError):
            told = await self._lists.metadata()
            version, uuid = told.get("powerschool_version"), told.get("district_uuid")
            if isinstance(version, str) and version:
                found["powerschool_version"] = ".".join(version.split(".")[:2])[:40]
            if isinstance(uuid, str) and uuid:
                found["district"] = uuid[:80]
        with suppress(ProviderError):
            schools = NumberedList("school", "ws/v1/district/school", wire.SCHOOL_IDS)
            count = await self._lists.count(schools, keep_s=KEEP_S)
            if count is not None:
                found["schools"] = str(count)
        return found

    async def pages(self, entity: Entity, *, cursor: str | None, resume: str | None) -> AsyncIterator[Page]:
        """The pages of one entity. With ``data_version`` and a cursor only what changed since, else everything."""
        at: dict[str, Any] = from_resume(resume)
        if not at:
            at["sizes"] = await self._lists.sizes()
            if self._set.data_version:
                more = self._set.extensions if entity in (Entity.STUDENT, Entity.STAFF) else ()
                by_query = entity in _QUERIES and self._set.lists != "walk"
                await self._changes.prepare(entity, cursor, at, more_tables=more, by_query=by_query)
        mark, note = at.pop("mark", None), at.pop("note", "")
        async for page in self._pages(entity, at):
            yield replace(page, cursor=mark, note=page.note or note)
            note = note if page.note else ""

    async def one(self, entity: Entity, external_id: str) -> Page | None:
        """One record by its id, ``/ws/v1/student/{id}`` and its like; None for staff, which those resources know by
        another id, and for what the plugin may not ask for so.
        """
        if entity is Entity.STAFF:
            return None
        if not _is_dcid(external_id):
            return Page([], None)
        try:
            return await self._changes.one(self._single(entity), external_id)
        except ProviderError as error:
            if error.code not in UNABLE:
                raise
            return None

    def read(self, entity: Entity, raw: str, _part: str) -> Page:
        """A row that a person has mended: it came from a PowerQuery or from a resource."""
        ways = [_QUERIES[entity][1]] if entity in _QUERIES else []
        ways.append(self._staff if entity is Entity.STAFF else self._single(entity).decoder)
        return first_good(way.read_row(raw) for way in ways)

    async def related(self, entity: Entity, of: Entity, external_id: str) -> Page | None:
        """The enrollments of one section; no resource lists those of one student."""
        if (entity, of) != (Entity.ENROLLMENT, Entity.SECTION) or not _is_dcid(external_id):
            return None
        path = f"ws/v1/section/{external_id}/section_enrollment"
        one = NumberedList("section_enrollment", path, wire.ENROLLMENTS)
        try:
            found, partial = await self._lists.whole(one, await self._lists.sizes())
        except ProviderError as error:
            if error.code not in (*UNABLE, "not_found", "gone"):
                raise
            return None
        return None if partial else Page(found, None)

    def _pages(self, entity: Entity, at: dict[str, Any]) -> AsyncIterator[Page]:
        nothing = at.get("ids") == [] and "place" not in at
        by_query = entity in _QUERIES and self._set.lists != "walk" and "mode" not in at
        if by_query and not nothing:
            return self._query(entity, at)
        if "ids" in at:
            return self._changes.pages(self._single(entity), at)
        match entity:
            case Entity.SCHOOL:
                return self._district(
                    NumberedList("school", "ws/v1/district/school", wire.SCHOOLS, counted=True), at
                )
            case Entity.STUDENT:
                params = {**self._student_params, "q": wire.ALL_STATUSES}
                path = "ws/v1/district/student"
                return self._district(NumberedList("student", path, self._students, params, counted=True), at)
        return self._schools.pages(entity, at)

    def _single(self, entity: Entity) -> Single:
        match entity:
            case Entity.SCHOOL:
                return Single("school", wire.SCHOOLS, {})
            case Entity.STUDENT:
                return Single("student", self._students, self._student_params)
            case Entity.TERM:
                return Single("term", wire.TERMS, {})
            case Entity.COURSE:
                return Single("course", wire.COURSES, {})
            case Entity.SECTION:
                return Single("section", wire.SECTIONS, {})
        return Single("section_enrollment", wire.ENROLLMENTS, {})

    async def _district(self, one: NumberedList, at: dict[str, Any]) -> AsyncIterator[Page]:
        """A list of the whole district, counted beforehand: the count is not asked for again after a crash."""
        if "place" not in at:
            place = await self._lists.begin(one)
            yield Page([], resume_at(at, place=place), total=place.total)
        else:
            place = place_in(at)
        async for leaf in self._lists.leaves(one, place, at["sizes"]):
            yield leaf.page(None if leaf.after is None else resume_at(at, place=leaf.after))

    async def _query(self, entity: Entity, at: dict[str, Any]) -> AsyncIterator[Page]:
        """A PowerQuery, page by page; where the plugin brings none that may be run, the walk through the schools.

        Changed rows that the subscription told of and the query did not send are asked for one by one: its SQL may
        leave them out, or they are gone.
        """
        name, decoder = _QUERIES[entity]
        path = f"ws/schema/query/{QUERY}{name}"
        started, note = "place" in at, ""
        one = NumberedList("schema_table_query", path, decoder, arguments=self._changes.arguments(at))
        try:
            async for leaf in self._lists.leaves(one, place_in(at), at["sizes"]):
                started = True
                if "ids" in at:
                    came = {one.external_id for one in (*leaf.decoded.records, *leaf.decoded.rejected)}
                    at["ids"] = [one for one in at["ids"] if one not in came]
                if leaf.after is not None:
                    yield leaf.page(resume_at(at, place=leaf.after))
                    continue
                at["mode"] = "one by one" if at.get("ids") else ""
                yield leaf.page(resume_at(at) if at["mode"] else None)
                if not at["mode"]:
                    return
        except ProviderError as error:
            if started:
                raise
            note = self._way_round(error, name, at)
        async for page in self._pages(entity, at):
            yield replace(page, note=page.note or note)
            note = ""

    def _way_round(self, error: ProviderError, name: str, at: dict[str, Any]) -> str:
        """Change the resume position to another way of reading, and say so; or raise the error again."""
        if error.code == "bad_request" and "since" in at:
            at.pop("since")
            at.pop("ids", None)
            return f"The PowerQuery {QUERY}{name} takes no data version: the whole list is read."
        if error.code not in ("not_found", "forbidden") or self._set.lists == "powerquery":
            raise error
        at["mode"] = "walk"
        why = "is not installed" if error.code == "not_found" else "may not be run by this plugin"
        return f"The PowerQuery {QUERY}{name} {why}: siscon walks from school to school, which is slower."


def _is_dcid(external_id: str) -> bool:
    """Ids of PowerSchool are whole numbers; nothing else is an id there, whatever it would lead to in a path."""
    return external_id.isascii() and external_id.isdigit()
