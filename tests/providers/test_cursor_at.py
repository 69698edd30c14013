"""Which providers can be asked for what changed since a moment, and what they are asked then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from siscon.providers.registry import load

MOMENT = datetime(2026, 3, 1, 6, tzinfo=timezone(timedelta(hours=2)))
BASE = {"base_url": "https://sis.example"}


@pytest.mark.parametrize(
    ("name", "more", "cursor"),
    [
        ("oneroster", {"token_url": "https://sis.example/token"}, "2026-03-01T04:00:00.000Z"),
        ("infinite_campus", {"app_name": "north"}, "2026-03-01T04:00:00.000Z"),
        ("skyward", {"token_url": "https://sis.example/token"}, "2026-03-01T04:00:00.000Z"),
        ("skyward", {"token_url": "https://sis.example/token", "flavour": "sms_v1"}, None),
        ("powerschool", {}, None),
        ("oneroster_csv", {}, None),
    ],
)
def test_a_moment_becomes_a_cursor_where_the_system_can_be_asked_by_date(
    name: str, more: dict[str, str], cursor: str | None
) -> None:
    kind = load(name)
    assert MOMENT.astimezone(UTC).hour == 4
    assert kind.cursor_at(kind.Settings(**BASE, **more), MOMENT) == cursor
