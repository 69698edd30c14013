"""When to try again: arithmetic of delays, server hints, request pace and breaker. No clock, no I/O."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

HINT_CAP_S = 900.0
"""No server makes us wait longer than a quarter of an hour at once."""

_SECONDS = re.compile(r"\s*(\d{1,9})(\.\d{1,9})?\s*\Z", re.ASCII)
_MANY_DIGITS = re.compile(r"\s*\d{10,}\s*\Z", re.ASCII)


def backoff_s(failures: int, *, luck: float, base_s: float = 1.0, cap_s: float = 60.0) -> float:
    """The wait after so many failures in a row (from 1) with full jitter; ``luck`` lies in [0, 1)."""
    return luck * min(cap_s, base_s * 2.0 ** min(max(failures, 1) - 1, 30))


def retry_after_s(header: str | None, *, now: datetime) -> float | None:
    """What ``Retry-After`` asks for, within [0, 900] seconds; None for garbage (RFC 9110, section 10.2.3)."""
    if header is None:
        return None
    if _SECONDS.match(header):
        return min(float(header), HINT_CAP_S)
    if _MANY_DIGITS.match(header):
        return HINT_CAP_S
    try:
        moment = parsedate_to_datetime(header)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max((moment - now).total_seconds(), 0.0), HINT_CAP_S)


_REMAINING = ("ratelimit-remaining", "x-ratelimit-remaining", "x-rate-limit-remaining")
_RESET = ("ratelimit-reset", "x-ratelimit-reset", "x-rate-limit-reset")
_LISTED = re.compile(r"(?:^|[;,])\s*(remaining|reset|r|t)\s*=\s*(\d{1,15})(?:\.\d+)?\s*(?=[;,]|$)", re.ASCII)
_EPOCH_FROM = 1_000_000_000
_EPOCH_MS_FROM = 1_000_000_000_000


def quota_pause_s(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """How long nothing may be sent because the allowance is used up, within [0, 900] seconds; None: it is not.

    Header names in lower case. Read are ``X-RateLimit-Remaining`` with ``-Reset`` (seconds, or a moment since 1970
    in seconds or ms, by the server's own ``Date`` where it has one), the same names without ``X-``, and the one
    header ``RateLimit`` of draft-ietf-httpapi-ratelimit-headers ("limit=9, remaining=0, reset=5", later
    '"default";r=0;t=5'). What cannot be read says nothing.
    """
    listed = _listed(headers.get("ratelimit", ""))
    remaining = listed.get("r") if listed else _number(headers, _REMAINING)
    reset = listed.get("t") if listed else _number(headers, _RESET)
    if remaining is None or remaining >= 1 or reset is None:
        return None
    if reset >= _EPOCH_FROM:
        moment_s = reset / 1000 if reset >= _EPOCH_MS_FROM else reset
        reset = moment_s - _server_now(headers, now).timestamp()
    return min(max(reset, 0.0), HINT_CAP_S)


def _listed(header: str) -> dict[str, float]:
    """Of several policies the one that has the least left; short names, empty where nothing can be read."""
    found: list[dict[str, float]] = [{}]
    for name, number in _LISTED.findall(header):
        short = {"remaining": "r", "reset": "t"}.get(name, name)
        if short in found[-1]:
            found.append({})
        found[-1][short] = float(number)
    return min(found, key=lambda one: (one.get("r", math.inf), -one.get("t", 0.0)))


def _number(headers: Mapping[str, str], names: Iterable[str]) -> float | None:
    for name in names:
        text = headers.get(name, "")
        if _SECONDS.match(text):
            return float(text)
        if _MANY_DIGITS.match(text) and len(text.strip()) <= 15:
            return float(text)
    return None


def _server_now(headers: Mapping[str, str], now: datetime) -> datetime:
    try:
        moment = parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, TypeError, IndexError, OverflowError):
        return now
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Pace:
    """A generic cell rate: ``burst`` requests at once, then one every ``spacing_ms``.

    In any window of ``window_ms``, however it lies, there are at most ``burst + window_ms / spacing_ms`` requests;
    :func:`pace_of` chooses the two so that this is the number allowed.
    """

    spacing_ms: int
    burst: int
    window_ms: int

    @property
    def reach_ms(self) -> int:
        """How far the theoretical arrival time may run ahead of the clock."""
        return self.spacing_ms * self.burst


INTERVAL_MARGIN_MS = 10
"""Two requests that must keep a distance keep so much more, for one may travel faster than the other."""


def pace_of(
    requests: int, per_s: float, *, min_interval_s: float = 0.0, burst: int = 5, reserve: float = 0.05
) -> Pace | None:
    """The pace that keeps at most ``requests`` in any ``per_s`` seconds, and a least time between two of them.

    None when neither is limited (0). The reserve covers what the way to the server adds: requests that left apart
    may arrive together, or nearer to each other than they left.
    """
    if min_interval_s > 0:
        steady = pace_of(requests, per_s, burst=1, reserve=reserve)
        least_ms = math.ceil(min_interval_s * 1000 * (1 + reserve)) + INTERVAL_MARGIN_MS
        if steady is None:
            return Pace(spacing_ms=least_ms, burst=1, window_ms=math.ceil(min_interval_s * 1000))
        return Pace(max(steady.spacing_ms, least_ms), burst=1, window_ms=steady.window_ms)
    if requests <= 0 or per_s <= 0:
        return None
    window_ms = math.ceil(per_s * 1000)
    allowed = max(1, math.floor(requests * (1 - reserve)))
    at_once = max(1, min(burst, allowed // 4))
    if allowed == at_once:
        return Pace(spacing_ms=window_ms + 1, burst=1, window_ms=window_ms)
    return Pace(spacing_ms=math.ceil(window_ms / (allowed - at_once)), burst=at_once, window_ms=window_ms)


LATE_MOST_MS = 500


def grace_ms(pace: Pace, requests: int, *, min_interval_s: float = 0.0) -> int:
    """How much later than its slot a request may leave without any window holding more than ``requests``.

    Half of what the pace keeps in reserve: the way to the server needs the other half.
    """
    spare = [2 * LATE_MOST_MS]
    if requests > 0:
        spare.append((requests - pace.burst) * pace.spacing_ms - pace.window_ms)
    if min_interval_s > 0:
        spare.append(pace.spacing_ms - math.ceil(min_interval_s * 1000))
    return max(0, min(spare) // 2)


WAITING_MOST = 64
"""More requests than this must never wait for one pace at the same time: a gate lets few reserve at once."""


def reserve(tat_ms: int, now_ms: int, pace: Pace) -> tuple[int, int]:
    """Take the next slot: the new theoretical arrival time, and how many ms to wait before sending.

    ``tat_ms`` is 0 before the first request. A time further ahead than ``WAITING_MOST`` waiting requests explain
    means that the clock was set back: the pace then goes on at once, without a burst.
    """
    if tat_ms - now_ms > pace.reach_ms + WAITING_MOST * pace.spacing_ms:
        tat_ms = now_ms + pace.reach_ms - pace.spacing_ms
    new_tat_ms = max(tat_ms, now_ms) + pace.spacing_ms
    return new_tat_ms, max(0, new_tat_ms - pace.reach_ms - now_ms)


ROUNDS = 3
"""So many times in a row a run may get no page at all before it fails."""


def round_pause_s(rounds: int, *, luck: float) -> float:
    """How long a run waits after a round of tries that brought nothing: 5 to 10 s, then three times as long."""
    return min(60.0, 5.0 * 3.0 ** (max(rounds, 1) - 1)) * (1 + luck)


BREAKER_FAILURES = 5
BREAKER_OPEN_S = 30.0
BREAKER_CAP_S = 900.0


BREAKER_LONGEST_MS = int(BREAKER_CAP_S * 1.1 * 1000)


@dataclass(frozen=True, slots=True)
class Breaker:
    """Failures in a row, and until when it is open because of them (0: closed).

    ``probing``: one request is under way to see how it goes; ``open_until_ms`` is when it counts as given up.
    """

    failures: int = 0
    open_until_ms: int = 0
    probing: bool = False


def breaker_state(breaker: Breaker, now_ms: int) -> str:
    """``closed``, ``open``, ``trying`` while one request probes, or ``ready`` when one may begin to.

    A time further ahead than it ever opens for means that the clock was set back: then one may probe, too.
    """
    if breaker.open_until_ms == 0:
        return "closed"
    if not 0 < breaker.open_until_ms - now_ms <= BREAKER_LONGEST_MS:
        return "ready"
    return "trying" if breaker.probing else "open"


def after_failure(breaker: Breaker, now_ms: int, *, luck: float) -> Breaker:
    """The fifth failure in a row opens for 30 s; a failed probe for twice as long, up to 15 min, with jitter.

    What fails while it is open was under way before and changes nothing; any good answer closes it: ``Breaker()``.
    """
    if breaker_state(breaker, now_ms) == "open":
        return breaker
    failures = breaker.failures + 1
    if failures < BREAKER_FAILURES:
        return Breaker(failures)
    doubled = min(failures - BREAKER_FAILURES, 10)
    open_s = min(BREAKER_CAP_S, BREAKER_OPEN_S * 2.0**doubled) * (1 + luck / 10)
    return Breaker(failures, now_ms + int(open_s * 1000))
