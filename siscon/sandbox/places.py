"""Two lists that OneRoster keeps as one (teachers' and students' enrollments), and which records are tombstones."""

from __future__ import annotations

from siscon.sandbox.days import Days


class Places:
    """Positions in the joint list: teachers of day 0, students of day 0, then everything in the order it came."""

    def __init__(self, days: Days) -> None:
        self._days = days
        self._appended: dict[tuple[str, int], int] = {}
        self._gone: dict[str, list[int]] = {}
        self._gone_on = -1

    def place_at(self, position: int) -> tuple[str, int]:
        """Kind (enrollment or teaching) and index of what stands at a position."""
        days = self._days
        if position < days.first_assigned:
            return "teaching", position
        position -= days.first_assigned
        if position < days.first_placed:
            return "enrollment", position
        return days.appended[position - days.first_placed]

    def place_of(self, kind: str, index: int) -> int:
        """The position of an enrollment or teaching in the joint list."""
        days = self._days
        if kind == "teaching" and index < days.first_assigned:
            return index
        if kind == "enrollment" and index < days.first_placed:
            return days.first_assigned + index
        for number in range(len(self._appended), len(days.appended)):
            self._appended[days.appended[number]] = number
        return days.first_assigned + days.first_placed + self._appended[kind, index]

    def gone(self, kind: str, staff: int) -> list[int]:
        """The positions of the deleted records in the whole list of a kind, in order."""
        if self._gone_on != len(self._days.touched):
            self._gone.clear()
            self._gone_on = len(self._days.touched)
        if kind not in self._gone:
            self._gone[kind] = self._find_gone(kind, staff)
        return self._gone[kind]

    def _find_gone(self, kind: str, staff: int) -> list[int]:
        match kind:
            case "student" | "demographics":
                patched = self._days.patches["student"]
                left = {index for index, patch in patched.items() if patch.get("status") == "T"}
                return sorted(left.union(range(41, self._days.layout.students, 97)))
            case "user":
                return [staff + student for student in self.gone("student", staff)]
            case "enrollment":
                return self._dropped()
            case "teaching":
                patched = self._days.patches["teaching"]
                return sorted(index for index, patch in patched.items() if patch.get("ends_on"))
            case "place":
                both = [(word, i) for word in ("teaching", "enrollment") for i in self.gone(word, staff)]
                return sorted(self.place_of(word, index) for word, index in both)
        return []

    def _dropped(self) -> list[int]:
        layout = self._days.layout
        patched = self._days.patches["enrollment"]
        found = {index for index, patch in patched.items() if patch.get("dropped")}
        for student in range(41, layout.students, 97):
            found.update(layout.enrollments_of_student(student))
        return sorted(found)
