"""The shape of a district by index arithmetic: who sits in which school, section and course on day 0.

Nothing here is stored per student; only lists of one number per school are kept.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

SECTION_SIZE = 24
STUDENTS_PER_SCHOOL = 500
STUDENTS_PER_STAFF = 15


@dataclass(frozen=True, slots=True)
class Level:
    """A kind of school: its grades, and how many sections each of its students sits in."""

    word: str
    grades: tuple[int, ...]
    periods: int


ELEMENTARY = Level("Elementary", tuple(range(-1, 7)), 3)
MIDDLE = Level("Middle", (7, 8), 6)
HIGH = Level("High", (9, 10, 11, 12), 6)
SECONDARY = Level("Secondary", tuple(range(7, 13)), 6)
ALL_GRADES = Level("School", tuple(range(-1, 13)), 4)

_CYCLE = (ELEMENTARY, HIGH, MIDDLE, ELEMENTARY, ELEMENTARY, HIGH, ELEMENTARY)

ELEMENTARY_SUBJECTS = ("Homeroom", "Music", "Physical Education", "Art")
SECONDARY_SUBJECTS = ("English", "Mathematics", "Science", "Social Studies", "Health", "Visual Art")


def levels_of(schools: int) -> list[Level]:
    """The kind of each school: one school teaches all grades, two share them, more follow a feeder pattern."""
    if schools == 1:
        return [ALL_GRADES]
    if schools == 2:
        return [ELEMENTARY, SECONDARY]
    return [_CYCLE[school % len(_CYCLE)] for school in range(schools)]


def _starts(counts: Sequence[int]) -> list[int]:
    return [0, *accumulate(counts)]


class Layout:
    """Day 0 of a district as arithmetic over indexes."""

    def __init__(self, students: int) -> None:
        self.students = students
        self._near = 0  # the school asked for last: pages go through one school after the other
        self.schools = max(1, round(students / STUDENTS_PER_SCHOOL))
        self.levels = levels_of(self.schools)
        self.student_start = [school * students // self.schools for school in range(self.schools + 1)]
        sizes = [self.size_of(school) for school in range(self.schools)]
        self.blocks = [max(1, round(size / SECTION_SIZE)) for size in sizes]
        paired = list(zip(self.levels, sizes, self.blocks, strict=True))
        self.staff_start = _starts([max(2, round(size / STUDENTS_PER_STAFF)) for size in sizes])
        self.course_start = _starts([len(level.grades) * level.periods for level in self.levels])
        self.section_start = _starts([blocks * level.periods for level, _, blocks in paired])
        self.enrollment_start = _starts([size * level.periods for level, size, _ in paired])

    def size_of(self, school: int) -> int:
        """How many students a school has on day 0."""
        return self.student_start[school + 1] - self.student_start[school]

    def school_of_student(self, student: int) -> int:
        """The school of a student of day 0."""
        near, starts = self._near, self.student_start
        if not starts[near] <= student < starts[near + 1]:
            near = self._near = bisect_right(starts, student) - 1
        return near

    def school_of_staff(self, staff: int) -> int:
        """The school at which a person mainly works."""
        return bisect_right(self.staff_start, staff) - 1

    def school_of_course(self, course: int) -> int:
        """The school that offers a course, where each school has its own."""
        return bisect_right(self.course_start, course) - 1

    def teacher_of(self, section: int, which: int) -> int:
        """The first or the second teacher of a section on day 0."""
        school = self.school_of_section(section)
        start, end = self.staff_start[school : school + 2]
        return start + ((section - self.section_start[school]) * 7 + which) % (end - start)

    def block_of(self, school: int, seat: int) -> tuple[int, int]:
        """The block of a seat (a student's number within the school) and the place in it."""
        size, blocks = self.student_start[school + 1] - self.student_start[school], self.blocks[school]
        block = ((seat + 1) * blocks - 1) // size
        return block, seat - block * size // blocks

    def _grade_number(self, school: int, block: int) -> int:
        grades, blocks = len(self.levels[school].grades), self.blocks[school]
        return block % grades if blocks >= grades else block * grades // blocks

    def grade_of(self, school: int, block: int) -> int:
        """The grade level that a block of students is in."""
        return self.levels[school].grades[self._grade_number(school, block)]

    def _rotated(self, school: int, block: int, steps: int) -> int:
        grades = len(self.levels[school].grades)
        if self.blocks[school] < grades:
            return block
        same_grade = (self.blocks[school] - block % grades + grades - 1) // grades
        return block % grades + (block // grades + steps) % same_grade * grades

    def section_of(self, enrollment: int) -> tuple[int, int, int]:
        """Student, section and school of an enrollment of day 0."""
        school, starts = self._near, self.enrollment_start
        if not starts[school] <= enrollment < starts[school + 1]:
            school = self._near = bisect_right(starts, enrollment) - 1
        periods = self.levels[school].periods
        seat, period = divmod(enrollment - self.enrollment_start[school], periods)
        block, place = self.block_of(school, seat)
        if period:
            block = self._rotated(school, block, place * period)
        section = self.section_start[school] + block * periods + period
        return self.student_start[school] + seat, section, school

    def enrollments_of_student(self, student: int) -> range:
        """The day 0 enrollments of a student."""
        school = self.school_of_student(student)
        periods = self.levels[school].periods
        first = self.enrollment_start[school] + (student - self.student_start[school]) * periods
        return range(first, first + periods)

    def roster(self, section: int) -> list[int]:
        """The day 0 enrollments of a section, in the order of their students: the reverse of section_of."""
        school = self.school_of_section(section)
        level, blocks, size = self.levels[school], self.blocks[school], self.size_of(school)
        block, period = divmod(section - self.section_start[school], level.periods)
        found = []
        for place in range(size // blocks + 1):
            home = self._rotated(school, block, -place * period)
            first = home * size // blocks
            if first + place < (home + 1) * size // blocks:
                found.append(self.enrollment_start[school] + (first + place) * level.periods + period)
        found.sort()
        return found

    def school_of_section(self, section: int) -> int:
        """The school that a section belongs to."""
        return bisect_right(self.section_start, section) - 1

    def place_of_section(self, section: int) -> tuple[int, int, int]:
        """School, block and period of a section."""
        school = self.school_of_section(section)
        block, period = divmod(section - self.section_start[school], self.levels[school].periods)
        return school, block, period

    def sections_of_block(self, school: int, block: int) -> range:
        """The sections that a student who joins a block is placed in."""
        periods = self.levels[school].periods
        first = self.section_start[school] + block * periods
        return range(first, first + periods)

    def twin_of(self, section: int) -> int | None:
        """Another section of the same course, for a student who changes groups."""
        school, block, _ = self.place_of_section(section)
        other = self._rotated(school, block, 1)
        return None if other == block else section + (other - block) * self.levels[school].periods

    def slot_of(self, section: int) -> tuple[int, int]:
        """School and course slot (grade by period) of a section."""
        school, block, period = self.place_of_section(section)
        return school, self._grade_number(school, block) * self.levels[school].periods + period

    def sections_of_slot(self, school: int, slot: int) -> list[int]:
        """The sections in which a course slot is taught."""
        level = self.levels[school]
        grade, period = divmod(slot, level.periods)
        start = self.section_start[school] + period
        taught = [b for b in range(self.blocks[school]) if self._grade_number(school, b) == grade]
        return [start + block * level.periods for block in taught]

    def subject_of(self, school: int, slot: int) -> tuple[str, str]:
        """Title and code of a course slot."""
        level = self.levels[school]
        number, period = divmod(slot, level.periods)
        grade = level.grades[number]
        names = ELEMENTARY_SUBJECTS if grade < 7 else SECONDARY_SUBJECTS
        word = {-1: "Pre-K", 0: "Kindergarten"}.get(grade, f"Grade {grade}")
        return f"{names[period]} {word}", f"{names[period][:3].upper()}{grade + 1:02d}{period + 1}"
