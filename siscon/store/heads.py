"""The newest seal of the audit, written down outside the database: rows cut off at the end, or an old database put in
the place of a newer one, show by it. A line holds number, moment and seal, and its own proof with the chain's key. That
a backup was restored on purpose is a line, too.
"""

from __future__ import annotations

import fcntl
import hmac
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from siscon.domain.errors import DatabaseError
from siscon.domain.text import plain
from siscon.store import audit, files
from siscon.store.database import Connection
from siscon.store.files import PRIVATE_FILE
from siscon.store.vault import Vault

FILE = "audit-heads.jsonl"
ANNOUNCED = ".announced"
MAX_LINE_BYTES = 1024
DAY_MS = 24 * 3600 * 1000
ALL_KEPT_MS = 90 * DAY_MS


@dataclass(frozen=True, slots=True)
class Head:
    """What one line says; ``proof`` is its own seal.

    ``restored_from``: the act tells that a backup was put in the place of the database, whose newest act was that
    one. What came after it was in the database that was replaced.
    """

    seq: int
    at_ms: int
    seal: bytes
    proof: bytes
    restored_from: int | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """The lines of a file as they were at one moment."""

    path: Path
    lines: list[bytes]


@dataclass(frozen=True, slots=True)
class Check:
    """What came of asking the audit for its heads: those that hold, and what is wrong with the first that does not,
    else no words; ``is_missing``: its act is not there.
    """

    heads: list[Head]
    fault: str = ""
    is_missing: bool = False


async def line_of(
    c: Connection, vault: Vault, *, at_ms: int, after_seq: int = 0, restored_from: int | None = None
) -> tuple[int, str] | None:
    """Number and line of the newest act, or None when there is none after ``after_seq``."""
    seq, seal = await audit.head(c)
    if seq <= after_seq:
        return None
    proof = _proof(await audit.chain_key(c, vault), seq, at_ms, seal, restored_from)
    told = {"seq": seq, "at_ms": at_ms, "seal": seal.hex(), "proof": proof.hex()}
    if restored_from is not None:
        told["restored_from"] = restored_from
    return seq, json.dumps(told)


def append(path: Path, line: str) -> None:
    """Add a line, on the disk when this returns; raises ``OSError``.

    What a crash left of the last line is taken off first: with the new one behind it, it would look tampered with.
    """
    with _alone(path.parent):
        _append(path, line)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Only one process touches the file at a time; the lock is on its folder, for the file may be replaced."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _append(path: Path, line: str) -> None:
    descriptor = os.open(
        path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE_FILE
    )
    try:
        size = os.fstat(descriptor).st_size
        end = os.pread(descriptor, MAX_LINE_BYTES, max(0, size - MAX_LINE_BYTES))
        torn = len(end) - (end.rfind(b"\n") + 1)
        if torn and _parsed(end[-torn:]) is None:
            os.ftruncate(descriptor, size - torn)
            torn = 0
        os.write(descriptor, b"\n" * bool(torn) + line.encode() + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def announce(path: Path, line: str) -> None:
    """Write the line of a restoration beside the file, on the disk when this returns; raises ``OSError``.

    To be done before the databases change places: if that is the last thing that is done, :func:`settle_announced` adds
    the line later.
    """
    unfinished = path.with_name(f".{path.name}{ANNOUNCED}.part")
    _write_anew(unfinished, [line.encode()])
    unfinished.replace(path.with_name(path.name + ANNOUNCED))
    files.sync_folder(path.parent)


async def settle_announced(c: Connection, path: Path) -> None:
    """Add the line of a restoration that took place, and was killed before it could say so; raises ``OSError``."""
    announced = path.with_name(path.name + ANNOUNCED)
    for line in _lines(announced):
        head = _parsed(line)
        if head is not None and await audit.seal_of(c, head.seq) == head.seal and line not in _lines(path):
            append(path, line.decode())
    announced.unlink(missing_ok=True)


def newest(path: Path) -> Head | None:
    """What the last whole line says; None where there is none. Of a file of months only the end is read."""
    for line in reversed(_lines(path, last_bytes=2 * MAX_LINE_BYTES)[-2:]):
        if (head := _parsed(line)) is not None:
            return head
    return None


def thin(path: Path, *, now_ms: int) -> int:
    """Keep of old heads the last of each day, so that the file stays small for years; how many went.

    Each seal covers all acts before it: what lies between two heads is proven by the later one. Restorations, and
    what cannot be read, stay. Raises ``OSError``.
    """
    with _alone(path.parent):
        return _thin(path, now_ms)


def _thin(path: Path, now_ms: int) -> int:
    lines = path.read_bytes().splitlines(keepends=True)
    kept: list[bytes] = []
    day: int | None = None
    for line in reversed(lines):
        head = _parsed(line)
        is_old = head is not None and head.restored_from is None and head.at_ms < now_ms - ALL_KEPT_MS
        if is_old and head is not None:
            if head.at_ms // DAY_MS == day:
                continue
            day = head.at_ms // DAY_MS
        kept.append(line)
    gone = len(lines) - len(kept)
    if gone:
        unfinished = path.with_name(f".{path.name}.part")
        _write_anew(unfinished, reversed(kept))
        unfinished.replace(path)
    return gone


def _write_anew(path: Path, lines: Iterable[bytes]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, PRIVATE_FILE)
    with os.fdopen(descriptor, "wb") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())


