"""Reports that go out by themselves: once for each time that they are due, whoever begins twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import settings as pace
from hypothesis import strategies as st

from siscon import outward
from siscon.config import Settings
from siscon.domain.schedules import next_time, parse
from siscon.engine.reports import chores, last_due_ms
from siscon.store import leases, outbox
from siscon.store.sqlite import open_database
from support.console_data import NOW_MS, Names, fill

MAIL = {
    "kind": "email",
    "host": "127.0.0.1",
    "security": "none",
    "sender": "a@b.example",
    "to": ["c@d.example"],
}
OSLO = ZoneInfo("Europe/Oslo")


def settings(home: Path, **reports: Any) -> Settings:
    return Settings.model_validate(
        {
            "home": home,
            "time_zone": "Europe/Oslo",
            "notices": {"channels": {"office": MAIL}},
            "reports": reports,
        }
    )


async def test_a_daily_report_is_put_once_for_each_morning(tmp_path: Path) -> None:
    db = await open_database(tmp_path / "siscon.db", synchronous="normal")
    await fill(db, names=Names(external_id="PUPIL-77", value="Zanthippe"))
    now = [NOW_MS]
    asked = settings(
        tmp_path, daily={"schedule": "0 2 * * *"}, weekly={"schedule": "0 6 * * 1", "channels": "office"}
    )

    async def write(*told: Any) -> Any:
        return await outward._write_report(db, asked, *told)

    daily, weekly = chores(db, asked, write, now_ms=lambda: now[0])
    async with db.transaction() as c:
        lease = await leases.take(c, "chores", "e1", ttl_s=10**9, now_ms=NOW_MS)
    assert lease is not None
    first = await daily.work(lease)
    now[0] += 40 * 60_000
    again = await daily.work(lease)
    now[0] += 24 * 3_600_000
    next_day = await daily.work(lease)
    await weekly.work(lease)
    async with db.read() as c:
        week, *days = await outbox.latest(c)
    await db.close()

    assert [first, again, next_day] == [
        f"{n} message{'' if n == 1 else 's'} put into the outbox" for n in (1, 0, 1)
    ]
    assert [one.channel for one in (*days, week)] == ["", "", "office"]
    assert days[1].subject == "[siscon] Daily report: 4 things to do"
    assert "What a person must do" in days[1].text
    assert "By integration" in days[1].text
    assert days[1].html.startswith("<!DOCTYPE html>")
    assert max(map(len, days[1].text.splitlines())) <= 80
    assert not [one for one in ("PUPIL", "Zanthippe") if one in week.text + week.html]
    assert daily.next_ms(NOW_MS) == NOW_MS + 23 * 3_600_000


@pace(max_examples=15)
@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)),
    st.sampled_from(
        ["0 7 * * *", "30 2 * * *", "*/10 * * * *", "0 6 * * 1", "0 0 1 * *", "0 0 1 1 *", "0 * * * *"]
    ),
)
def test_the_moment_that_was_due_last_is_the_one_before_the_next(at: datetime, line: str) -> None:
    now = at.replace(tzinfo=UTC)
    due = datetime.fromtimestamp(last_due_ms(parse(line), OSLO, int(now.timestamp() * 1000)) / 1000, UTC)
    following = next_time(line, OSLO, due)

    assert due <= now
    assert following is not None
    assert following > now.replace(microsecond=0) - timedelta(seconds=1)


@pytest.mark.parametrize(
    ("daily", "sentence"),
    [
        ({"schedule": "0 7 * * *", "channels": "nobody"}, "nobody"),
        ({"schedule": "soon"}, "five fields"),
        ({"schedule": "0 7 * * *", "reports": "trend"}, "morning"),
    ],
)
def test_a_report_that_nobody_would_get_is_refused(
    tmp_path: Path, daily: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        settings(tmp_path, daily=daily)


def test_a_report_by_mail_needs_a_channel_for_mail(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="none of the kind email"):
        Settings.model_validate({"home": tmp_path, "reports": {"daily": {"schedule": "0 7 * * *"}}})
