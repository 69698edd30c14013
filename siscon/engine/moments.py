"""Now, as it stands in the database."""

from __future__ import annotations

import time


def wall_ms() -> int:
    """Now, in milliseconds since 1970, UTC."""
    return time.time_ns() // 1_000_000
