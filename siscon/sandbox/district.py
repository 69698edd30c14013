"""A seeded, invented district of any size: every record is computed from its index when it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from siscon.sandbox import school_year
from siscon.sandbox.catalogue import Catalogue
from siscon.sandbox.days import (
    DAY_ZERO,
    IMPOSSIBLE_DATE,
    START_YEAR,
    YEAR_BEGINS,
    YEAR_ENDS,
    Days,
    day_date,
    is_paired,
    left_before_start,
    teaching_of,
    teachings_until,
    waits_for_later,
)
from siscon.sandbox.facts import Enrollment, School, Section, Staff, Student, Teaching, Term
from siscon.sandbox.ids import RenamedIds
from siscon.sandbox.layout import Layout
from siscon.sandbox.people import (
    FIRST_NAMES,
    HOSTILE,
    HOSTILE_FROM_STUDENTS,
    LAST_NAMES,
    birth_date_of,
    derive,
    mix,
    name_of,
)
from siscon.sandbox.places import Places
from siscon.sandbox.systems import System

Fact = TypeVar("Fact")
_OF_A_YEAR = ("term", "section", "enrollment", "teaching", "missing")


class District:
    """The district of one system on one day. ``moments`` says when (UTC) day 0, 1, 2, ... began."""

    def __init__(
        self, system: System, *, seed: int, students: int, day: int = 0, moments: Sequence[str] = ()
    ) -> None:
        own = derive(seed, system.name)
        self.system, self.seed, self.day = system, seed, day
        self.layout = Layout(students)
        self.days = Days(self.layout, own, day, system.flaws)
        self._true_moments = self.moments = tuple(moments) or school_year.moments(day)
        self.years = self._skew_s = 0
        self.places = Places(self.days)
        self.ids = self._first_ids = system.make_ids(own)
        self._own = own
        self._staff_seed, self._town_seed = derive(own, "staff"), derive(own, "town")
        self._hostile = HOSTILE if students >= HOSTILE_FROM_STUDENTS else {}
        self.catalogue = Catalogue(self.layout, shared=system.shared_courses)
        self.schools = self.layout.schools
        self.terms = (
            self.schools * school_year.TERMS_OF_A_SCHOOL
            if system.terms_per_school
            else len(school_year.SESSIONS)
        )
        self.staff_members = self.layout.staff_start[-1]
        self.courses = self.catalogue.courses
        self.sections = self.layout.section_start[-1]

    @property
    def students(self) -> int:
        return self.layout.students + len(self.days.joined)

    @property
    def enrollments(self) -> int:
        return self.days.first_placed + len(self.days.placed)

    @property
    def teachings(self) -> int:
        return self.days.first_assigned + len(self.days.assigned)

    def live_until(self, day: int, moments: Sequence[str] = ()) -> None:
        """Let days pass; what was computed for the days before stays."""
        self.days.live_until(day)
        self.day, self._true_moments = day, tuple(moments) or school_year.moments(day)
        self.moments = school_year.skewed(self._true_moments, self._skew_s)

    def turn(self, *, years: int = 0, epoch: int = 0, skew_s: int = 0) -> None:
        """Show the district ``years`` later, with the users' ids of another ``epoch``, by a clock that is off.

        Another year has terms, sections and enrollments of its own, with ids of their own; people, schools and
        courses stay.
        """
        marks = dict.fromkeys(_OF_A_YEAR, f"y{years}-") if years else {}
        marks |= dict.fromkeys(("student", "staff"), f"v{epoch}-") if epoch else {}
        self.ids = RenamedIds(self._first_ids, marks) if marks else self._first_ids
        self.years, self._skew_s = years, skew_s
        self.moments = school_year.skewed(self._true_moments, skew_s)

    # records

    def school(self, index: int) -> School:
        """The school with this index."""
        level = self.layout.levels[index]
        h = mix(self._town_seed, index)
        name = f"{LAST_NAMES[h % 48]} {level.word}"
        if level.word != "School":
            name += " School"
        if self.schools > 1:
            name += f" {index + 1}"
        return School(index, name, 200 + 10 * index, level.grades[0], level.grades[-1])

    def term(self, index: int) -> Term:
        """The term with this index."""
        if self.system.terms_per_school:
            school, number = divmod(index, school_year.TERMS_OF_A_SCHOOL)
            return school_year.term(index, number, school, self.years)
        return school_year.term(index, index, None, self.years)

    def staff(self, index: int) -> Staff:
        """The person with this index."""
        school = self.layout.school_of_staff(index)
        h = mix(self._staff_seed, index)
        first, last = FIRST_NAMES[h % len(FIRST_NAMES)], LAST_NAMES[(h >> 16) % len(LAST_NAMES)]
        other = self.second_school(school, index)
        staff = Staff(
            index,
            (school,) if other is None else tuple(sorted((school, other))),
            first,
            last,
            str(30_000 + index),
            f"{first.lower()}.{index}@harborview.example",
            f"{first.lower()}{index}",
        )
        return self._patched("staff", index, staff)

    def second_school(self, school: int, staff: int) -> int | None:
        """The other school at which a person works, if there is one."""
        if self.schools == 1 or (staff - self.layout.staff_start[school]) % 11 != 3:
            return None
        return (school + 1) % self.schools

    def student(self, index: int) -> Student:
        """The student with this index."""
        h = mix(self._own, index)
        first, middle, last = name_of(h)
        layout = self.layout
        entry_on, changed, flaw = YEAR_BEGINS, 0, None
        if index < layout.students:
            school = layout.school_of_student(index)
            grade = layout.grade_of(school, layout.block_of(school, index - layout.student_start[school])[0])
        else:
            joined = self.days.joined[index - layout.students]
            school, grade, changed, flaw = joined.school, joined.grade, joined.day, joined.flaw
            entry_on = day_date(changed)
        email = f"{first.lower()}.{index}@students.harborview.example" if h >> 44 & 15 else None
        username = f"{first[0].lower()}{index}" if h >> 48 & 31 or self.system.username_required else None
        student = Student(
            index,
            school,
            first,
            middle,
            last,
            f"A-{100_000 + index}" if index % 50 == 7 else str(100_000 + index),
            f"ZZ-{(h >> 20) % 9_000_000 + 1_000_000}",
            birth_date_of(h, grade, START_YEAR),
            "X" if h >> 56 & 63 == 7 else "MF"[h >> 33 & 1],
            grade,
            email,
            username,
            "A",
            entry_on,
            YEAR_ENDS,
            changed,
            flaw,
        )
        if index < 64 and index in self._hostile:
            student.first_name, student.last_name = self._hostile[index]
        if index % 97 == 41 or index % 131 == 77:
            self._day_zero_status(student)
        return self._patched("student", index, student)

    def _day_zero_status(self, student: Student) -> None:
        if student.index >= self.layout.students:
            return
        if left_before_start(student.index):
            student.status, student.exit_on = "T", DAY_ZERO.isoformat()
        elif waits_for_later(student.index):
            student.status = "P"

    def status_of(self, student: int) -> str:
        """A student's status without computing the rest of the record."""
        patch = self.days.patches["student"].get(student)
        if patch and "status" in patch:
            return str(patch["status"])
        if student < self.layout.students:
            if student % 97 == 41:
                return "T"
            if student % 131 == 77:
                return "P"
        return "A"

    def section(self, index: int) -> Section:
        """The section with this index."""
        school, slot = self.layout.slot_of(index)
        period = self.layout.place_of_section(index)[2]
        course = self.catalogue.courses_of_school(school)[slot]
        number = str(index - self.layout.section_start[school] + 1)
        title = f"{self.layout.subject_of(school, slot)[0]} - {number}"
        section = Section(
            index,
            school,
            course,
            self._terms_of(school, period),
            title,
            number,
            str(period + 1) if index % 9 else f"{period + 1},{period + 3}",
            f"R{100 + index % 80}",
            self.layout.teacher_of(index, 0),
        )
        return self._patched("section", index, section)

    def _terms_of(self, school: int, period: int) -> tuple[int, ...]:
        half = {4: 1, 5: 2}.get(period, 0)
        if self.system.terms_per_school:
            return (school * school_year.TERMS_OF_A_SCHOOL + half,)
        return (half,) if half else (1, 2)

    def enrollment(self, index: int) -> Enrollment:
        """The student enrollment with this index."""
        section: int | None
        if index < self.days.first_placed:
            student, section, school = self.layout.section_of(index)
            begins, changed, flaw = YEAR_BEGINS, 0, None
            dropped = student % 97 == 41
        else:
            placed = self.days.placed[index - self.days.first_placed]
            student, section, school = placed.student, placed.section, placed.school
            begins, changed, flaw = day_date(placed.day), placed.day, placed.flaw
            dropped = False
        ends = DAY_ZERO.isoformat() if dropped else YEAR_ENDS
        if flaw == "bad_begin":
            begins = IMPOSSIBLE_DATE
        enrollment = Enrollment(index, student, section, school, begins, ends, dropped, changed, flaw)
        enrollment = self._patched("enrollment", index, enrollment)
        if flaw == "bad_begin" and enrollment.flaw is None:
            enrollment.begins_on = day_date(changed)
        if self.years:
            enrollment.begins_on = school_year.later(enrollment.begins_on, self.years)
            enrollment.ends_on = school_year.later(enrollment.ends_on, self.years)
        return enrollment

    def teaching(self, index: int) -> Teaching:
        """The teacher's assignment with this index."""
        if index >= self.days.first_assigned:
            assigned = self.days.assigned[index - self.days.first_assigned]
            section, staff, primary, changed = assigned.section, assigned.staff, True, assigned.day
        else:
            whole, rest = divmod(index, 9)
            section = 8 * whole + rest - (rest > 5)
            primary, changed = rest != 6, 0
            staff = self.layout.teacher_of(section, 0 if primary else 1)
        school = self.layout.school_of_section(section)
        begins = day_date(changed) if changed else YEAR_BEGINS
        teaching = Teaching(index, section, staff, school, primary, begins, None, changed)
        teaching = self._patched("teaching", index, teaching)
        if self.years:
            teaching.begins_on = school_year.later(teaching.begins_on, self.years)
            if teaching.ends_on is not None:
                teaching.ends_on = school_year.later(teaching.ends_on, self.years)
        return teaching

    def _patched(self, kind: str, index: int, record: Fact) -> Fact:
        patch = self.days.patches[kind].get(index)
        if patch:
            for name, value in patch.items():
                setattr(record, name, value)
        return record

    # who belongs to what

    def students_of_school(self, school: int) -> tuple[range, list[int]]:
        """A school's students: those of day 0, and those who joined."""
        start, end = self.layout.student_start[school : school + 2]
        return range(start, end), self.days.joined_at.get(school, [])

    def staff_of_school(self, school: int) -> list[int]:
        """The people who work at a school, visitors from the school before it last."""
        start, end = self.layout.staff_start[school : school + 2]
        before = (school - 1) % self.schools
        first, last = self.layout.staff_start[before : before + 2]
        visitors = [s for s in range(first, last) if self.second_school(before, s) == school]
        return [*range(start, end), *visitors]

    def sections_of_school(self, school: int) -> range:
        """A school's sections."""
        start, end = self.layout.section_start[school : school + 2]
        return range(start, end)

    def enrollments_of_section(self, section: int) -> list[int]:
        """A section's student enrollments, by student and then by age."""
        placed = self.days.placed_of_section.get(section, [])
        found = self.layout.roster(section)
        if not placed:
            return found
        return sorted([*found, *placed], key=lambda index: (self.enrollment(index).student, index))

    def enrollments_of_student(self, student: int) -> list[int]:
        """A student's enrollments."""
        first = self.layout.enrollments_of_student(student) if student < self.layout.students else ()
        return [*first, *self.days.placed_of_student.get(student, [])]

    def teachings_of_section(self, section: int) -> list[int]:
        """The assignments of teachers to a section, ended ones too."""
        first = teaching_of(section)
        known = [first, first + 1] if is_paired(section) else [first]
        return known + self.days.assigned_of_section.get(section, [])

    def teachings_of_school(self, school: int) -> range:
        """The assignments of day 0 in a school."""
        start, end = self.layout.section_start[school : school + 2]
        return range(teachings_until(start), teachings_until(end))

    def places_of_school(self, school: int) -> list[int]:
        """A school's enrollments, teachers' and students', as positions in the joint list."""
        start, end = self.layout.enrollment_start[school : school + 2]
        shift = self.days.first_assigned
        later = [shift + self.days.first_placed + n for n in self.days.appended_at.get(school, [])]
        return [*self.teachings_of_school(school), *range(shift + start, shift + end), *later]
