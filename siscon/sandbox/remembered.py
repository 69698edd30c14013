"""Answers that a client may keep: ETag, Last-Modified, and 304 for what has not changed (RFC 9110, 13)."""

from __future__ import annotations

from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime
from hashlib import blake2b

from siscon.sandbox.wire import Answer, Asked


def remembered(asked: Asked, answer: Answer, changed_at: str) -> Answer:
    """The answer with its marks, or 304 without a body if the client's copy is still good.

    ``changed_at`` is the moment (ISO 8601) of the last change anywhere in the district.
    """
    changed = datetime.fromisoformat(changed_at).replace(microsecond=0)
    tag = f'"{blake2b(answer.body, digest_size=12).hexdigest()}"'
    marks = {"ETag": tag, "Last-Modified": format_datetime(changed, usegmt=True)}
    answer.headers |= marks
    return Answer(304, headers=marks) if _is_kept(asked, tag, changed) else answer


def _is_kept(asked: Asked, tag: str, changed: datetime) -> bool:
    """Tags are looked at first: dates know whole seconds only (RFC 9110, 13.1.3)."""
    if "if-none-match" in asked.headers:
        known = {one.strip().removeprefix("W/") for one in asked.headers["if-none-match"].split(",")}
        return bool(known & {tag, "*"})
    if "if-modified-since" not in asked.headers:
        return False
    try:
        return changed <= parsedate_to_datetime(asked.headers["if-modified-since"])
    except (ValueError, TypeError):
        return False
