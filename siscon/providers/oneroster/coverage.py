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
"""How long the first page of sessions stands, in seconds: the walk over terms begins with the same one."""
SESSIONS = 500
"""Sessions to ask for where a page of the usual size was full, and so may lack the year."""


async def school_year(asking: Asking, size: int, now_of: Any) -> str:
    """The school year under way by the server's clock, from a first page; empty where it does not tell."""
    try:
        answer, sessions = await _sessions(asking, size)
        if size <= len(sessions) < SESSIONS:
            answer, sessions = await _sessions(asking, SESSIONS)
    except ProviderError:
        return ""
    today = (now_of(answer) or datetime.now(UTC)).date().isoformat()
    return active_year(sessions, today)


async def _sessions(asking: Asking, size: int) -> tuple[Answer, list[Any]]:
    answer = await asking.page("academicSessions", "", None, 0, size, keep_s=KEEP_S)
    body = as_map(parse(answer.body, "GET academicSessions"))
    return answer, list(as_list(body.get("academicSessions")))


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
