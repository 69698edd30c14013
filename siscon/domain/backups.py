"""Backups: what their files are called, whose each is and when it was made, and which are no longer needed.

An installation is known by the seal of the first act of its audit: it never changes, and is in every copy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

DAY_MS = 24 * 3600 * 1000
NOBODY = "00000000"
"""The installation whose audit has not begun."""
_NAME = re.compile(r"siscon-(?:([0-9a-f]{8})-)?(\d{8}T\d{6})Z(?:-(\d+))?\.db")


def installation_id(seal: bytes | None) -> str:
    """The id of an installation, from the seal of its first act."""
    return seal.hex()[:8].ljust(8, "0") if seal else NOBODY


def name_of(installation: str, at_ms: int, number: int = 0) -> str:
    """The file of a backup of an installation made at a moment; ``number`` tells two of one second apart."""
    moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    return f"siscon-{installation}-{moment:%Y%m%dT%H%M%S}Z{f'-{number}' if number else ''}.db"


def installation_of(name: str) -> str | None:
    """Whose backup the one of that name is; None where that does not stand in it, as before there were several."""
    found = _NAME.fullmatch(name)
    return found[1] if found else None


def made_at_ms(name: str) -> int | None:
    """When the backup of that name was made; None for a file that is no backup of ours."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    try:
        moment = datetime.strptime(found[2], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return int(moment.timestamp() * 1000)


def newest_first(names: Iterable[str], *, installation: str | None = None) -> list[str]:
    """Those of the names that are backups, of one installation or of all, the one made last first."""
    found = [
        (at_ms, len(name), name)
        for name in names
        if (at_ms := made_at_ms(name)) is not None and installation in (None, installation_of(name))
    ]
    return [name for _, _, name in sorted(found, reverse=True)]


def superfluous(
    names: Iterable[str], *, installation: str, keep: int, keep_days: int, now_ms: int
) -> list[str]:
    """The backups of an installation that may go: all but ``keep`` of them, and those older than ``keep_days``.

    With 0 none is too old. The last of each day (UTC) stays before further ones of a day, so that many copies of one
    afternoon push out no week; then the newer before the older. The newest stays, however old it is. What a clock that
    was ahead made stands behind what is made now.
    """
    oldest_ms = now_ms - keep_days * DAY_MS
    by_age = newest_first(names, installation=installation)
    last_of_day = {(made_at_ms(name) or 0) // DAY_MS: name for name in reversed(by_age)}.values()
    ordered = sorted(by_age, key=lambda name: ((made_at_ms(name) or 0) > now_ms, name not in last_of_day))
    return [
        name
        for place, name in enumerate(ordered)
        if place and (place >= keep or (keep_days and (made_at_ms(name) or 0) < oldest_ms))
    ]
