"""An SIS that answers like one: lists of records in pages, changed by the test between runs."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field

from siscon.domain.records import (
    Course,
    Enrollment,
    Entity,
    Part,
    Record,
    School,
    Section,
    Staff,
    Student,
    Term,
)
from siscon.providers.contract import Page, Provider, ProviderSettings, Rate, Rejected
from siscon.providers.grants import ClientCredentials


@dataclass
class FakeSis:
    """What the SIS holds; ``asked`` tells which pages were asked for, in order."""

    lists: dict[Entity, list[Record | Part | Rejected]] = field(default_factory=dict)
    page_size: int = 3
    asked: list[tuple[Entity, int]] = field(default_factory=list)
    fail_at: tuple[Entity, int] | None = None
    failure: BaseException | None = None
    partial: set[Entity] = field(default_factory=set)
    cut_off: set[Entity] = field(default_factory=set)
    mark: str | None = None
    absent: dict[Entity, tuple[str, ...]] = field(default_factory=dict)
    modified: dict[tuple[Entity, str], str] = field(default_factory=dict)
    gives_single: bool = True
    reads_rows: bool = True
    not_alone: set[str] = field(default_factory=set)
    fail_single_at: str | None = None
    failures: int = 1
    asked_single: list[tuple[Entity, str]] = field(default_factory=list)
    gives_related: bool = False
    asked_related: list[tuple[Entity, Entity, str]] = field(default_factory=list)

    def hold(self, *records: Record | Part | Rejected, entity: Entity | None = None) -> None:
        """Add records to the end of the lists of their entities."""
        for one in records:
            key = entity if entity is not None else one.entity  # type: ignore[union-attr] # Rejected comes with entity
            self.lists.setdefault(key, []).append(one)

    def replace(self, record: Record) -> None:
        """Put a new version of a record where the old one stood."""
        listed = self.lists[record.entity]
        at = next(i for i, one in enumerate(listed) if one.external_id == record.external_id)
        listed[at] = record

    def remove(self, entity: Entity, external_ids: Iterable[str]) -> None:
        """Let records vanish without a word."""
        gone = set(external_ids)
        self.lists[entity] = [one for one in self.lists[entity] if one.external_id not in gone]

    def told(self, entity: Entity, items: Iterable[Record | Part | Rejected]) -> dict[str, str]:
        """When what is on a page changed, as ``modified`` has it: by id, for parts by ``id/part``."""
        keys = {
            f"{one.external_id}/{one.part_id}" if isinstance(one, Part) else f"{one.external_id}": one
            for one in items
        }
        told = {one.external_id: self.modified.get((entity, key)) for key, one in keys.items()}
        return {str(one): moment for one, moment in told.items() if moment is not None}


class FakeProvider(Provider):
    """Reads a :class:`FakeSis` as a provider reads an SIS; the resume position is a number."""

    name, title = "fake", "Fake SIS"
    entities = tuple(Entity)
    rate = Rate(requests=0)

    def __init__(self, sis: FakeSis) -> None:
        self.sis = sis
        self.settings = self.Settings(base_url="https://fake.example")

    @classmethod
    def grant(cls, settings: ProviderSettings) -> ClientCredentials:
        return ClientCredentials(settings.base_url + "/token")

    async def one(self, entity: Entity, external_id: str) -> Page | None:
        if not self.sis.gives_single:
            return None
        if self.sis.fail_single_at == external_id and self.sis.failure is not None and self.sis.failures:
            self.sis.failures -= 1
            raise self.sis.failure
        self.sis.asked_single.append((entity, external_id))
        listed = [] if external_id in self.sis.not_alone else self.sis.lists.get(entity, [])
        found = [one for one in listed if one.external_id == external_id]
        return Page(
            records=[one for one in found if not isinstance(one, Rejected)],
            rejected=[one for one in found if isinstance(one, Rejected)],
            resume=None,
            modified=self.sis.told(entity, found),
        )

    def read(self, entity: Entity, raw: str, part: str) -> Page | None:
        row = json.loads(raw)
        if not self.sis.reads_rows:
            return None
        if part:
            return Page([Part(entity, row["id"], part, {"birth_date": row["born"]})], None)
        if not row.get("last"):
            refused = Rejected(row.get("id"), "missing", "last name is missing", "last", raw)
            return Page(records=[], resume=None, rejected=[refused])
        status = row.get("state") or row.get("standing", "active")
        return Page(
            [Student(row["id"], first_name=row.get("first"), last_name=row["last"], status=status)], None
        )

    async def related(self, entity: Entity, of: Entity, external_id: str) -> Page | None:
        if not self.sis.gives_related:
            return None
        self.sis.asked_related.append((entity, of, external_id))
        found = [one for one in self.sis.lists.get(entity, []) if getattr(one, of.value, None) == external_id]
        return Page([one for one in found if not isinstance(one, Rejected)], None)

    async def pages(self, entity: Entity, *, cursor: str | None, resume: str | None) -> AsyncIterator[Page]:
        listed = self.sis.lists.get(entity, [])
        start = int(resume or 0)
        while True:
            if self.sis.fail_at == (entity, start) and self.sis.failure is not None:
                raise self.sis.failure
            self.sis.asked.append((entity, start))
            items = listed[start : start + self.sis.page_size]
            start += len(items)
            last = start >= len(listed)
            if last and entity in self.sis.cut_off:
                return
            yield Page(
                records=[one for one in items if not isinstance(one, Rejected)],
                rejected=[one for one in items if isinstance(one, Rejected)],
                resume=None if last else str(start),
                total=len(listed),
                cursor=self.sis.mark,
                partial=last and entity in self.sis.partial,
                absent_fields=self.sis.absent.get(entity, ()) if last else (),
                modified=self.sis.told(entity, items),
            )
            if last:
                return


def small_district() -> FakeSis:
    """Two schools, a term, two teachers, five students, two courses, three sections, six enrollments."""
    sis = FakeSis()
    sis.hold(School("s1", "Harbor Middle", "210"), School("s2", "Hill High", "310"))
    sis.hold(Term("t1", "Fall", "s1", "2026-08-17", "2026-12-20", "2026"))
    sis.hold(Staff("p1", "Rhea", "Okafor", schools=("s1", "s2")), Staff("p2", "Tom", "Lind", schools=("s2",)))
    for n in range(1, 6):
        sis.hold(Student(f"u{n}", f"Kim{n}", None, "Marsh", local_id=f"00{n}", school="s1", grade_level="7"))
    sis.hold(Course("c1", "Art", "ART7", "s1"), Course("c2", "Maths", "MA7", "s1"))
    for n, teacher in ((1, "p1"), (2, "p2"), (3, "p1")):
        sis.hold(Section(f"x{n}", f"Group {n}", str(n), None, "c1", "s1", ("t1",), (teacher,)))
    for n in range(1, 6):
        sis.hold(Enrollment(f"e{n}", "x1", f"u{n}", "2026-08-17"))
    sis.hold(Enrollment("e6", "x2", "u1", "2026-08-17"))
    return sis


def rejected(external_id: str | None, sentence: str = "last name is missing") -> Rejected:
    """A record that made no sense to the provider."""
    return Rejected(external_id, "missing", sentence, "last_name", json.dumps({"id": external_id}))
