"""What every place of files shares: its bounds, its login, which names count, and how it says what went wrong."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from siscon.domain.errors import ProviderError, TransientError
from siscon.domain.privacy import Secret
from siscon.domain.text import plain
from siscon.providers.contract import Drop

UNFINISHED = (".part", ".partial", ".tmp", ".filepart", ".crdownload", ".upload", "~")
"""How names of files end that somebody is still writing."""
CHUNK = 256 * 1024


@dataclass(frozen=True, slots=True)
class FileLimits:
    """The bounds of a drop folder. ``settle_s`` is how long a file must stay as it is before it is taken. ``fetch_s``
    bounds a copy that moves all the time; a standstill ends much earlier.

    Copies beyond ``kept_bytes`` are given up when they were not asked for within ``kept_s``.
    """

    file_bytes: int = 256 * 1024 * 1024
    files: int = 10_000
    listing_s: float = 60.0
    fetch_s: float = 4 * 3600.0
    settle_s: float = 2.0
    attempts: int = 3
    kept_bytes: int = 2 * 1024**3
    kept_s: float = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class FileLogin:
    """With what to log in where files lie: a password or key for SFTP, a password or token for an address.

    ``known_hosts`` and ``host_key`` say by which key an SFTP server is known, ``ca_file`` further authorities for
    an address.
    """

    username: str = ""
    password: Secret | None = None
    private_key: Secret | None = None
    token: Secret | None = None
    known_hosts: str = ""
    host_key: str = ""
    ca_file: Path | None = None


class DropFolder(Protocol):
    """A place where files lie."""

    async def look(self) -> list[Drop]:
        """What lies there at this moment: regular files alone."""
        ...

    async def copy(self, drop: Drop, into: IO[bytes], cap_bytes: int) -> None:
        """Write the file as it was listed; it is a ``TransientError`` when it has changed since."""
        ...


def is_finished(name: str) -> bool:
    """False for names of hidden files and of files that somebody is still writing; a path is no name."""
    hidden = name.startswith((".", "~")) or not name or "/" in name or "\0" in name
    return not hidden and not name.lower().endswith(UNFINISHED)


def too_many(limits: FileLimits) -> ProviderError:
    """The error for a folder that nobody cleans up."""
    return ProviderError(
        f"More than {limits.files} files lie in the folder: move old ones away.", code="too_many_files"
    )


def too_large(drop: Drop, cap_bytes: int) -> ProviderError:
    """The error for a file that siscon does not read."""
    return ProviderError(
        f"{plain(drop.name, limit=80)} is larger than {cap_bytes // 1_048_576} MiB.", code="too_large"
    )


def changed(drop: Drop) -> TransientError:
    """The error for a file that somebody writes while it is read."""
    return TransientError(
        f"{plain(drop.name, limit=80)} changed while it was copied: it is taken when it has settled.",
        code="file_changed",
    )
