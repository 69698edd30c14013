"""Marks against the plainest model there is: a set of marked rows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from siscon.tui.widgets.marks import Marks

KEYS = st.integers(0, 30)


class Marking(RuleBasedStateMachine):
    """Any sequence of marking, ranges, all, all but some, clearing, and rows that come and go."""

    def __init__(self) -> None:
        super().__init__()
        self.there = set(range(0, 30, 2))
        self.marks = Marks()
        self.marked: set[int] = set()
        self.every = False

    @rule(key=KEYS)
    def toggle(self, key: int) -> None:
        if key in self.there:
            self.marks.toggle(key)
            self.marked ^= {key}

    @rule(first=KEYS, last=KEYS)
    def mark_a_range(self, first: int, last: int) -> None:
        keys = {key for key in self.there if first <= key <= last}
        self.marks.add(keys)
        self.marked |= keys

    @rule()
    def mark_all(self) -> None:
        self.marks.mark_all()
        self.marked, self.every = set(self.there), True

    @rule()
    def clear(self) -> None:
        self.marks.clear()
        self.marked, self.every = set(), False

    @rule(gone=st.sets(KEYS), come=st.sets(KEYS))
    def read_again(self, gone: set[int], come: set[int]) -> None:
        """A row that is gone is marked no more, also when it comes back; under "all" what comes is marked."""
        new = come - gone - self.there
        self.there = (self.there - gone) | new
        self.marks.keep(self.there)
        self.marked &= self.there
        if self.every:
            self.marked |= new

    @invariant()
    def the_same_rows_are_marked(self) -> None:
        assert {key for key in self.there if key in self.marks} == self.marked
        assert self.marks.count(len(self.there)) == len(self.marked)


TestMarking = Marking.TestCase


@given(total=st.integers(0, 10**6), but=st.sets(st.integers(0, 10**6), max_size=5))
def test_all_but_some_costs_only_the_some(total: int, but: set[int]) -> None:
    marks = Marks()
    marks.mark_all()
    for key in but:
        marks.toggle(key)

    assert marks.keys == but
    assert marks.count(total) == total - len(but)
