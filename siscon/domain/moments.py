"""Moments as people write them: ``06:00``, ``2 d``, ``2027-01-04 06:00``."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta, tzinfo

from siscon.domain.errors import UsageError
from siscon.domain.text import plain

_SPAN = re.compile(r"^\+?\s*(\d{1,5})\s*(m|min|h|d|w)$")
_UNITS = {"m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}


def coming_ms(text: str, zone: tzinfo, *, now_ms: int) -> int:
    """A moment that is to come: a span from now, a time of day (the next one), a date or a moment in a zone.

    Raises ``UsageError`` for what is none of these, or is over.
    """
    told = text.strip()
    span = _SPAN.match(told)
    if span is not None:
        at_ms = now_ms + int(span[1]) * _UNITS[span[2]] * 1000
    elif re.match(r"^\d{1,2}:\d{2}$", told):
        at_ms = _next_time(told, zone, now_ms)
    else:
        at_ms = moment_ms(told, zone)
    if at_ms <= now_ms:
        raise UsageError(f"'{plain(text, limit=40)}' is over: name a moment that is to come.")
    return at_ms


def past_ms(text: str, zone: tzinfo, *, now_ms: int) -> int:
    """A moment that is over: a span back from now, a date or a moment in a zone; raises ``UsageError``."""
    span = _SPAN.match(text.strip())
    at_ms = now_ms - int(span[1]) * _UNITS[span[2]] * 1000 if span is not None else moment_ms(text, zone)
    if at_ms > now_ms:
        raise UsageError(f"'{plain(text, limit=40)}' is still to come: name a moment that is over.")
    return at_ms


def moment_ms(text: str, zone: tzinfo) -> int:
    """A date or a moment, in a zone where it names no offset; raises ``UsageError`` that says how to write one."""
    try:
        found = datetime.fromisoformat(text.strip())
        aware = found if found.tzinfo is not None else found.replace(tzinfo=zone)
        return int(aware.astimezone(UTC).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise UsageError(
            f"'{plain(text, limit=40)}' is no moment: write 06:00, 90min, 2d, 2027-01-04 or '2027-01-04 06:00'."
        ) from None


def _next_time(text: str, zone: tzinfo, now_ms: int) -> int:
    hour, _, minute = text.partition(":")
    try:
        wanted = time(int(hour), int(minute))
    except ValueError:
        raise UsageError(f"'{text}' is no time of the day: write one from 00:00 to 23:59.") from None
    today = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(zone).date()
    for ahead in range(3):
        at = datetime.combine(today + timedelta(days=ahead), wanted, zone)
        at_ms = int(at.astimezone(UTC).timestamp() * 1000)
        if at_ms > now_ms:
            return at_ms
    raise AssertionError("every time of the day comes within three days")
