"""What happens in the district from day to day: a day's changes are drawn from a seed and laid over day 0.

A day costs as much as it has changes; nobody ever looks at all the students.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from siscon.sandbox.layout import Layout
from siscon.sandbox.people import LAST_NAMES, birth_date_of, derive

START_YEAR = 2026
YEAR_BEGINS, YEAR_ENDS = "2026-08-17", "2027-06-05"
DAY_ZERO = date(2026, 9, 1)
IMPOSSIBLE_DATE = "2011-02-30"
KINDS = ("student", "staff", "section", "enrollment", "teaching")
COUNTED = ("joined", "left", "transferred", "corrected", "broken", "mended")
_MENDED_AFTER_DAYS = 2


@dataclass(frozen=True, slots=True)
class Joined:
    """A student who came after day 0."""

    school: int
    grade: int
    day: int
    flaw: str | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """An enrollment made after day 0."""

    student: int
    section: int | None
    school: int
    day: int
    flaw: str | None = None


@dataclass(frozen=True, slots=True)
class Assigned:
    """A teacher given a section after day 0."""

    section: int
    staff: int
    day: int


def left_before_start(student: int) -> bool:
    """Whether a student of day 0 is listed although they have already left."""
    return student % 97 == 41


def waits_for_later(student: int) -> bool:
    """Whether a student of day 0 is registered but not here yet."""
    return student % 131 == 77 and not left_before_start(student)


def day_date(day: int) -> str:
    """The calendar date of a day of the district."""
    return (DAY_ZERO + timedelta(days=day)).isoformat()


def is_paired(section: int) -> bool:
    """Whether a second teacher works in a section."""
    return section % 8 == 5


def teaching_of(section: int) -> int:
    """The number of the first teacher's assignment to a section on day 0."""
    whole, rest = divmod(section, 8)
    return 9 * whole + rest + (rest > 5)


def teachings_until(section: int) -> int:
    """How many assignments all the sections before this one have on day 0."""
    return teaching_of(section)


