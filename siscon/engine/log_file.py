"""A log that several processes may write to: closed by size or age, so many closed ones kept, for its owner alone."""

from __future__ import annotations

import fcntl
import io
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

DAY_S = 24 * 3600


@dataclass(frozen=True, slots=True)
class Limits:
    """When a file is closed, and how many closed ones are kept."""

    level: int = logging.INFO
    file_bytes: int = 5 << 20
    file_days: int = 7
    files: int = 10


USUAL = Limits()


class LogFile(logging.Handler):
    """Appends lines. Whoever finds the file too large or too old moves it aside; the others notice and follow."""

    def __init__(self, path: Path, limits: Limits = USUAL, *, now_s: Callable[[], float] = time.time) -> None:
        super().__init__()
        self._path = path
        self._limits = limits
        self._now_s = now_s
        self._file: io.BufferedWriter | None = None
        self._begun_s = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line; a disk that refuses it loses it, for a log must not stop the work."""
        line = self.format(record).encode("utf-8", "backslashreplace") + b"\n"
        with suppress(OSError):
            file = self._current()
            if self._is_over(file, len(line)):
                self._close_and_begin(len(line))
                file = self._current()
            file.write(line)
            file.flush()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            self._file = None
        super().close()

    def _current(self) -> io.BufferedWriter:
        """The file under its name, opened anew where another process has moved it aside."""
        if self._file is not None and _is_same(self._file, self._path):
            return self._file
        if self._file is not None:
            self._file.close()
        descriptor = os.open(
            self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
        )
        self._begun_s = _begun_s(self._path, os.pread(descriptor, 200, 0), self._now_s())
        self._file = os.fdopen(descriptor, "ab")
        return self._file

    def _is_over(self, file: io.BufferedWriter, more: int) -> bool:
        size = os.fstat(file.fileno()).st_size
        is_old = self._now_s() - self._begun_s > self._limits.file_days * DAY_S
        return size > 0 and (size + more > self._limits.file_bytes or is_old)

    def _close_and_begin(self, more: int) -> None:
        with _alone(self._path):
            if self._is_over(self._current(), more):
                move_aside(self._path, self._limits.files)


def move_aside(path: Path, keep: int) -> None:
    """Give a file the number 1, those before it the next ones; what would get a number beyond ``keep`` goes."""
    _numbered(path, keep).unlink(missing_ok=True)
    for number in range(keep - 1, 0, -1):
        with suppress(FileNotFoundError):
            _numbered(path, number).rename(_numbered(path, number + 1))
    with suppress(FileNotFoundError):
        path.rename(_numbered(path, 1))


def _numbered(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")


def _is_same(file: io.BufferedWriter, path: Path) -> bool:
    try:
        found = path.stat()
    except OSError:
        return False
    opened = os.fstat(file.fileno())
    return (opened.st_dev, opened.st_ino) == (found.st_dev, found.st_ino)


def _begun_s(path: Path, beginning: bytes, now_s: float) -> float:
    """When the first line was written, as it says itself; of a file without one, now."""
    start = beginning.find(b'"at": "')
    if start < 0:
        return path.stat().st_mtime if beginning else now_s
    told = beginning[start + 7 :].split(b'"', 1)[0].decode("ascii", "replace")
    try:
        return datetime.fromisoformat(told).timestamp()
    except ValueError:
        return path.stat().st_mtime


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Only one process moves files at a time; the lock is on the folder, which nobody moves."""
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
