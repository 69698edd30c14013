"""Moments as they stand in the database, and as an SIS writes them down."""

from __future__ import annotations

import time
from collections.abc import Collection
from datetime import datetime


def wall_ms() -> int:
    """Now, in milliseconds since 1970, UTC."""
    return time.time_ns() // 1_000_000


def iso_ms(text: str) -> int | None:
    """The moment that ISO 8601 text with an offset tells; None for anything else, for nobody knows which it is."""
    try:
        moment = datetime.fromisoformat(text)
        return int(moment.timestamp() * 1000) if moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def latest(texts: Collection[str]) -> str:
    """The latest of some moments; empty where one of them is none, for it may have been the latest."""
    told = {text: iso_ms(text) for text in texts}
    known = {text: at for text, at in told.items() if at is not None}
    return max(known, key=lambda text: known[text]) if known and len(known) == len(told) else ""
