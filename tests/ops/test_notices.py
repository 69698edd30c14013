"""What people are told of the ways to people."""

from __future__ import annotations

import pytest

from siscon.config import NoticeSettings
from siscon.ops import notices
from siscon.store import outbox
from siscon.store.database import Database

MAIL = {
    "kind": "email",
    "host": "127.0.0.1",
    "security": "none",
    "sender": "siscon@example.org",
    "to": ["a@example.org"],
}


@pytest.mark.parametrize(("channels", "state"), [({"office": MAIL}, "ok"), ({}, "not configured")])
async def test_a_report_that_waits_to_be_shared_out_is_no_fault_where_there_is_a_mail_channel(
    blank: Database, channels: dict[str, object], state: str
) -> None:
    async with blank.transaction() as c:
        await outbox.put(c, subject="s", text="t", key="k", now_ms=1)

    rows = await notices.channel_rows(blank, NoticeSettings.model_validate({"channels": channels}))

    assert {row["channel"]: row["state"] for row in rows}["(all e-mail)"] == state
