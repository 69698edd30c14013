"""Reports that go out by themselves: each when its line says so, once, into the outbox of its channels."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from zoneinfo import ZoneInfo

from siscon.config import Settings
from siscon.config.outward import MailedReport
from siscon.domain.leases import Lease
from siscon.domain.periods import Period
from siscon.domain.schedules import Cron, next_times, parse
from siscon.domain.text import counted
from siscon.engine.chores import Chore, by_cron
from siscon.store import outbox
from siscon.store.database import Database

DAY_MS = 86_400_000
_BACK = (timedelta(hours=1), timedelta(days=1), timedelta(days=8), timedelta(days=32), timedelta(days=370))
MOST_TIMES = 1_500


@dataclass(frozen=True, slots=True)
class Written:
    """A report as people get it."""

    subject: str
    text: str
    html: str


Write = Callable[[str, Sequence[str], Period], Awaitable[Written]]
"""Writes the reports of these names, of a period, as one that is called daily or weekly."""


def chores(db: Database, settings: Settings, write: Write, *, now_ms: Callable[[], int]) -> list[Chore]:
    """A chore for each report that has a line."""
    zone = ZoneInfo(settings.time_zone)
    wanted = (("daily", settings.reports.daily, DAY_MS), ("weekly", settings.reports.weekly, 7 * DAY_MS))
    return [
        Chore(
            f"{name} report",
            by_cron(parse(one.schedule), zone),
            partial(_Mailed(db, one, zone, write, now_ms).send, name, span),
        )
        for name, one, span in wanted
        if one.schedule
    ]


@dataclass(frozen=True, slots=True)
class _Mailed:
    db: Database
    asked: MailedReport
    zone: tzinfo
    write: Write
    now_ms: Callable[[], int]

    async def send(self, name: str, span_ms: int, lease: Lease) -> str:
        """Put it into the outbox. What it tells of ends now and begins so long before the moment that was due."""
        now_ms = self.now_ms()
        due_ms = last_due_ms(parse(self.asked.schedule), self.zone, now_ms)
        written = await self.write(name, self.asked.reports, Period(due_ms - span_ms, now_ms))
        put = 0
        async with self.db.transaction(lease) as c:
            for channel in self.asked.channels or (outbox.ALL_MAIL,):
                put += await outbox.put(
                    c,
                    subject=written.subject,
                    text=written.text,
                    html=written.html,
                    channel=channel,
                    key=f"{name} report {due_ms}",
                    now_ms=now_ms,
                    data={"type": f"report.{name}"},
                )
        return f"{counted(put, 'message')} put into the outbox"


def last_due_ms(line: Cron, zone: tzinfo, now_ms: int) -> int:
    """The last moment of a line that is not later than now: by it a report that is made twice is known again."""
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    for back in _BACK:
        times = [one for one in next_times(line, zone, now - back, MOST_TIMES) if one <= now]
        if times:
            return int(times[-1].timestamp() * 1000)
    return now_ms
