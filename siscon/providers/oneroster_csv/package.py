"""One delivery of OneRoster CSV: a zip, or loose files; checked, with what its manifest says of each table.

Facts: 1EdTech OneRoster CSV binding (manifest); PKWARE APPNOTE 6.3.10, section 4.3; see docs/providers.md.
"""

from __future__ import annotations

import csv
import difflib
import hashlib
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from siscon.domain.errors import ProviderError
from siscon.domain.text import plain

State = Literal["absent", "bulk", "delta"]

MAX_ENTRIES = 200
MAX_UNPACKED = 4 * 1024**3
MAX_RATIO = 100
SMALL = 1024**2
"""Up to so many bytes any ratio is harmless."""
MAX_DIRECTORY = 1024**2
MAX_MANIFEST = 256 * 1024
CHUNK = 256 * 1024
DAMAGE = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError,
    OverflowError,
)  # fmt: skip
"""What the library raises over a zip that is none."""

TABLES = (
    "academicSessions", "classes", "courses", "demographics", "enrollments", "orgs", "roles", "users",
)  # fmt: skip
"""The tables that make a roster; the others of the standard are left alone."""


@dataclass(frozen=True, slots=True)
class Package:
    """A delivery. ``states`` tells of each table whether it is bulk, delta or absent."""

    name: str
    modified_at_ms: int
    digest: str
    version: str
    states: Mapping[str, State]
    notes: tuple[str, ...]
    opened: Mapping[str, Callable[[], IO[bytes]]]
    limit: int

    def chunks(self, table: str) -> Iterator[bytes]:
        """The bytes of a table, counted while they are unpacked."""
        total = 0
        try:
            with closing(self.opened[table]()) as stream:
                while chunk := stream.read(CHUNK):
                    total += len(chunk)
                    if total > self.limit:
                        raise _refused(self.name, "unpacks to far more than it weighs", "zip_bomb")
                    yield chunk
        except DAMAGE as error:
            raise _refused(self.name, f"is damaged ({type(error).__name__})", "damaged_zip") from None


def _refused(name: str, what: str, code: str) -> ProviderError:
    return ProviderError(
        f"{plain(name, limit=80)} {what}. Nothing of it was applied; export and upload it again.", code=code
    )


