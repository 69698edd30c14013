"""Reading OneRoster: which lists make up each entity, in what order, and how a walk goes on after a stop.

Any provider whose SIS speaks OneRoster hands its ``pages`` on to :class:`OneRosterPages`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from siscon.domain.errors import ProviderError
from siscon.domain.records import Entity, Part, Record
from siscon.providers.contract import Api, Page, Rejected
from siscon.providers.kit.decode import Decoded, first_good
from siscon.providers.kit.offsets import by_offset
from siscon.providers.kit.paging import Chunk, Position, from_resume, to_resume
from siscon.providers.oneroster.asking import Asking
from siscon.providers.oneroster.coverage import school_year
from siscon.providers.oneroster.lists import RosterList, lists_of
from siscon.providers.oneroster.marks import moment_of, watermark
from siscon.providers.oneroster.settings import OneRosterSettings
from siscon.providers.oneroster.single import DESCRIBED, Singles, page_of, single

FEW = 40
"""Up to so many changed students are completed one by one; more are read with the whole lists."""


@dataclass(frozen=True, slots=True)
class Walk:
    """What is asked for in one list, and the watermark that the first answer gave."""

    since: str | None
    mark: str | None


@dataclass(slots=True)
class Few:
    """What changed in one list, and the watermark."""

    answers: list[Decoded]
    mark: str | None = None

    @property
    def records(self) -> list[Record | Part]:
        return [one for answer in self.answers for one in answer.records]

    @property
    def rejected(self) -> list[Rejected]:
        return [one for answer in self.answers for one in answer.rejected]


class OneRosterPages:
    """The pages of each entity over one rostering service below ``service``."""

    def __init__(self, api: Api, settings: OneRosterSettings, service: str) -> None:
        self._settings = settings
        self._asking = Asking(api, service, settings.sort)
        self._lists: dict[Entity, tuple[RosterList, ...]] = {}
        self._singles = Singles(self._asking, self.lists_of, settings.page_size)
        self._cap = 0
        self._is_undescribed = False

    async def coverage(self) -> Mapping[str, str]:
        """Version and school year under way; a change of either makes absences say nothing."""
        told = {"OneRoster": self._settings.version}
        year = await school_year(self._asking, self._settings.page_size, moment_of)
        return told | ({"school year": year} if year else {})

    def lists_of(self, entity: Entity) -> tuple[RosterList, ...]:
        """The lists that make up an entity, the main one first, fitted to the settings."""
        if entity not in self._lists:
            self._lists[entity] = lists_of(entity, self._settings)
        return self._lists[entity]

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
            yield Page([], onward, cursor=mark, note=note, absent_fields=DESCRIBED)

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
            modified=decoded.modified,
        )

    async def _few_changed_students(self, cursor: str) -> Page | None:
        """Changed students and those with changed demographics, each whole, as one page; None if they are many."""
        students, more = self.lists_of(Entity.STUDENT)
        try:
            changed = await self._few(students, cursor)
            newer = await self._few(more, cursor) if changed else None
            if changed is None or newer is None:
                return None
            answers = [*changed.answers, *newer.answers]
            whole = {one.external_id for one in changed.records}
            described = {one.external_id for one in newer.records}
            answers += [await single(self._asking, more, one) for one in sorted(whole - described)]
            broken = {one.external_id for one in (*changed.rejected, *newer.rejected)}
            lacking = sorted(described - whole - broken)
            answers += [await single(self._asking, students, one) for one in lacking]
        except ProviderError as error:
            if error.code not in ("forbidden", "not_found"):
                raise
            self._is_undescribed = more.optional
            return None
        return page_of(answers, cursor=changed.mark, note=self._asking.note())

    async def _few(self, one: RosterList, cursor: str) -> Few | None:
        """What changed in a list, when it is little and known to be all."""
        found = Few([])
        async for chunk in self._chunks(one, Position(0), cursor, FEW + 1):
            found.mark = found.mark or watermark(chunk.answer)
            found.answers.append(chunk.decoded)
            announced = chunk.total or 0
            if chunk.partial or max(announced, len(found.records) + len(found.rejected)) > FEW:
                return None
        return found

    def read(self, entity: Entity, raw: str, part: str) -> Page | None:
        """A row that a person has mended, by the list that it came from."""
        for one in self.lists_of(entity):
            if one.decoder.part == part:
                return first_good([one.decoder.read_row(raw)])
        return None

    async def one(self, entity: Entity, external_id: str) -> Page | None:
        """One record by its id, with what is laid over it; None where the server does not offer that."""
        return await self._singles.one(entity, external_id)

    async def related(self, entity: Entity, of: Entity, external_id: str) -> Page | None:
        """The enrollments of one section or one student; None for all else, and where the server does not tell."""
        if entity is not Entity.ENROLLMENT:
            return None
        return await self._singles.enrollments(of, external_id)
