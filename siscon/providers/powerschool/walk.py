"""PowerSchool from school to school: the lists that only schools have, and the walk where no PowerQuery is there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from siscon.domain.records import Entity, Part
from siscon.providers.contract import Page
from siscon.providers.kit.decode import PageDecoder
from siscon.providers.powerschool import wire
from siscon.providers.powerschool.lists import START, Leaf, Lists, NumberedList, place_in, resume_at

Step = tuple[Leaf, dict[str, Any] | None]
"""A page of one school's lists and what the resume position must hold to go on after it (None: the school is done)."""


class Schools:
    """Walks through all schools, one list after the other.

    ``at`` is the resume position: ``sizes``, ``schools`` (DCIDs, asked for once), ``school`` (which of them), and
    what the list that is read needs. A school, or a section, whose id cannot be read makes the whole walk partial.
    """

    def __init__(
        self, lists: Lists, of_a_school: Mapping[Entity, tuple[str, PageDecoder, Mapping[str, str]]]
    ):
        self._lists = lists
        self._of_a_school = of_a_school

    async def pages(self, entity: Entity, at: dict[str, Any]) -> AsyncIterator[Page]:
        """The pages of an entity."""
        if "schools" not in at:
            schools = NumberedList("school", "ws/v1/district/school", wire.SCHOOL_IDS, counted=True)
            found, partial = await self._lists.whole(schools, at["sizes"])
            at["schools"] = list(dict.fromkeys(one.external_id for one in found))
            at["partial"] = bool(at.get("partial") or partial)
            yield Page([], resume_at(at))
        schools_found = [str(one) for one in at["schools"]]
        if not schools_found:
            yield Page([], None, partial=bool(at.get("partial")))
        for number in range(int(at.get("school", 0)), len(schools_found)):
            school = schools_found[number]
            async for leaf, after in self._steps(entity, school, at):
                resume = None
                if after is not None:
                    resume = resume_at(at, school=number, **after)
                elif number + 1 < len(schools_found):
                    kept = {k: v for k, v in at.items() if k not in ("place", "persons", "sections")}
                    resume = resume_at(kept, school=number + 1)
                page = leaf.page(resume, counted=False)
                if entity is Entity.STAFF:
                    page = replace(page, records=wire.spread_schools(list(page.records), school))
                yield replace(page, partial=page.partial or bool(at.get("partial")))
            for name in ("place", "persons", "sections"):
                at.pop(name, None)

    def _steps(self, entity: Entity, school: str, at: dict[str, Any]) -> AsyncIterator[Step]:
        if entity is Entity.SECTION:
            return self._sections(school, at)
        if entity is Entity.ENROLLMENT:
            return self._enrollments(school, at)
        name, decoder, params = self._of_a_school[entity]
        return self._one_list(
            NumberedList(name, f"ws/v1/school/{quote(school, safe='')}/{name}", decoder, params), at
        )

    async def _one_list(self, one: NumberedList, at: dict[str, Any]) -> AsyncIterator[Step]:
        async for leaf in self._lists.leaves(one, place_in(at), at["sizes"]):
            yield leaf, None if leaf.after is None else {"place": leaf.after}

    async def _sections(self, school: str, at: dict[str, Any]) -> AsyncIterator[Step]:
        """The sections of a school, with the persons behind its staff rows as instructors."""
        persons = at.get("persons") or await self._persons(school, at)
        one = NumberedList("section", f"ws/v1/school/{quote(school, safe='')}/section", wire.SECTIONS)
        async for leaf in self._lists.leaves(one, place_in(at), at["sizes"]):
            records = await self._lists.with_persons(leaf.decoded.records, persons)
            named = replace(leaf, decoded=replace(leaf.decoded, records=records))
            yield named, None if leaf.after is None else {"place": leaf.after, "persons": persons}

    async def _persons(self, school: str, at: dict[str, Any]) -> dict[str, str]:
        """users_dcid by SCHOOLSTAFF.DCID: sections name the second, rosters the first."""
        staff = NumberedList("staff", f"ws/v1/school/{quote(school, safe='')}/staff", wire.STAFF_ROWS)
        found, _ = await self._lists.whole(staff, at["sizes"])
        return {one.part_id: one.external_id for one in found if isinstance(one, Part)}

    async def _enrollments(self, school: str, at: dict[str, Any]) -> AsyncIterator[Step]:
        """The enrollments of a school's sections, section after section; those left travel in the resume position."""
        if "sections" not in at:
            one = NumberedList("section", f"ws/v1/school/{quote(school, safe='')}/section", wire.SECTION_IDS)
            found, partial = await self._lists.whole(one, at["sizes"])
            at["partial"] = bool(at.get("partial") or partial)
            at["sections"] = list(dict.fromkeys(section.external_id for section in found))
        sections = [str(one) for one in at["sections"]]
        if not sections:
            yield Leaf(wire.NOTHING, None, None), None
        for number, section in enumerate(sections):
            path = f"ws/v1/section/{quote(section, safe='')}/section_enrollment"
            one = NumberedList("section_enrollment", path, wire.ENROLLMENTS)
            place = place_in(at) if number == 0 else START
            async for leaf in self._lists.leaves(one, place, at["sizes"]):
                left = sections[number:] if leaf.after is not None else sections[number + 1 :]
                onward = {"sections": left, "place": leaf.after or START}
                yield leaf, onward if left else None
