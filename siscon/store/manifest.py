"""The list beside the backups of an installation: a line of JSON for each file, with what it held and its digest when
it was made. Each installation writes a list of its own: several may share a folder.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from siscon.domain.errors import DatabaseError
from siscon.domain.text import plain
from siscon.store.files import PRIVATE_FILE, sync_folder

MAX_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Entry:
    """One backup. ``keys`` are the ids of the keys that seal something in it; the keys themselves are elsewhere."""

    file: str
    at_ms: int
    bytes: int
    sha256: str
    schema: int
    siscon: str
    rows: Mapping[str, int]
    keys: tuple[str, ...] = ()


def file_of(installation: str | None) -> str:
    """What the list of an installation is called; None: of those whose name tells none."""
    return f"manifest-{installation}.jsonl" if installation else "manifest.jsonl"


def read(folder: Path, installation: str | None) -> dict[str, Entry]:
    """Every entry of an installation by its file; a line that cannot be read counts as none."""
    path = folder / file_of(installation)
    try:
        with path.open("rb") as file:
            lines = file.read(MAX_BYTES).splitlines()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise DatabaseError(f"{plain(path)} cannot be read: {error.strerror}.", code="manifest") from error
    found = (_entry(line) for line in lines)
    return {one.file: one for one in found if one is not None}


def write(folder: Path, installation: str, entries: Iterable[Entry]) -> None:
    """Write the list anew, whole or not at all; raises ``OSError``."""
    lines = [json.dumps(asdict(one), sort_keys=True) for one in sorted(entries, key=lambda one: one.at_ms)]
    path = folder / file_of(installation)
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    descriptor = os.open(
        unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE_FILE
    )
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    sync_folder(folder)


def _entry(line: bytes) -> Entry | None:
    try:
        told = json.loads(line)
        return Entry(
            file=str(told["file"]),
            at_ms=int(told["at_ms"]),
            bytes=int(told["bytes"]),
            sha256=str(told["sha256"]),
            schema=int(told["schema"]),
            siscon=str(told["siscon"]),
            rows={str(name): int(n) for name, n in told["rows"].items()},
            keys=tuple(str(one) for one in told["keys"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
