"""From when the next incremental fetch must ask: the server's clock, or the newest change that it tells of."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from siscon.providers.contract import Answer

OVERLAP = timedelta(minutes=5)
"""How far the next incremental fetch reaches back behind the server's clock."""

_CHANGED = re.compile(rb'"dateLastModified"\s*:\s*"([0-9TZ:.+-]{10,40})"')


def moment_of(answer: Answer) -> datetime | None:
    """The server's clock as its ``Date`` header tells it (RFC 9110, section 6.6.1)."""
    try:
        moment = parsedate_to_datetime(answer.headers["date"])
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (KeyError, ValueError, TypeError, OverflowError):
        return None


def newest_change(answer: Answer) -> datetime | None:
    """The newest ``dateLastModified`` of a page, for servers that tell no time."""
    for text in sorted((one.decode() for one in _CHANGED.findall(answer.body)), reverse=True):
        try:
            moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError):
            continue
    return None


def watermark(answer: Answer) -> str | None:
    """The server's clock, else the newest change of its first page, less the overlap, as the filter wants it."""
    moment = moment_of(answer) or newest_change(answer)
    return None if moment is None else as_filter(moment - OVERLAP)


def as_filter(moment: datetime) -> str:
    """A moment as the filter wants it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
