"""Files that people take away: for their owner alone, whole or not at all, and harmless to a spreadsheet."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "\t", "\r", "\n")
"""A spreadsheet takes text that begins so for a formula, also with the full-width twins (OWASP, CSV injection)."""


@contextmanager
def whole_or_not(path: Path, *, over: bool = True, mode: int = 0o600) -> Iterator[TextIO]:
    """A new file that has its name once it is complete and on disk, readable by its owner alone unless
    ``mode`` says otherwise.

    Unless ``over``, a file that has the name already raises ``FileExistsError``.
    """
    if not over and os.path.lexists(path):
        raise FileExistsError(path)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            yield file
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        if over:
            unfinished.rename(path)
        else:
            os.link(unfinished, path)  # unlike a renaming, this fails where a file has come meanwhile
    finally:
        unfinished.unlink(missing_ok=True)


def cell(value: Any) -> str:
    """A value for a spreadsheet: an apostrophe before what it would calculate."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text
