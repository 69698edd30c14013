"""Several reports as one for people's mail: daily or weekly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import tzinfo

from siscon.domain.periods import Period
from siscon.domain.tables import Fact, Report
from siscon.domain.text import plain
from siscon.ops.reports import history, morning, success
from siscon.store.database import Database

LISTED = 100
"""So many runs stand in a mail; 'siscon report history' has them all."""


async def mailed(
    db: Database, name: str, reports: Sequence[str], period: Period, *, now_ms: int, zone: tzinfo
) -> Report:
    """The reports of these names as one that is called ``name``, such as daily."""
    made = []
    for one in dict.fromkeys(reports):
        if one == "morning":
            made.append(await morning.morning(db, period, now_ms=now_ms, zone=zone))
        elif one == "success":
            made.append(await success.success(db, period, now_ms=now_ms, zone=zone))
        else:
            made.append(await history.history(db, period, limit=LISTED, now_ms=now_ms, zone=zone))
    return replace(
        made[0],
        name=name,
        title=f"{name.capitalize()} report",
        facts=tuple(_facts(made)),
        tables=tuple(table for one in made for table in one.tables),
        notes=tuple(dict.fromkeys(note for one in made for note in one.notes)),
    )


def _facts(made: Sequence[Report]) -> list[Fact]:
    """Those of all, each once."""
    found: dict[str, Fact] = {}
    for fact in (fact for one in made for fact in one.facts):
        found.setdefault(fact.key, fact)
    return list(found.values())


def subject_of(report: Report, house: str) -> str:
    """What stands over the mail: whether a person is needed first of all."""
    to_do = next((one.text for one in report.facts if one.key == "to_do"), "")
    told = f": {to_do} to do" if to_do and to_do != morning.WELL else f": {to_do}" if to_do else ""
    return f"[siscon{f' {plain(house)}' if house else ''}] {report.title}{told}"
