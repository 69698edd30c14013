"""How long what is kept: from days to the moments before which things go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from siscon.domain.guards import WEEK_MS
from siscon.domain.text import agreed

DAY_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Cutoffs:
    """What is older than its moment goes (ms since 1970); None: it stays for ever. ``now``: when that was asked."""

    raw: int | None = None
    events: int | None = None
    requests: int | None = None
    logs: int | None = None
    runs: int | None = None
    copies: int | None = None
    now: int = 1 << 62


def cutoffs(days: Mapping[str, int], now_ms: int) -> Cutoffs:
    """The moments for so many days each; 0 days, or none told: for ever.

    Runs of the last week stay in any case: the guard against mass changes counts them.
    """
    moments = {one.name: now_ms - days[one.name] * DAY_MS for one in fields(Cutoffs) if days.get(one.name)}
    if "runs" in moments:
        moments["runs"] = min(moments["runs"], now_ms - WEEK_MS - DAY_MS)
    return Cutoffs(**moments, now=now_ms)


WORDS: Mapping[str, tuple[str, str]] = {
    "raw": ("answer of a record in error", "answers of records in error"),
    "events": ("event", "events"),
    "requests": ("request", "requests"),
    "images": ("image", "images"),
    "runs": ("run", "runs"),
    "questions": ("settled question", "settled questions"),
    "errors": ("closed error", "closed errors"),
    "logs": ("log file", "log files"),
    "copies": ("old copy of the database", "old copies of the database"),
}
"""What may go, in the order in which it goes, as people read it: one, and more."""


def in_words(counts: Mapping[str, int]) -> str:
    """What went or would go: "3 runs, 120 events"; empty for nothing."""
    return ", ".join(
        f"{counts[name]:,} {agreed(counts[name], *word)}" for name, word in WORDS.items() if counts.get(name)
    )
