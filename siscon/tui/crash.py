"""The crash page: one sentence on the terminal, the detail in a file, no values of variables in either."""

from __future__ import annotations

import os
import traceback
from datetime import UTC, datetime
from pathlib import Path

from siscon.domain.errors import SisconError
from siscon.domain.text import plain, plain_lines

MOST_CAUSES = 8


def crash_detail(error: BaseException) -> str:
    """Types and places of an error and its causes; the words only of errors that are ours, which hold no data."""
    told: list[str] = []
    one: BaseException | None = error
    while one is not None and len(told) < MOST_CAUSES:
        words = f": {one.sentence} {one.detail}" if isinstance(one, SisconError) else ""
        frames = "".join(traceback.format_list(traceback.extract_tb(one.__traceback__)))
        told.append(f"{type(one).__module__}.{type(one).__qualname__}{words}\n{frames}")
        one = one.__cause__ or one.__context__
    return "\nCaused by:\n".join(told)


def write_crash(error: BaseException, log_dir: Path | None) -> Path | None:
    """Write the detail to a file that only its owner may read; None when it cannot be written."""
    if log_dir is None:
        return None
    now = datetime.now(UTC)
    path = log_dir / f"crash-{now:%Y%m%dT%H%M%S%f}-{os.getpid()}.txt"
    try:
        log_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(plain_lines(f"siscon console, {now:%Y-%m-%d %H:%M:%S} UTC\n\n{crash_detail(error)}\n"))
    except OSError:
        return None
    return path


def crash_sentence(error: BaseException, path: Path | None) -> str:
    """What the person at the terminal reads."""
    kind = type(error).__name__
    where = f"The detail is in {plain(path, limit=400)}." if path else "The detail could not be written."
    return f"siscon's screen met an error of its own ({kind}) and closed. The engine is not affected. {where}"
