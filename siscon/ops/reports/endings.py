"""How runs ended, in the words of reports, and what counts as a success."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from siscon.domain.runs import ENDED, RunStatus
from siscon.domain.tables import Share

WORDS: Mapping[RunStatus, str] = {
    RunStatus.COMPLETED: "good",
    RunStatus.WITH_WARNINGS: "warnings",
    RunStatus.WITH_ERRORS: "errors",
}
HOW_COUNTED = (
    "Success: of the runs that ended, how many came through, with or without warnings and records in error. What a "
    "person cancelled counts neither way; a plan that was held and put away counts as no success, and as no failure."
)


class Ending(Protocol):
    """Runs that ended alike."""

    @property
    def status(self) -> RunStatus: ...
    @property
    def put_away(self) -> bool: ...
    @property
    def runs(self) -> int: ...


@dataclass(slots=True)
class Tally:
    """How many ended how. ``put_away`` were held, and their plan was thrown away or overtaken."""

    good: int = 0
    errors: int = 0
    failed: int = 0
    put_away: int = 0
    cancelled: int = 0

    @property
    def runs(self) -> int:
        """All that ended."""
        return self.good + self.errors + self.failed + self.put_away + self.cancelled

    @property
    def success(self) -> Share:
        """Those that came through, of those that nobody cancelled."""
        return Share(self.good + self.errors, self.runs - self.cancelled)

    @property
    def failure(self) -> Share:
        """Those that failed, of the same."""
        return Share(self.failed, self.runs - self.cancelled)

    def add(self, one: Ending) -> None:
        """Count some more."""
        if one.status in (RunStatus.COMPLETED, RunStatus.WITH_WARNINGS):
            self.good += one.runs
        elif one.status is RunStatus.WITH_ERRORS:
            self.errors += one.runs
        elif one.status is RunStatus.FAILED:
            self.failed += one.runs
        elif one.put_away:
            self.put_away += one.runs
        elif one.status in ENDED:
            self.cancelled += one.runs


def tally(ends: Iterable[Ending]) -> Tally:
    """The tally of several."""
    found = Tally()
    for one in ends:
        found.add(one)
    return found


def word_of(status: RunStatus, error_code: str = "") -> str:
    """How a run ended, or stands, in one word."""
    if status is RunStatus.CANCELLED and error_code in ("discarded", "superseded"):
        return error_code
    return WORDS.get(status, status.value)
