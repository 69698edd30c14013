"""Courses: one catalogue for the district (a list per kind of school), or one for each school."""

from __future__ import annotations

from siscon.sandbox.facts import Course
from siscon.sandbox.layout import Layout


class Catalogue:
    """The courses of a district."""

    def __init__(self, layout: Layout, *, shared: bool) -> None:
        self._layout = layout
        self._shared = shared
        self._model: dict[str, int] = {}
        self._start: dict[str, int] = {}
        total = 0
        for school, level in enumerate(layout.levels):
            if level.word not in self._model:
                self._model[level.word], self._start[level.word] = school, total
                total += layout.course_start[school + 1] - layout.course_start[school]
        self.courses = total if shared else layout.course_start[-1]

    def course(self, index: int) -> Course:
        """The course with this index."""
        if not self._shared:
            school = self._layout.school_of_course(index)
            title, code = self._layout.subject_of(school, index - self._layout.course_start[school])
            return Course(index, title, code, school)
        word = max((w for w in self._start if self._start[w] <= index), key=self._start.__getitem__)
        title, code = self._layout.subject_of(self._model[word], index - self._start[word])
        return Course(index, title, code, None)

    def courses_of_school(self, school: int) -> range:
        """The courses that a school teaches."""
        start, end = self._layout.course_start[school : school + 2]
        if not self._shared:
            return range(start, end)
        first = self._start[self._layout.levels[school].word]
        return range(first, first + end - start)

    def sections_of_course(self, course: int) -> list[int]:
        """The sections of a course that belongs to a school."""
        school = self._layout.school_of_course(course)
        return self._layout.sections_of_slot(school, course - self._layout.course_start[school])