def read(path: Path) -> Kept:
    """The heads that were kept. To be read before the audit: one kept since tells of acts that an older view lacks."""
    return Kept(path, _lines(path))


async def verify(c: Connection, vault: Vault, kept: Kept) -> Check:
    """Ask the audit for each head that was kept.

    Heads from before a restoration are asked for only as far as the backup went, and not at all where the audit they
    belong to was itself replaced by a backup of before it began.
    """
    heads, fault = _proven(kept, await audit.chain_key(c, vault))
    limit: int | None = None
    wanted: list[Head] = []
    for stretch in reversed(_stretches(heads)):
        first = stretch[0]
        later = limit is not None and first.restored_from is not None
        if later and await audit.seal_of(c, first.seq) != first.seal:
            continue
        wanted = [one for one in stretch if limit is None or one.seq <= limit] + wanted
        if first.restored_from is not None:
            limit = first.restored_from if limit is None else min(limit, first.restored_from)
    for place, head in enumerate(wanted):
        found = await audit.seal_of(c, head.seq)
        if found != head.seal:
            why = "is another than the one that was there"
            if found is None:
                why = "was there and is missing: acts were cut off, or an old database restored"
            return Check(wanted[:place], f"act {head.seq} {why}", found is None)
    return Check(heads, fault)


def _stretches(heads: list[Head]) -> list[list[Head]]:
    """The heads between one restoration and the next; each but the first begins with its restoration."""
    found: list[list[Head]] = []
    for head in heads:
        if head.restored_from is not None or not found:
            found.append([])
        found[-1].append(head)
    return found


def _proven(kept: Kept, key: bytes) -> tuple[list[Head], str]:
    """The heads in a file up to the first that this installation did not write, and what is wrong with that."""
    heads: list[Head] = []
    path = kept.path
    for number, line in enumerate(kept.lines, start=1):
        head = _parsed(line)
        if head is None:
            if number == len(kept.lines):
                break  # the last line was cut off while it was written
            return heads, f"line {number} of {plain(path)} is no head"
        proof = _proof(key, head.seq, head.at_ms, head.seal, head.restored_from)
        if not hmac.compare_digest(head.proof, proof):
            return (
                heads,
                f"line {number} of {plain(path)} was not written by this installation, or was changed",
            )
        heads.append(head)
    return heads, ""


def _lines(path: Path, *, last_bytes: int | None = None) -> list[bytes]:
    try:
        with path.open("rb") as file:
            if last_bytes is not None:
                file.seek(max(0, file.seek(0, os.SEEK_END) - last_bytes))
            return file.read().splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise DatabaseError(f"{plain(path)} cannot be read: {error.strerror}.", code="heads") from error


def _parsed(line: bytes) -> Head | None:
    try:
        told = json.loads(line[:MAX_LINE_BYTES])
        restored_from = told.get("restored_from")
        return Head(
            int(told["seq"]),
            int(told["at_ms"]),
            bytes.fromhex(told["seal"]),
            bytes.fromhex(told["proof"]),
            None if restored_from is None else int(restored_from),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _proof(key: bytes, seq: int, at_ms: int, seal: bytes, restored_from: int | None = None) -> bytes:
    told = f"|{seq}|{at_ms}|" if restored_from is None else f"|{seq}|{at_ms}|restored|{restored_from}|"
    return hmac.digest(key, b"siscon audit head" + told.encode() + seal, "sha256")
