"""How far a run is and how long it still takes: arithmetic only, and honest about what nobody can know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from siscon.domain.runs import Counts, Phase


@dataclass(frozen=True, slots=True)
class TimeLeft:
    """What a fetch still needs.

    ``requests`` and ``seconds`` count what is known; ``whole`` is False when an SIS announced no total for an
    entity, or has not yet: then the run needs at least that much. ``seconds`` None: nobody can say.
    """

    requests: int
    seconds: float | None
    whole: bool


def told(counts: Counts) -> int:
    """How many records of an entity have their verdict applied."""
    return (
        counts.created + counts.updated + counts.unchanged + counts.conflict + counts.failed + counts.skipped
    )


def share(counts: Counts) -> float | None:
    """How far the present phase of an entity is, from 0 to 1; None where the SIS announced no total."""
    if counts.done:
        return 1.0
    if counts.phase is Phase.APPLY:
        return min(1.0, told(counts) / counts.fetched) if counts.fetched else 0.0
    if counts.phase is None and not counts.pages:
        return 0.0
    if counts.total is None:
        return None
    return min(1.0, counts.fetched / counts.total) if counts.total else 1.0


def requests_left(counts: Counts) -> int | None:
    """Pages left of one entity, from its announced total and the page size seen; None: nobody can say."""
    if counts.done or counts.phase in (Phase.PLAN, Phase.APPLY):
        return 0
    if counts.total is None or not counts.pages:
        return None
    left = counts.total - counts.fetched
    if left <= 0:
        return 0
    if not counts.fetched:
        return None
    return ceil(left * counts.pages / counts.fetched)


def time_left(counts: Sequence[Counts], *, requests_per_minute: int) -> TimeLeft:
    """What the fetch of a run still needs: pages left, at the pace of the rate budget or, if slower, as measured."""
    left = [requests_left(one) for one in counts]
    requests = sum(one for one in left if one is not None)
    whole = None not in left
    sent = sum(one.requests for one in counts)
    measured_s = sum(one.seconds for one in counts) / sent if sent else None
    budget_s = 60 / requests_per_minute if requests_per_minute > 0 else None
    paces = [pace for pace in (measured_s, budget_s) if pace is not None]
    if not paces or (requests == 0 and not whole):
        return TimeLeft(requests, 0.0 if whole and requests == 0 else None, whole)
    return TimeLeft(requests, requests * max(paces), whole)


def per_minute(requests: int, *, started_at_ms: int, now_ms: int) -> float | None:
    """Requests a minute since a run began; None in its first seconds, when the figure says nothing."""
    elapsed_ms = now_ms - started_at_ms
    return requests * 60_000 / elapsed_ms if elapsed_ms >= 5_000 else None
