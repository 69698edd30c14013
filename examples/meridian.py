"""A whole provider in one file: Meridian, an invented SIS with an XML API, numbered pages and a key in a header.

Its wire: ``GET /xml/{list}?page=1&size=100`` answers ``<people count="7"><person id="p1">...</person></people>``. It
tells no changes, so each fetch reads everything. Staff and students stand in one list and are told apart by role.
"""

from collections.abc import AsyncIterator

from pydantic import Field

from siscon.domain.errors import ProviderError
from siscon.domain.records import Course, Enrollment, Entity, School, Section, Staff, Student
from siscon.providers.contract import Answer, Page, Provider, ProviderSettings, Rate
from siscon.providers.grants import ApiKey
from siscon.providers.kit.cells import Cells
from siscon.providers.kit.lists import numbered_pages
from siscon.providers.kit.rows import ToRecord
from siscon.providers.kit.xml_rows import XmlRows

GRADES = {"kindergarten": "0", "k": "0"}


def school(row: Cells) -> School:
    return School(row.id("id"), name=row.need("name"))


def staff(row: Cells) -> Staff | None:
    if row.text("role") != "teacher":
        return None
    name = row.inner("name")
    return Staff(row.id("id"), name.need("first"), name.need("last"), schools=row.refs("school"))


def student(row: Cells) -> Student | None:
    if row.text("role") == "teacher":
        return None
    name, grade = row.inner("name"), row.need("grade")
    return Student(
        row.id("id"),
        first_name=name.need("first"),
        last_name=name.need("last"),
        birth_date=row.date("born"),
        grade_level=GRADES.get(grade.lower(), grade),
        school=row.ref("school"),
        custom=row.custom("bus", "locker"),
    )


def course(row: Cells) -> Course:
    return Course(row.id("id"), title=row.need("title"))


def section(row: Cells) -> Section:
    return Section(
        row.id("id"), course=row.id("course"), school=row.ref("school"), instructors=row.refs("teacher")
    )


def enrollment(row: Cells) -> Enrollment:
    return Enrollment(row.id("id"), section=row.id("class"), student=row.id("person"))


LISTS: dict[Entity, tuple[str, str, ToRecord]] = {
    Entity.SCHOOL: ("schools", "school", school),
    Entity.STAFF: ("people", "person", staff),
    Entity.STUDENT: ("people", "person", student),
    Entity.COURSE: ("courses", "course", course),
    Entity.SECTION: ("classes", "class", section),
    Entity.ENROLLMENT: ("seats", "seat", enrollment),
}


class MeridianSettings(ProviderSettings):
    page_size: int = Field(default=100, ge=1, le=500)
    """Records asked for at once; the vendor grants up to 500."""


class Meridian(Provider):
    name, title, media = "meridian", "Meridian", "xml"
    entities = tuple(LISTS)
    rate = Rate(requests=60, per_s=60.0, min_interval_s=0.05)
    Settings = MeridianSettings
    settings: MeridianSettings

    @classmethod
    def grant(cls, settings: ProviderSettings) -> ApiKey:
        return ApiKey("X-Meridian-Key")

    @classmethod
    def classify(cls, answer: Answer) -> Exception | None:
        """Meridian answers 403 with this text when the list is not part of the district's contract."""
        if answer.status == 403 and b"<fault>list not licensed</fault>" in answer.body:
            return ProviderError(
                "Meridian does not license this list to the district. Leave it out with 'entities', or ask Meridian.",
                code="forbidden",
            )
        return None

    def pages(self, entity: Entity, *, cursor: str | None, resume: str | None) -> AsyncIterator[Page]:
        path, row, to_record = LISTS[entity]
        rows = XmlRows(path, row, to_record, count_key="count")

        async def ask(number: int, size: int) -> Answer:
            return await self.api.get(f"xml/{path}", {"page": number, "size": size})

        size, request = self.settings.page_size, f"GET xml/{path}"
        return numbered_pages(ask, rows, size=size, request=request, resume=resume)
