"""What was said in the command line before: the arrows walk through it, a file of its owner keeps it for next time."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from siscon.domain.text import plain
from siscon.tui.privacy import is_private

MOST = 500
FILE = "console.history"


def without_doubles(lines: Iterable[str]) -> list[str]:
    """The newest of equal lines, at most :data:`MOST` of them, oldest first."""
    newest_first = dict.fromkeys(reversed([line for line in lines if line.strip()]))
    return list(reversed(list(newest_first)[:MOST]))


class LineHistory:
    """Lines of this console and of those before it. Lines that may name a pupil never reach the file."""

    def __init__(self, folder: Path | None) -> None:
        self._file = folder / FILE if folder is not None else None
        self.lines: list[str] = self._read()

    def add(self, line: str) -> None:
        """Remember a line; a file that cannot be written is no reason to disturb anybody."""
        line = plain(line.strip())
        if not line:
            return
        self.lines = without_doubles([*self.lines, line])
        if self._file is None or is_private(line):
            return
        try:
            self._write(without_doubles([*self._read(), line]))  # another console may have written meanwhile
        except OSError:
            return

    def _read(self) -> list[str]:
        if self._file is None:
            return []
        try:
            text = self._file.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return []
        lines = (plain(line) for line in text.split("\n"))
        # one of an older siscon kept more
        return without_doubles(line for line in lines if not is_private(line))

    def _write(self, lines: list[str]) -> None:
        assert self._file is not None
        draft = self._file.with_name(f"{FILE}.{secrets.token_hex(4)}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        with os.fdopen(os.open(draft, flags, 0o600), "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        draft.replace(self._file)


class Walk:
    """The way of the arrows through a history: what was being typed is found again at its end."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._at = len(lines)
        self._typed = ""

    def back(self, now: str) -> str:
        """The line before that begins with what was typed; the same line where there is none."""
        if self._at == len(self._lines):
            self._typed = now
        for at in range(self._at - 1, -1, -1):
            if self._lines[at].startswith(self._typed):
                self._at = at
                return self._lines[at]
        return now

    def on(self, now: str) -> str:
        """The next line, at last what was typed."""
        for at in range(self._at + 1, len(self._lines)):
            if self._lines[at].startswith(self._typed):
                self._at = at
                return self._lines[at]
        if self._at == len(self._lines):
            return now
        self._at = len(self._lines)
        return self._typed
