"""What a system was asked, and whether its clients kept to its limits."""

from __future__ import annotations

import math
import time
from collections import Counter, deque
from collections.abc import Iterable

WINDOW_S = 60.0
_PATHS_AT_MOST = 5_000
_TIMES_AT_MOST = 200_000


class Traffic:
    """Counts of one system since the last reset.

    Moments are seconds of ``time.monotonic()`` inside and seconds since 1970 on the control page.
    """

    def __init__(self) -> None:
        self._since_1970 = time.time() - time.monotonic()
        self._waits_until = {"api": -math.inf, "token": -math.inf}
        self.clear()

    def clear(self) -> None:
        """Set all counts to 0; waits that were announced before stay announced."""
        self.requests = self.tokens = self.throttled = self.max_in_60s = self.max_at_once = 0
        self.too_early = self.refreshes = self.reuses = 0
        self.by_path: dict[str, int] = {}
        self.by_grant: Counter[str] = Counter()
        self.chaos: Counter[str] = Counter()
        self._recent: deque[float] = deque()
        self._times: deque[float] = deque(maxlen=_TIMES_AT_MOST)
        self._token_times: deque[float] = deque(maxlen=_TIMES_AT_MOST)
        self._waits: deque[tuple[float, float]] = deque(maxlen=_TIMES_AT_MOST)

    def count(self, path: str, now: float) -> None:
        """Count one request of the API."""
        self.requests += 1
        if path in self.by_path or len(self.by_path) < _PATHS_AT_MOST:
            self.by_path[path] = self.by_path.get(path, 0) + 1
        recent = self._recent
        recent.append(now)
        self._times.append(now)
        while now - recent[0] >= WINDOW_S:
            recent.popleft()
        self.max_in_60s = max(self.max_in_60s, len(recent))
        self.too_early += now < self._waits_until["api"]

    def count_token(self, grant: str, now: float) -> None:
        """Count one request for a token, by the kind of its grant."""
        self.tokens += 1
        self.by_grant[grant] += 1
        self.refreshes += grant == "refresh_token"
        self._token_times.append(now)
        self.too_early += now < self._waits_until["token"]

    def announce(self, where: str, now: float, wait_s: float) -> None:
        """Remember that clients were told to wait; ``where`` is ``api`` or ``token``."""
        self._waits_until[where] = max(self._waits_until[where], now + wait_s)
        self._waits.append((now, now + wait_s))

    def as_dict(self) -> dict[str, object]:
        """The counts as the control page shows them."""
        return {
            "requests": self.requests,
            "tokens": self.tokens,
            "throttled": self.throttled,
            "max_in_60s": self.max_in_60s,
            "max_at_once": self.max_at_once,
            "too_early": self.too_early,
            "by_grant": dict(self.by_grant),
            "refreshes": self.refreshes,
            "reuses": self.reuses,
            "chaos": dict(self.chaos),
            "by_path": dict(self.by_path),
            "times": self._told(self._times),
            "token_times": self._told(self._token_times),
            "waits": [self._told(wait) for wait in self._waits],
        }

    def _told(self, moments: Iterable[float]) -> list[float]:
        return [round(self._since_1970 + at, 4) for at in moments]
