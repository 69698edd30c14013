"""Which school year a OneRoster server shows: what is absent in another year has not left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from siscon.domain.errors import ProviderError
from siscon.providers.contract import Answer
from siscon.providers.kit.coerce import as_list, as_map
from siscon.providers.kit.decode import parse
from siscon.providers.oneroster.asking import Asking

KEEP_S = 60.0
SESSIONS = 500


async def school_year(asking: Asking, now_of: Any) -> str:
    """The school year under way by the server's clock, from one answer; empty where it does not tell."""
    try:
        answer: Answer = await asking.get("academicSessions", {"limit": SESSIONS, "offset": 0}, keep_s=KEEP_S)
        body = as_map(parse(answer.body, "GET academicSessions"))
    except ProviderError:
        return ""
    today = (now_of(answer) or datetime.now(UTC)).date().isoformat()
    return active_year(as_list(body.get("academicSessions")), today)


def active_year(sessions: Iterable[Any], today: str) -> str:
    """The latest year that has begun, so that a summer between two years changes nothing; else the first to come."""
    rows = [as_map(one) for one in sessions]
    rows = [one for one in rows if str(one.get("status") or "active").lower() == "active"]
    years = [one for one in rows if str(one.get("type")).lower() == "schoolyear"] or rows
    begun = [year for one in years if (year := _year(one)) and str(one.get("startDate") or "")[:10] <= today]
    coming = [year for one in years if (year := _year(one))]
    return max(begun, default="") or min(coming, default="")


def _year(session: Mapping[str, Any]) -> str:
    """``schoolYear`` is the year in which it ends; else the year of ``endDate``."""
    told = session.get("schoolYear")
    return str(told) if told not in (None, "") else str(session.get("endDate") or "")[:4]
