"""Moments as they stand in the database, and as an SIS writes them down."""

from __future__ import annotations

import time
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
