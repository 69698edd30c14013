"""The newest seal of the audit, written down outside the database: rows cut off at the end, or an old database put in
the place of a newer one, show by it. A line holds number, moment and seal, and its own proof with the chain's key.
"""

from __future__ import annotations

import hmac
import json
import os
from dataclasses import dataclass
from pathlib import Path

from siscon.domain.errors import DatabaseError
from siscon.domain.text import plain
from siscon.store import audit
from siscon.store.database import Connection
from siscon.store.files import PRIVATE_FILE
from siscon.store.vault import Vault

FILE = "audit-heads.jsonl"
MAX_LINE_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Head:
    """What one line says; ``proof`` is its own seal."""

    seq: int
    at_ms: int
    seal: bytes
    proof: bytes


async def line_of(c: Connection, vault: Vault, *, at_ms: int, after_seq: int = 0) -> tuple[int, str] | None:
    """Number and line of the newest act, or None when there is none after ``after_seq``."""
    seq, seal = await audit.head(c)
    if seq <= after_seq:
        return None
    proof = _proof(await audit.chain_key(c, vault), seq, at_ms, seal)
    return seq, json.dumps({"seq": seq, "at_ms": at_ms, "seal": seal.hex(), "proof": proof.hex()})


def append(path: Path, line: str) -> None:
    """Add a line, on the disk when this returns; raises ``OSError``.

    What a crash left of the last line is taken off first: with the new one behind it, it would look tampered with.
    """
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


async def verify(c: Connection, vault: Vault, path: Path) -> tuple[list[Head], str]:
    """The heads that were kept, and what is wrong with the first that the audit does not hold; else no words."""
    key = await audit.chain_key(c, vault)
    heads: list[Head] = []
    lines = _lines(path)
    for number, line in enumerate(lines, start=1):
        head = _parsed(line)
        if head is None:
            if number == len(lines):
                break  # the last line was cut off while it was written
            return heads, f"line {number} of {plain(path)} is no head"
        if not hmac.compare_digest(head.proof, _proof(key, head.seq, head.at_ms, head.seal)):
            return (
                heads,
                f"line {number} of {plain(path)} was not written by this installation, or was changed",
            )
        found = await audit.seal_of(c, head.seq)
        if found is None:
            return (
                heads,
                f"act {head.seq} was there and is missing: acts were cut off, or an old database restored",
            )
        if found != head.seal:
            return heads, f"act {head.seq} is another than the one that was there"
        heads.append(head)
    return heads, ""


def _lines(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise DatabaseError(f"{plain(path)} cannot be read: {error.strerror}.", code="heads") from error


def _parsed(line: bytes) -> Head | None:
    try:
        told = json.loads(line[:MAX_LINE_BYTES])
        return Head(
            int(told["seq"]), int(told["at_ms"]), bytes.fromhex(told["seal"]), bytes.fromhex(told["proof"])
        )
    except (ValueError, KeyError, TypeError):
        return None


def _proof(key: bytes, seq: int, at_ms: int, seal: bytes) -> bytes:
    return hmac.digest(key, b"siscon audit head" + f"|{seq}|{at_ms}|".encode() + seal, "sha256")