def digest_of(path: Path) -> str:
    """The SHA-256 of a file, as hexadecimal text."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_zip(
    name: str, path: Path, *, modified_at_ms: int, digest: str, without_manifest: str, version: str
) -> Package:
    """The delivery in a zip; whatever is suspicious about the zip is a ``ProviderError``."""
    _check_directory(name, path)
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except DAMAGE as error:
        raise _refused(name, f"is no zip that can be read ({type(error).__name__})", "damaged_zip") from None
    files = _checked(name, entries)
    limit = max(SMALL, MAX_RATIO * path.stat().st_size)

    def opener(entry: zipfile.ZipInfo) -> Callable[[], IO[bytes]]:
        def opened() -> IO[bytes]:
            with zipfile.ZipFile(path) as archive:
                return archive.open(entry)

        return opened

    opened = {plain_name: opener(entry) for plain_name, entry in files.items()}
    return _package(name, opened, modified_at_ms, digest, limit, without_manifest, version)


def read_loose(
    files: Mapping[str, Path],
    *,
    name: str,
    modified_at_ms: int,
    digest: str,
    without_manifest: str,
    version: str,
) -> Package:
    """The delivery in loose files, by their names."""

    def opener(path: Path) -> Callable[[], IO[bytes]]:
        return lambda: path.open("rb")

    opened = {file: opener(path) for file, path in files.items()}
    return _package(name, opened, modified_at_ms, digest, MAX_UNPACKED, without_manifest, version)


def _check_directory(name: str, path: Path) -> None:
    """Look at the end record first: the library would read any number of entries into memory."""
    with path.open("rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(max(0, size - 65_600))
        tail = stream.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < 22:
        raise _refused(name, "is no whole zip: its end is missing", "damaged_zip")
    entries = int.from_bytes(tail[at + 10 : at + 12], "little")
    length = int.from_bytes(tail[at + 12 : at + 16], "little")
    if entries > MAX_ENTRIES or length > MAX_DIRECTORY or tail[max(0, at - 20) : at].startswith(b"PK\6\7"):
        raise _refused(name, f"has more than {MAX_ENTRIES} entries, or is a Zip64", "zip_refused")


def _checked(name: str, entries: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """The files of a zip by their plain names; no name is ever made a path."""
    found: dict[str, zipfile.ZipInfo] = {}
    if len(entries) > MAX_ENTRIES or sum(one.file_size for one in entries) > MAX_UNPACKED:
        raise _refused(name, "has too many entries, or unpacks to too much", "zip_refused")
    for entry in entries:
        parts = entry.orig_filename.split("/")
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if ".." in parts or parts[0] == "" or any(one in entry.orig_filename for one in ("\\", "\0", ":")):
            raise _refused(name, "has an entry whose name leads out of it", "zip_refused")
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise _refused(name, "has an entry that is a link or a device", "zip_refused")
        if entry.flag_bits & 0x1 or entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise _refused(name, "has an entry that is encrypted, or packed in a rare way", "zip_refused")
        if entry.is_dir() or parts[0] == "__MACOSX":
            continue
        plain_name = parts[-1].lower()
        if plain_name in found:
            raise _refused(name, f"has {plain(parts[-1], limit=40)} twice", "zip_refused")
        found[plain_name] = entry
    return found


def _package(
    name: str,
    files: Mapping[str, Callable[[], IO[bytes]]],
    modified_at_ms: int,
    digest: str,
    limit: int,
    without_manifest: str,
    version: str,
) -> Package:
    notes: list[str] = []
    opened = _tables(files, notes)
    states: dict[str, State]
    if "manifest.csv" in files:
        told = _manifest(name, files["manifest.csv"])
        states, stated = _states(name, told), told.get("oneroster.version", "")
    elif without_manifest == "bulk":
        notes.append(
            f"{plain(name, limit=80)} has no manifest.csv: every file in it is taken for a bulk file."
        )
        states, stated = dict.fromkeys(opened, "bulk"), ""
    else:
        raise _refused(
            name, "has no manifest.csv (without_manifest: bulk would take its files as whole)", "no_manifest"
        )
    for table, state in states.items():
        if state != "absent" and table not in opened:
            raise _refused(name, f"lacks {table}.csv, which its manifest calls {state}", "incomplete")
    if version == "auto":
        version = stated if stated in ("1.1", "1.2") else "1.2" if "roles" in opened else "1.1"
    return Package(name, modified_at_ms, digest, version, states, tuple(notes), opened, limit)


def _tables(
    files: Mapping[str, Callable[[], IO[bytes]]], notes: list[str]
) -> dict[str, Callable[[], IO[bytes]]]:
    """Which file holds which table; a misspelt name is understood, with a note."""
    wanted = {f"{one.lower()}.csv": one for one in TABLES}
    found = {table: files[file] for file, table in wanted.items() if file in files}
    for file in files:
        free = [one for one, table in wanted.items() if table not in found]
        near = difflib.get_close_matches(file, free, n=1, cutoff=0.88) if file not in wanted else []
        if near and file.endswith(".csv"):
            found[wanted[near[0]]] = files[file]
            notes.append(f"{plain(file, limit=40)} is read as {wanted[near[0]]}.csv.")
    return found


def _manifest(name: str, opened: Callable[[], IO[bytes]]) -> dict[str, str]:
    """``manifest.csv``: ``propertyName,value``; names and values in lower case."""
    try:
        with closing(opened()) as stream:
            raw = stream.read(MAX_MANIFEST + 1)
        rows = list(csv.reader(raw.decode("utf-8-sig").splitlines(), strict=True))
    except (*DAMAGE, csv.Error):
        raw, rows = b"", []
    told = {row[0].strip().lower(): row[1].strip().lower() for row in rows if len(row) >= 2}
    if len(rows) < 2 or len(raw) > MAX_MANIFEST or not any(key.startswith("file.") for key in told):
        raise _refused(name, "has a manifest.csv that cannot be read", "bad_manifest")
    return told


def _states(name: str, told: Mapping[str, str]) -> dict[str, State]:
    states: dict[str, State] = {}
    for table in TABLES:
        match told.get(f"file.{table.lower()}", ""):
            case "bulk":
                states[table] = "bulk"
            case "delta":
                states[table] = "delta"
            case "" | "absent":
                states[table] = "absent"
            case other:
                what = f"has a manifest that calls {table} {plain(other, limit=20)}"
                raise _refused(name, f"{what}, not bulk, delta or absent", "bad_manifest")
    return states
