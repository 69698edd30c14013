"""How fast messages may come: a bucket of tokens for all, and one for each sender. Bounded, whoever calls."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

BURST_S = 10.0
"""A bucket holds so many seconds' worth."""
MOST_SENDERS = 4096
"""Of more senders than these those who were quiet longest are forgotten: their bucket is full again."""


@dataclass(slots=True)
class Bucket:
    """Fills by ``per_second`` up to ten seconds' worth; each message takes one."""

    per_second: float
    level: float
    at_s: float

    def wait_s(self, now_s: float) -> float:
        """Take one; 0, or the seconds after which there is one to take."""
        self.level = min(
            self.per_second * BURST_S, self.level + max(0.0, now_s - self.at_s) * self.per_second
        )
        self.at_s = now_s
        if self.level >= 1:
            self.level -= 1
            return 0.0
        return (1 - self.level) / self.per_second


@dataclass(slots=True)
class Buckets:
    """The buckets of a receiver; ``clock`` is monotonic, in seconds."""

    per_sender: float
    for_all: float
    clock: Callable[[], float]
    _all: Bucket = field(init=False)
    _senders: OrderedDict[str, Bucket] = field(default_factory=OrderedDict, init=False)

    def __post_init__(self) -> None:
        self._all = self._full(self.for_all)

    def _full(self, per_second: float) -> Bucket:
        return Bucket(per_second, per_second * BURST_S, self.clock())

    def sender_waits_s(self, sender: str) -> int:
        """Take one for this sender; 0, or the whole seconds after which it may come again."""
        bucket = self._senders.pop(sender, None) or self._full(self.per_sender)
        self._senders[sender] = bucket
        if len(self._senders) > MOST_SENDERS:
            self._senders.popitem(last=False)
        return math.ceil(bucket.wait_s(self.clock()))

    def all_wait_s(self) -> int:
        """Take one of all; 0, or the whole seconds after which there is room again."""
        return math.ceil(self._all.wait_s(self.clock()))
