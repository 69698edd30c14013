"""Skyward SMS 2.0's own interface: schools and students; nothing else of a roster can be read whole from it.

Facts: public clients (Bright, HelloID) of ``/v1/schools`` and ``/v1/students``; see docs/providers.md.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from urllib.parse import parse_qs, urlsplit

from siscon.domain.errors import ProviderError
from siscon.domain.records import Entity, School, Student
from siscon.providers.contract import Answer, Api, Page
from siscon.providers.kit.cells import Cells
from siscon.providers.kit.decode import Decoded, first_good, parse
from siscon.providers.kit.lists import linked_pages
from siscon.providers.kit.paging import next_link
from siscon.providers.kit.rows import JsonRows, ToRecord

OFFERED = (Entity.SCHOOL, Entity.STUDENT)
"""Enrollments name sections and courses by id alone, and no list tells what those are; staff and terms have none."""


def school(cells: Cells) -> School:
    """``SchoolId``, ``SchoolName``, ``GradeLow``, ``GradeHigh``."""
    return School(
        cells.id("SchoolId"),
        cells.need("SchoolName"),
        low_grade=cells.text("GradeLow"),
        high_grade=cells.text("GradeHigh"),
    )


def student(cells: Cells) -> Student:
    """A person by ``NameId``; the list tells neither gender nor grade (``GradYr`` is the year of leaving)."""
    return Student(
        cells.id("NameId"),
        cells.need("FirstName"),
        cells.text("MiddleName"),
        cells.need("LastName"),
        local_id=cells.text("DisplayId"),
        state_id=cells.text("StateId"),
        birth_date=cells.date("DateOfBirth"),
        email=cells.text("SchoolEmail") or cells.text("Email"),
        school=cells.ref("DefaultSchoolId"),
    )


class _BareRows(JsonRows):
    """A bare array; one that holds anything but objects is another thing than a list of records."""

    def __init__(self, to_record: ToRecord, id_key: str) -> None:
        super().__init__("", to_record, id_key=id_key)

    def read(self, answer: Answer, request: str) -> Decoded:
        """The records of an answer."""
        body = parse(answer.body, request)
        if isinstance(body, list) and any(not isinstance(one, dict) for one in body):
            raise ProviderError(
                f"{request} answered with a list that holds no records. Check base_url and the flavour.",
                code="unexpected_answer",
            )
        return super().read(answer, request)


LISTS = {
    Entity.SCHOOL: ("schools", _BareRows(school, "SchoolId")),
    Entity.STUDENT: ("students", _BareRows(student, "NameId")),
}


def next_cursor(answer: Answer) -> str | None:
    """The cursor of the next page: the ``Link`` header calls it ``cursor``, the request ``paging.cursor``."""
    link = next_link(answer)
    if link is None:
        return None
    query = parse_qs(urlsplit(link).query)
    cursors = query.get("cursor") or query.get("paging.cursor")
    if not cursors:
        raise ProviderError(
            "Skyward names a next page without a cursor: the list cannot be read to its end. Report it to the vendor.",
            code="unexpected_answer",
        )
    return cursors[0]


class NativePages:
    """The pages of each entity below ``base_url``, which may end in ``/v1`` or stop before it."""

    def __init__(self, api: Api, base_url: str, *, page_size: int) -> None:
        self._api, self._page_size = api, page_size
        self._service = "" if base_url.rstrip("/").endswith("/v1") else "v1/"

    def pages(self, entity: Entity, *, resume: str | None) -> AsyncIterator[Page]:
        """The pages of one entity, always the whole list: this interface knows no changes."""
        path, rows = LISTS[entity]
        ask = partial(self._ask, path)
        return linked_pages(ask, rows, next_cursor, request=f"GET {path}", resume=resume)

    def read(self, entity: Entity, raw: str, _part: str) -> Page:
        """A row that a person has mended."""
        return first_good([LISTS[entity][1].read_row(raw)])

    async def _ask(self, path: str, cursor: str | None) -> Answer:
        params: dict[str, str | int] = {"paging.limit": self._page_size}
        if cursor is not None:
            params["paging.cursor"] = cursor
        return await self._api.get(f"{self._service}{path}", params)
