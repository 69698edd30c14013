"""A whole provider in one file: Harbor, an invented SIS with a JSON API, pages by offset and an OAuth login.

Its wire: ``GET /api/{list}?offset=0&limit=200`` answers ``{"total": 7, "items": [...]}``; ``since=`` an instant (the
``Date`` header of an earlier answer) narrows a list to what changed. Ids are whole numbers, dates ``YYYY-MM-DD``.
"""

from collections.abc import AsyncIterator, Mapping

from pydantic import Field

from siscon.domain import records as ours
from siscon.domain.records import Entity
from siscon.providers.contract import Answer, Page, Provider, ProviderSettings, Rate
from siscon.providers.grants import ClientCredentials
from siscon.providers.kit.cells import Cells
from siscon.providers.kit.decode import parse
from siscon.providers.kit.lists import header, offset_pages
from siscon.providers.kit.rows import JsonRows, ToRecord

STATUS = {"active": "active", "withdrawn": "inactive", "expected": "future"}


def school(row: Cells) -> ours.School:
    return ours.School(row.id("id"), name=row.need("name"), number=row.text("number"))


def term(row: Cells) -> ours.Term:
    starts_on, ends_on = row.need_date("from"), row.need_date("to")
    return ours.Term(row.id("id"), row.need("title"), row.ref("school"), starts_on, ends_on)


def staff(row: Cells) -> ours.Staff:
    return ours.Staff(
        row.id("id"),
        first_name=row.need("given"),
        last_name=row.need("family"),
        email=row.text("mail"),
        schools=row.refs("schools"),
    )


def student(row: Cells) -> ours.Student:
    return ours.Student(
        row.id("id"),
        first_name=row.need("given"),
        last_name=row.need("family"),
        birth_date=row.date("born"),
        grade_level=row.text("grade"),
        school=row.ref("school"),
        status=row.choice("status", STATUS, other="inactive"),
        custom=row.inner("own").custom(),
    )


def course(row: Cells) -> ours.Course:
    return ours.Course(row.id("id"), title=row.need("title"), code=row.text("code"))


def section(row: Cells) -> ours.Section:
    return ours.Section(
        row.id("id"),
        number=row.text("number"),
        course=row.id("course"),
        school=row.ref("school"),
        terms=row.refs("terms"),
        instructors=row.refs("teachers"),
    )


def enrollment(row: Cells) -> ours.Enrollment:
    section, student = row.id("group"), row.id("student")
    return ours.Enrollment(row.id("id"), section, student, begins_on=row.date("from"))


LISTS: dict[Entity, tuple[str, ToRecord]] = {
    Entity.SCHOOL: ("schools", school),
    Entity.TERM: ("terms", term),
    Entity.STAFF: ("staff", staff),
    Entity.STUDENT: ("students", student),
    Entity.COURSE: ("courses", course),
    Entity.SECTION: ("groups", section),
    Entity.ENROLLMENT: ("places", enrollment),
}


class HarborSettings(ProviderSettings):
    page_size: int = Field(default=200, ge=1, le=1000)
    """Records asked for at once."""


class Harbor(Provider):
    name, title = "harbor", "Harbor"
    entities = tuple(LISTS)
    rate = Rate(requests=120, per_s=60.0)
    Settings = HarborSettings
    settings: HarborSettings

    @classmethod
    def grant(cls, settings: ProviderSettings) -> ClientCredentials:
        return ClientCredentials(f"{settings.base_url}/oauth/token", scope="roster.read")

    async def coverage(self) -> Mapping[str, str]:
        about = Cells(parse((await self.api.get("api/about")).body, "GET api/about"))
        return {"school year": about.need("school_year")}

    def pages(self, entity: Entity, *, cursor: str | None, resume: str | None) -> AsyncIterator[Page]:
        path, to_record = LISTS[entity]
        rows = JsonRows("items", to_record, count_key="total")
        since = {"since": cursor} if cursor else {}

        async def ask(offset: int, limit: int) -> Answer:
            return await self.api.get(f"api/{path}", {"offset": offset, "limit": limit, **since})

        size, request = self.settings.page_size, f"GET api/{path}"
        return offset_pages(ask, rows, size=size, request=request, resume=resume, mark=header("date"))
