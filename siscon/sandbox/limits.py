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
