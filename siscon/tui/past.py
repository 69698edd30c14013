"""What a screen says of the past it shows: the badge with the moment, and what the file knows only as of its end."""

from __future__ import annotations

from collections.abc import Mapping

from siscon.domain.past import PastMoment
from siscon.tui.options import ConsoleOptions
from siscon.tui.present import Look, moment
from siscon.tui.widgets.status_bar import Part

ONLY_AT_ITS_END: Mapping[str, str] = {
    "overview": "budget, schedule",
    "tokens": "logins",
    "runs": "counts",
    "run": "counts",
    "compare": "counts",
    "dead": "attempts",
    "dead_record": "attempts",
    "records": "mappings",
    "record": "fields",
    "found": "records",
    "plans": "records of plans",
    "plan": "records of the plan",
    "plan_records": "records of the plan",
    "schedules": "schedules",
}
"""By screen: what of it no table remembers from earlier."""


def replay_badge(options: ConsoleOptions, look: Look) -> Part | None:
    """The moment that is looked at; with its day unless that is the last of the file."""
    past = options.past
    if past is None:
        return None
    shown, last = moment(past.at_ms, look), moment(past.last_ms, look)
    same_day = shown[:6] == last[:6]
    return Part(f" REPLAY {shown[-5:] if same_day else shown} ", "warn")


def note_of(past: PastMoment | None, screen: str) -> list[Part]:
    """That a part of a screen is as it was at the end of the file, where that is not the moment looked at."""
    words = ONLY_AT_ITS_END.get(screen)
    if past is None or words is None or past.at_ms >= past.last_ms:
        return []
    return [Part(f" {words}: as of the file's end ", "warn")]
