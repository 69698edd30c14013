"""What SQLite says went wrong, as a sentence that tells a person what to do."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from siscon.domain.errors import DatabaseError
from siscon.domain.text import plain

BUSY_TIMEOUT_S = 5

_FAULTS: dict[int, tuple[str, str]] = {
    sqlite3.SQLITE_FULL: (
        "full",
        (
            "The disk under {path} is full; nothing of this step was kept. Make room there; what an engine had under "
            "way goes on by itself."
        ),
    ),
    sqlite3.SQLITE_BUSY: (
        "locked",
        (
            f"Another program has kept {{path}} locked for more than {BUSY_TIMEOUT_S} s. Find it with "
            "`fuser {path}`, end it and try again; what an engine had under way goes on by itself."
        ),
    ),
    sqlite3.SQLITE_LOCKED: ("locked", "{path} is locked from within siscon. Start the run again."),
    sqlite3.SQLITE_READONLY: (
        "read_only",
        (
            "{path} cannot be written: the file, its folder or the disk is read-only. Give the account that runs "
            "siscon the right to write there."
        ),
    ),
    sqlite3.SQLITE_PERM: ("read_only", "{path} cannot be read or written by the account that runs siscon."),
    sqlite3.SQLITE_CANTOPEN: (
        "unusable_place",
        "{path} cannot be opened. See that it exists and that its folder belongs to the account that runs siscon.",
    ),
    sqlite3.SQLITE_IOERR: (
        "disk_fault",
        (
            "The disk under {path} reports a fault; nothing of this step was kept. Look into the system's log, then "
            "run `siscon doctor`."
        ),
    ),
    sqlite3.SQLITE_CORRUPT: (
        "damaged",
        (
            "{path} is damaged. Stop siscon; `siscon backup list` shows the newest good backup, and "
            "`siscon backup restore` puts it in its place and keeps this file."
        ),
    ),
    sqlite3.SQLITE_NOTADB: (
        "damaged",
        (
            "{path} is not a database, or its beginning is damaged. Stop siscon; `siscon backup restore` puts the "
            "newest good backup in its place and keeps this file."
        ),
    ),
    sqlite3.SQLITE_NOMEM: (
        "no_memory",
        "There is not enough memory to work with {path}. End other programs.",
    ),
    sqlite3.SQLITE_INTERRUPT: ("interrupted", "A query on {path} was stopped before its end."),
    sqlite3.SQLITE_CONSTRAINT: (
        "constraint",
        (
            "{path} refused a row that would break one of its rules; nothing of this step was kept. This is a fault "
            "in siscon: please report it with the log."
        ),
    ),
}
_OTHER = ("database", "{path} could not carry out a step; nothing of it was kept. The log tells more.")


def database_error(error: Exception, path: Path) -> DatabaseError:
    """The error of the house for one of the library's; the log learns SQLite's own words, which hold no values."""
    if isinstance(error, UnicodeError):
        return DatabaseError(
            "A text with half a character in it cannot be stored; the record that holds it must be refused "
            "before it comes here.",
            code="unstorable_text",
        )
    code = getattr(error, "sqlite_errorcode", None)
    name, sentence = _FAULTS.get((code or 0) & 0xFF, _OTHER)
    detail = f"{getattr(error, 'sqlite_errorname', type(error).__name__)}: {error}"
    return DatabaseError(sentence.format(path=plain(path)), code=name, detail=detail)
