"""A report that somebody asks for, by its name; and the forms in which it is written."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import time, tzinfo

from siscon.domain.errors import UsageError
from siscon.domain.periods import Wished, period_of, whole_days
from siscon.domain.tables import Report
from siscon.domain.text import plain
from siscon.ops.reports import history, morning, one_run, success, trend
from siscon.ops.reports.as_csv import as_csv
from siscon.ops.reports.as_html import as_html
from siscon.ops.reports.as_json import as_json
from siscon.ops.reports.as_markdown import as_markdown
from siscon.ops.reports.as_text import as_text
from siscon.store import integrations
from siscon.store.database import Database

NAMES = ("history", "success", "run", "trend", "morning")
_DAY, _SPAN = re.compile(r"\d{4}-\d\d-\d\d"), re.compile(r"\d{1,5}[mhdw]")
OTHERWISE: Mapping[str, str] = {"history": "7d", "success": "7d", "trend": "14d", "morning": "24h"}
"""How long a time each report tells of unless one is said."""
FORMS: Mapping[str, Callable[[Report], str]] = {
    "text": as_text,
    "json": as_json,
    "csv": as_csv,
    "html": as_html,
    "md": as_markdown,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """Which report, of when, of what. ``at`` is the time of the morning that a trend looks at."""

    name: str
    wished: Wished = Wished()  # noqa: RUF009 # frozen, so one may serve all
    integration: str | None = None
    run_id: int = 0
    limit: int = history.MOST
    at: time = trend.MORNING


def understood(words: Sequence[str]) -> Asked:
    """What words ask for: a report, whose, of when (7d, today, yesterday, week, last-week, a day); else the morning.

    Raises ``UsageError`` for what is none of them.
    """
    name, *rest = words or ("morning",)
    if name not in NAMES:
        raise UsageError(f"There is no report '{plain(name, limit=40)}'. Known are: {', '.join(NAMES)}.")
    wished = Wished()
    if rest and name != "run" and (found := _time(rest[-1])) is not None:
        wished = found
        rest = rest[:-1]
    needs = {"run": "RUN", "trend": "INTEGRATION"}
    if len(rest) > (name != "morning") or (name in needs and not rest):
        raise UsageError(f"Write: report {name} {needs.get(name, '[INTEGRATION]')} [7d]", code="words")
    if name == "run":
        number = rest[0].removeprefix("#")
        if not (number.isascii() and number.isdigit() and len(number) < 19):
            raise UsageError(f"'{plain(number, limit=40)}' is no number.")
        return Asked(name, run_id=int(number))
    return Asked(name, wished, integration=rest[0] if rest else None)


def _time(word: str) -> Wished | None:
    weeks = {"week": "this", "last-week": "last"}
    if word in weeks:
        return Wished(week=weeks[word])
    if word in ("today", "yesterday") or _DAY.fullmatch(word):
        return Wished(day=word)
    return Wished(last=word) if _SPAN.fullmatch(word) else None


async def make(db: Database, asked: Asked, *, now_ms: int, zone: tzinfo) -> Report:
    """The report that is asked for; raises ``UsageError`` for what there is not."""
    if asked.name == "run":
        return await one_run.one_run(db, asked.run_id, now_ms=now_ms, zone=zone)
    if asked.name not in OTHERWISE:
        raise UsageError(f"There is no report of that name. Known are: {', '.join(NAMES)}.")
    period = period_of(asked.wished, otherwise=OTHERWISE[asked.name], now_ms=now_ms, zone=zone)
    if asked.name == "morning":
        return await morning.morning(db, period, now_ms=now_ms, zone=zone)
    if asked.name == "trend":
        name = asked.integration or ""
        period = whole_days(period, zone) if asked.wished.last or asked.wished.is_empty else period
        return await trend.trend(db, name, period, at=asked.at, now_ms=now_ms, zone=zone)
    await _check(db, asked.integration)
    if asked.name == "success":
        return await success.success(db, period, integration=asked.integration, now_ms=now_ms, zone=zone)
    return await history.history(
        db, period, integration=asked.integration, limit=asked.limit, now_ms=now_ms, zone=zone
    )


async def _check(db: Database, name: str | None) -> None:
    """Refuse a name that no integration has or had."""
    if name is None:
        return
    async with db.read() as c:
        if await integrations.one(c, name) is not None:
            return
        known = ", ".join(one.name for one in await integrations.all_integrations(c)) or "none yet"
    raise UsageError(f"There is no integration '{name}'. Known are: {known}.", code="no_such_integration")
