"""Rate limits as a server keeps them: a strict sliding window per credential, and a pause between requests."""

from __future__ import annotations

import math
import time
from collections import deque
from email.utils import formatdate

ABSURD_S = 999_999_999


class Window:
    """At most ``limit`` requests are let through in any window of ``per_s`` seconds, wherever it starts."""

    def __init__(self, limit: int, per_s: float = 60.0) -> None:
        self.limit, self.per_s = limit, per_s
        self._accepted: deque[float] = deque()
        self._last = -math.inf

    def wait_s(self, now: float, min_interval_ms: int = 0) -> int:
        """0 if a request may pass now (it is then counted), else the whole seconds to wait."""
        accepted = self._accepted
        while accepted and now - accepted[0] > self.per_s:
            accepted.popleft()
        if len(accepted) >= self.limit:
            return max(1, math.ceil(accepted[0] + self.per_s - now))
        pause = self._last + min_interval_ms / 1000 - now
        if pause > 0:
            return max(1, math.ceil(pause))
        accepted.append(now)
        self._last = now
        return 0


def announced(wait_s: float, form: str, *, skew_s: float = 0) -> str | None:
    """The ``Retry-After`` of a wait in the form that is switched on (RFC 9110, 10.2.3); None for none.

    A date is rounded up to whole seconds and told by the server's own clock, ``skew_s`` beside the true one.
    """
    match form:
        case "seconds":
            return str(math.ceil(wait_s))
        case "date":
            return formatdate(math.ceil(time.time() + wait_s + skew_s), usegmt=True)
        case "absurd":
            return str(ABSURD_S)
    return None


class Traffic:
    """What a system was asked: totals, by path, and the most requests that came within any 60 seconds."""

    def __init__(self) -> None:
        self.requests = self.tokens = self.throttled = self.max_in_60s = 0
        self.by_path: dict[str, int] = {}
        self._arrived: deque[float] = deque()

    def count(self, path: str, now: float) -> None:
        """Count one request."""
        self.requests += 1
        if path in self.by_path or len(self.by_path) < 5000:
            self.by_path[path] = self.by_path.get(path, 0) + 1
        arrived = self._arrived
        arrived.append(now)
        while now - arrived[0] >= 60.0:
            arrived.popleft()
        self.max_in_60s = max(self.max_in_60s, len(arrived))

    def as_dict(self) -> dict[str, object]:
        """The counts as the control page shows them."""
        return {
            "requests": self.requests,
            "tokens": self.tokens,
            "throttled": self.throttled,
            "max_in_60s": self.max_in_60s,
            "by_path": dict(self.by_path),
        }
