"""A set of ids for long lists: 64-bit hashes in one flat table, 11 to 23 bytes an id, where Python's set takes 60."""

from __future__ import annotations

from array import array

_FIRST_SLOTS = 1_024
_LARGEST = 2**64 - 1


class Seen:
    """Which ids came by. Two of a million differ by chance in all but 3 of 100 million walks."""

    def __init__(self) -> None:
        self._slots = array("Q", bytes(8 * _FIRST_SLOTS))
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, one: str) -> bool:
        return self._slots[self._slot_of(hash(one) & _LARGEST or 1)] != 0

    def add(self, one: str) -> bool:
        """Take an id in; True if it was new."""
        mark = hash(one) & _LARGEST or 1
        slot = self._slot_of(mark)
        if self._slots[slot]:
            return False
        self._slots[slot] = mark
        self._count += 1
        if 10 * self._count > 7 * len(self._slots):
            self._grow()
        return True

    def _slot_of(self, mark: int) -> int:
        """Where a hash stands, or the free place that waits for it."""
        slots, last = self._slots, len(self._slots) - 1
        slot = mark & last
        while slots[slot] not in (0, mark):
            slot = (slot + 1) & last
        return slot

    def _grow(self) -> None:
        before, self._slots = self._slots, array("Q", bytes(16 * len(self._slots)))
        for mark in before:
            if mark:
                self._slots[self._slot_of(mark)] = mark
