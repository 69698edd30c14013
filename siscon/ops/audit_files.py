"""The audit in a file that others can check without siscon, given the key of its chain. docs/audit.md says how."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TextIO

from siscon.domain.errors import ConfigError, UsageError
from siscon.domain.text import plain
from siscon.ops.activity import AuditLog
from siscon.ops.files import FORMULA, whole_or_not
from siscon.store import audit, keys, rekey
from siscon.store.database import Database

COLUMNS = ("seq", "at_ms", "actor", "action", "target", "detail", "before", "seal")
"""``detail`` is the text as it was sealed, ``before`` the seal of the act before, in hexadecimal digits."""
TEXTS = COLUMNS[2:6]
PAGE = 500
MOST_CHARACTERS = 10_000_000
Form = Literal["jsonl", "csv"]


async def export(
    log: AuditLog, path: Path, form: Form, note: Callable[[int], Awaitable[object]], *, over: bool
) -> int:
    """Write acts with their seals for this account alone, whole or not at all; how many.

    The file has its name once ``note`` was told how many those are; what it raises is raised here, and
    ``DatabaseError`` where an act was changed so that it has no such form.
    """
    count = 0
    with _sentences(path), whole_or_not(path, over=over) as file:
        put = _writer(file, form)
        async for chunk in log.ids():
            for start in range(0, len(chunk), PAGE):
                async with log.db.read() as c:
                    acts = await audit.sealed_acts(c, chunk[start : start + PAGE])
                for act in acts:
                    put({**asdict(act), "before": act.before.hex(), "seal": act.seal.hex()})
                count += len(acts)
        await note(count)
    return count


def _writer(file: TextIO, form: Form) -> Callable[[dict[str, Any]], object]:
    if form == "jsonl":
        return lambda row: file.write(json.dumps(row, ensure_ascii=True) + "\n")
    table = csv.writer(file)
    table.writerow(COLUMNS)
    return lambda row: table.writerow([_cell(one) for one in row.values()])


def _cell(value: Any) -> str:
    """What a spreadsheet would calculate begins with an apostrophe; so does what begins with one."""
    text = str(value)
    return f"'{text}" if text.startswith((*FORMULA, "'")) else text


@dataclass(frozen=True, slots=True)
class FileVerdict:
    """What a check of a file found: how many acts are whole, the first that is not, and how many are not in it."""

    acts: int
    first: int | None
    last: int | None
    first_bad: int | None
    left_out: int


def verify(path: Path, key: bytes) -> FileVerdict:
    """Check every act of a file against its seal and the one before it; raises ``UsageError`` for what is no export.

    That acts are missing at the beginning, between two or at the end is no fault of a file: only some may have been
    asked for. How many are missing between the first and the last is counted.
    """
    first: int | None = None
    last, seal, acts, left_out = 0, b"", 0, 0
    with _sentences(path), path.open(encoding="utf-8", newline="") as file:
        for row in _rows(file, path):
            seq, before = row["seq"], row["before"]
            follows = first is None or seq > last
            chain = audit.Chain(key, seq=seq - 1, before=before)
            told = (seq, row["at_ms"], *(row[name] for name in TEXTS), row["seal"])
            begins = seq != 1 or not before
            if not follows or not begins or (seq == last + 1 and first is not None and before != seal):
                return FileVerdict(acts, first, last or None, seq, left_out)
            if not chain.holds(told):
                return FileVerdict(acts, first, last or None, seq, left_out)
            left_out += seq - last - 1 if first is not None else 0
            first, last, seal, acts = seq if first is None else first, seq, row["seal"], acts + 1
    return FileVerdict(acts, first, last or None, None, left_out)


def _rows(file: TextIO, path: Path) -> Iterator[dict[str, Any]]:
    try:
        begin = file.read(1)
        file.seek(0)
        csv.field_size_limit(MOST_CHARACTERS)
        found = map(json.loads, file) if begin == "{" else _from_csv(file)
        for row in found:
            yield {
                "seq": int(row["seq"]),
                "at_ms": int(row["at_ms"]),
                **{name: str(row[name]) for name in TEXTS},
                **{name: bytes.fromhex(row[name]) for name in ("before", "seal")},
            }
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise UsageError(
            f"{plain(path)} is no export of an audit, or was damaged: 'siscon audit export' writes no such line.",
            code="no_export",
        ) from error


def _from_csv(file: TextIO) -> Iterator[dict[str, str]]:
    for row in csv.DictReader(file):
        yield {name: value.removeprefix("'") for name, value in row.items()}


async def chain_key(db: Database, home: Path) -> bytes:
    """The key of the chain of this installation."""
    vault = keys.open_vault(keys.find_source(home, os.environ))
    async with db.read() as c:
        await rekey.check_fits(c, vault)
        return await audit.chain_key(c, vault)


def read_key(path: Path) -> bytes:
    """A key that ``siscon audit key`` wrote; raises ``ConfigError``."""
    with _sentences(path):
        text = path.read_text(encoding="ascii", errors="replace").strip()
    if not re.fullmatch("[0-9a-f]{64}", text):
        raise ConfigError(f"{plain(path)} holds no key of an audit.", code="bad_key")
    return bytes.fromhex(text)


def write_key(path: Path, key: bytes) -> None:
    """Write a key into a file that is not there yet, for this account alone."""
    with _sentences(path), whole_or_not(path, over=False) as file:
        file.write(key.hex() + "\n")


@contextmanager
def _sentences(path: Path) -> Iterator[None]:
    """Faults of a file as sentences."""
    try:
        yield
    except FileExistsError:
        raise UsageError(f"{plain(path)} is there already: name another file.", code="exists") from None
    except OSError as error:
        raise UsageError(f"{plain(path)}: {error.strerror or 'it cannot be used'}.", code="file") from None