class Days:
    """All changes from day 1 to ``day``, as patches over day 0 and as records appended to it."""

    def __init__(self, layout: Layout, seed: int, day: int, flaws: tuple[str, ...]) -> None:
        self.layout = layout
        self.joined: list[Joined] = []
        self.placed: list[Placed] = []
        self.assigned: list[Assigned] = []
        self.appended: list[tuple[str, int]] = []
        self.patches: dict[str, dict[int, dict[str, Any]]] = {kind: {} for kind in KINDS}
        self.touched: list[dict[str, set[int]]] = [{}]
        self.counts: list[Counter[str]] = [Counter()]
        self.joined_at: defaultdict[int, list[int]] = defaultdict(list)
        self.placed_of_student: defaultdict[int, list[int]] = defaultdict(list)
        self.placed_of_section: defaultdict[int, list[int]] = defaultdict(list)
        self.assigned_of_section: defaultdict[int, list[int]] = defaultdict(list)
        self.appended_at: defaultdict[int, list[int]] = defaultdict(list)
        self.first_placed = layout.enrollment_start[-1]
        self.first_assigned = teachings_until(layout.section_start[-1])
        self._seed = seed
        self._flaws = flaws
        self._to_mend: defaultdict[int, list[tuple[str, int]]] = defaultdict(list)
        self._primary: dict[int, int] = {}
        self.live_until(day)

    def live_until(self, day: int) -> None:
        """Let the days pass that are missing up to ``day``."""
        for today in range(len(self.touched), day + 1):
            self._live(today)

    def changed_since(self, day: int) -> dict[str, list[int]]:
        """The records that changed on this day or later, by kind, in order."""
        found: dict[str, set[int]] = {kind: set() for kind in KINDS}
        for touched in self.touched[max(1, day) :]:
            for kind, indexes in touched.items():
                found[kind] |= indexes
        return {kind: sorted(indexes) for kind, indexes in found.items()}

    def _live(self, day: int) -> None:
        rng = random.Random(derive(self._seed, "day", str(day)))  # noqa: S311 - invented data, no secrets
        students = self.layout.students
        self.touched.append({kind: set() for kind in KINDS})
        self.counts.append(Counter(dict.fromkeys(COUNTED, 0)))
        for _ in range(max(1, min(students // 1000, 300))):
            self._join(rng, day)
            self._leave(rng, day)
        for _ in range(max(1, min(students // 500, 300))):
            self._transfer(rng, day)
        for number in range(max(4, min(students // 200, 500))):
            self._correct(rng, day, number)
        for number in range(max(2, min(students // 2000, 20))):
            self._break(rng, day, self._flaws[(number + 2 * (day - 1)) % len(self._flaws)])
        self._mend(rng, day)

    def _patch(self, kind: str, index: int, day: int, **values: Any) -> None:
        self.patches[kind].setdefault(index, {}).update(values, changed=day)
        self.touched[day][kind].add(index)

    def _pick(self, rng: random.Random) -> int | None:
        for _ in range(20):
            student = rng.randrange(self.layout.students)
            gone = self.patches["student"].get(student, {}).get("status") == "T"
            if not gone and not left_before_start(student) and not waits_for_later(student):
                return student
        return None

    def _enrollments(self, student: int) -> Iterator[int]:
        if student < self.layout.students:
            yield from self.layout.enrollments_of_student(student)
        yield from self.placed_of_student[student]

    def _section_of(self, enrollment: int) -> int | None:
        if enrollment >= self.first_placed:
            return self.placed[enrollment - self.first_placed].section
        return self.layout.section_of(enrollment)[1]

    def _open_enrollments(self, student: int) -> list[int]:
        patches = self.patches["enrollment"]
        flawed = {
            index for waiting in self._to_mend.values() for kind, index in waiting if kind == "enrollment"
        }
        return [
            index
            for index in self._enrollments(student)
            if not patches.get(index, {}).get("dropped") and index not in flawed
        ]

    def _enrol(self, placed: Placed) -> int:
        index = self.first_placed + len(self.placed)
        self.placed.append(placed)
        self.placed_of_student[placed.student].append(index)
        if placed.section is not None:
            self.placed_of_section[placed.section].append(index)
        self._append("enrollment", index, placed.school, placed.day)
        return index

    def _append(self, kind: str, index: int, school: int, day: int) -> None:
        self.appended_at[school].append(len(self.appended))
        self.appended.append((kind, index))
        self.touched[day][kind].add(index)

    def _join(self, rng: random.Random, day: int) -> None:
        school = rng.randrange(self.layout.schools)
        block = rng.randrange(self.layout.blocks[school])
        student = self._register(Joined(school, self.layout.grade_of(school, block), day))
        for section in self.layout.sections_of_block(school, block):
            self._enrol(Placed(student, section, school, day))
        self.counts[day]["joined"] += 1

    def _register(self, joined: Joined) -> int:
        student = self.layout.students + len(self.joined)
        self.joined.append(joined)
        self.joined_at[joined.school].append(student)
        self.touched[joined.day]["student"].add(student)
        return student

    def _leave(self, rng: random.Random, day: int) -> None:
        student = self._pick(rng)
        if student is None:
            return
        for index in self._open_enrollments(student):
            self._patch("enrollment", index, day, dropped=True, ends_on=day_date(day))
        self._patch("student", student, day, status="T", exit_on=day_date(day))
        self.counts[day]["left"] += 1

    def _transfer(self, rng: random.Random, day: int) -> None:
        student = self._pick(rng)
        open_now = self._open_enrollments(student) if student is not None else []
        if student is None or not open_now:
            return
        old = rng.choice(open_now)
        section = self._section_of(old)
        if section is None:
            return
        twin = self.layout.twin_of(section)
        self._patch("enrollment", old, day, dropped=True, ends_on=day_date(day))
        new = section if twin is None else twin
        self._enrol(Placed(student, new, self.layout.school_of_section(new), day))
        self.counts[day]["transferred"] += 1

    def _correct(self, rng: random.Random, day: int, number: int) -> None:
        if number % 4 == 3:
            self._correct_section(rng, day, number // 4)
        elif number % 16 == 14:
            staff = rng.randrange(self.layout.staff_start[-1])
            self._patch("staff", staff, day, email=f"staff{staff}.day{day}@harborview.example")
        else:
            student = self._pick(rng)
            if student is None:
                return
            self._patch("student", student, day, **self._student_correction(rng, student, day))
        self.counts[day]["corrected"] += 1

    def _student_correction(self, rng: random.Random, student: int, day: int) -> dict[str, Any]:
        grades = self.layout.levels[self.layout.school_of_student(student)].grades
        match rng.randrange(4):
            case 0:
                return {"last_name": f"{rng.choice(LAST_NAMES)}-{rng.choice(LAST_NAMES)}"}
            case 1:
                return {"birth_date": birth_date_of(rng.getrandbits(60), rng.choice(grades), START_YEAR)}
            case 2:
                return {"email": f"student{student}.day{day}@students.harborview.example"}
            case _:
                return {"grade": rng.choice(grades)}

    def _correct_section(self, rng: random.Random, day: int, number: int) -> None:
        section = rng.randrange(self.layout.section_start[-1])
        if number % 3 == 0:
            self._patch("section", section, day, period=f"{rng.randrange(1, 9)},{rng.randrange(9, 12)}")
        elif number % 3 == 1:
            self._reassign(rng, section, day)
        else:
            self._patch("section", section, day, room=f"R{rng.randrange(100, 400)}")

    def _reassign(self, rng: random.Random, section: int, day: int) -> None:
        school = self.layout.school_of_section(section)
        staff = rng.randrange(self.layout.staff_start[school], self.layout.staff_start[school + 1])
        old = self._primary.get(section, teaching_of(section))
        self._patch("teaching", old, day, ends_on=day_date(day))
        new = self.first_assigned + len(self.assigned)
        self.assigned.append(Assigned(section, staff, day))
        self.assigned_of_section[section].append(new)
        self._append("teaching", new, school, day)
        self._primary[section] = new
        self._patch("section", section, day, teacher=staff)

    def _break(self, rng: random.Random, day: int, flaw: str) -> None:
        school = rng.randrange(self.layout.schools)
        block = rng.randrange(self.layout.blocks[school])
        if flaw in ("no_section", "bad_begin"):
            student = self._pick(rng)
            if student is None:
                return
            school = self.layout.school_of_student(student)
            section = None if flaw == "no_section" else self.layout.section_start[school]
            broken = ("enrollment", self._enrol(Placed(student, section, school, day, flaw)))
        else:
            grade = self.layout.grade_of(school, block)
            broken = ("student", self._register(Joined(school, grade, day, flaw)))
        self._to_mend[day + _MENDED_AFTER_DAYS].append(broken)
        self.counts[day]["broken"] += 1

    def _mend(self, rng: random.Random, day: int) -> None:
        for kind, index in self._to_mend.pop(day, ()):
            values: dict[str, Any] = {"flaw": None}
            placed = self.placed[index - self.first_placed] if kind == "enrollment" else None
            if placed is not None and placed.section is None:
                start, end = self.layout.section_start[placed.school : placed.school + 2]
                values["section"] = rng.randrange(start, end)
                self.placed_of_section[values["section"]].append(index)
            self._patch(kind, index, day, **values)
            self.counts[day]["mended"] += 1
