"""How fast a run went, minute by minute, and when each of its phases began."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from siscon.domain.runs import Phase

MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Minute:
    """What a run asked and got in one minute, counted from 1970.

    Of ``requests`` so many ``failed`` (no answer, or a broken one); after so many that were ``throttled`` the SIS
    asked for a pause. ``records`` were fetched.
    """

    minute: int
    requests: int = 0
    failed: int = 0
    throttled: int = 0
    records: int = 0


@dataclass(frozen=True, slots=True)
class Pace:
    """The minutes of a run that is on record, and when its phases began, both empty for what was never noted."""

    minutes: Sequence[Minute] = ()
    phases: Mapping[Phase, int] = field(default_factory=dict)

    @property
    def requests(self) -> list[int]:
        """Requests in each minute from the first to the last, those without any included."""
        found = {one.minute: one.requests for one in self.minutes}
        return [found.get(at, 0) for at in range(min(found), max(found) + 1)] if found else []

    @property
    def sent(self) -> int:
        """All requests on record."""
        return sum(one.requests for one in self.minutes)

    @property
    def failed(self) -> int:
        """Those that brought no answer, or a broken one."""
        return sum(one.failed for one in self.minutes)

    @property
    def throttled(self) -> int:
        """Those after which the SIS asked for a pause."""
        return sum(one.throttled for one in self.minutes)


def lasted(phases: Mapping[Phase, int], ended_ms: int) -> dict[Phase, int]:
    """How many ms each phase lasted, until the next one began or the run ended, or until now."""
    order = [phase for phase in Phase if phase in phases]
    ends = [*(phases[phase] for phase in order), ended_ms][1:]
    return {phase: max(0, end - phases[phase]) for phase, end in zip(order, ends, strict=True)}
